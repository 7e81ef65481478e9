// A real day of invoices goes in twice, with the daemon killed in the middle: once is what counts.
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/e2e/appliance.h"
#include "tests/support/paths.h"
#include "tests/support/read_file.h"

namespace outboxd::e2e {
namespace {

using support::read_file;

const std::string kDay = support::source_dir() + "/docs/examples/online-retail/2010-12-01.csv";

// A file that gets its contents while it is read, so that its reader is in the middle of it for as
// long as a test likes.
class GrowingFile {
 public:
  explicit GrowingFile(const std::string& path) {
    // For reading too: otherwise this would wait for the reader.
    if (::mkfifo(path.c_str(), 0600) == 0) fd_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd_.is_open()) throw std::runtime_error("cannot make " + path);
  }

  // Waits for the reader where it falls behind.
  void append(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_.get(), text.data(), text.size());
      if (written < 0) throw std::runtime_error("cannot write");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void end() { fd_.reset(); }

 private:
  client::Descriptor fd_;
};

class Import : public ApplianceTest {
 protected:
  void SetUp() override {
    broker_.start();
    daemon_.start();
  }

  [[nodiscard]] ProcessOptions import(const std::string& file,
                                      std::vector<std::string> extra = {}) const {
    ProcessOptions options{.argv = {program("outboxctl"), "--socket", daemon_.socket(), "--json",
                                    "--timeout", "60s", "order", "import", file}};
    options.argv.insert(options.argv.end(), extra.begin(), extra.end());
    return options;
  }

  static Json summary_of(Process& process) {
    EXPECT_EQ(process.wait(), 0) << process.err();
    return Json::parse(process.out());
  }

  std::map<std::string, Json> orders() {
    std::map<std::string, Json> all;
    Client client = daemon_.connect();
    Json after;
    do {
      Json page = ok(client.call("order.list", {{"limit", 1000}, {"after", after}}));
      for (Json& order : page.at("orders")) all[order.at("order_id")] = order;
      after = page.at("next");
    } while (!after.is_null());
    return all;
  }
};

TEST_F(Import, ARealDaySurvivesAKillInTheMiddleAndASecondImportChangesNothing) {
  Client watcher = daemon_.connect();
  ok(watcher.call("events.tail"));
  const std::string day = read_file(kDay);
  GrowingFile file(directory_ / "day.csv");
  Process first(import(directory_ / "day.csv", {"--in-flight", "2"}));
  file.append(std::string_view(day).substr(0, day.size() / 2));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(watcher.next_notification(kPatience));
  daemon_.kill();
  daemon_.start();
  file.append(std::string_view(day).substr(day.size() / 2));
  file.end();
  const Json summary = summary_of(first);
  EXPECT_EQ(summary.at("rows"), 3108);
  EXPECT_GE(summary.at("connections_lost"), 1);  // it was the middle

  const auto imported = orders();
  EXPECT_EQ(summary.at("created").get<std::size_t>() + summary.at("replayed").get<std::size_t>(),
            imported.size());
  EXPECT_GT(imported.size(), 100U);

  Process second(import(kDay));
  const Json again = summary_of(second);
  EXPECT_EQ(again.at("created"), 0);
  EXPECT_EQ(again.at("replayed"), imported.size());
  EXPECT_EQ(again.at("events"), 0);
  EXPECT_EQ(again.at("rejected"), summary.at("rejected"));
  EXPECT_EQ(orders(), imported);

  // Each order came to the broker once, with the money that it has here (G9).
  const std::uint64_t next_seq =
      daemon_.ask("daemon.status").at("outbox").at("next_seq").get<std::uint64_t>();
  wait_until_delivered(daemon_, next_seq - 1);
  std::set<std::string> created;
  std::int64_t total_here = 0;
  std::int64_t total_there = 0;
  for (const Json& event : events_at(broker_, "orders")) {
    if (event.at("type") != "order.created") continue;
    EXPECT_TRUE(created.insert(event.at("subject")).second) << event.at("subject");
    total_there += event.at("data").at("total").get<std::int64_t>();
  }
  for (const auto& [id, order] : imported) total_here += order.at("total").get<std::int64_t>();
  EXPECT_EQ(created.size(), imported.size());
  EXPECT_EQ(total_there, total_here);
}

TEST_F(Import, RowsThatAreNoSaleAreReportedByLineAndSkipped) {
  const std::string rejects = directory_ / "rejects.txt";
  Process process(import(kDay, {"--rejects", rejects}));
  const Json summary = summary_of(process);
  EXPECT_GT(summary.at("rejected_rows"), 0);
  EXPECT_NE(process.err().find("2010-12-01.csv:"), std::string::npos);
  EXPECT_EQ(summary.at("connections_lost"), 0);
}

}  // namespace
}  // namespace outboxd::e2e
