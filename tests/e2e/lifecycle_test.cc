// How the daemon starts and stops, and when it refuses to.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/raw_connection.h"
#include "tests/support/read_file.h"

namespace outboxd::e2e {
namespace {

using support::read_file;

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Lifecycle : public ApplianceTest {};

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// RocksDB's write-ahead log with the most in it.
fs::path largest_log(const fs::path& directory) {
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() != ".log") continue;
    if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
  }
  return largest;
}

// Turns over some bytes around the middle of what a log holds (behind it there may be zeros).
void damage_the_middle(const fs::path& log) {
  std::string bytes = read_file(log);
  const std::size_t used = bytes.find_last_not_of('\0') + 1;
  ASSERT_GT(used, 4096U);
  for (std::size_t i = 0; i < 64; ++i)
    bytes[used / 2 + i] = static_cast<char>(~bytes[used / 2 + i]);
  write_file(log, bytes);
}

TEST_F(Lifecycle, SigtermAnswersWhatWasReceivedAndEndsWithZero) {
  broker_.start();
  daemon_.start();
  constexpr std::uint32_t kRequests = 2000;
  std::string requests;
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    requests += encoded_request(i, "order.create", order("o-" + std::to_string(i)));
  }
  RawConnection client(daemon_.socket());
  client.send(requests);
  daemon_.process().signal(SIGTERM);

  std::vector<std::uint64_t> told(kRequests);
  std::size_t answered = 0;
  while (const auto answer = client.receive()) {
    ASSERT_TRUE(answer->at(2).is_null()) << answer->dump();
    told.at(answer->at(1).get<std::size_t>()) = answer->at(3).at("seq").get<std::uint64_t>();
    ++answered;
  }
  EXPECT_EQ(daemon_.process().wait(), 0);
  EXPECT_GT(answered, 0U);

  // Told and done are the same: nobody who was answered loses anything, and who was not asks again.
  daemon_.start();
  EXPECT_EQ(daemon_.ask("daemon.status").at("outbox").at("next_seq"), answered + 1);
  Client again = daemon_.connect();
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    const Json created = ok(again.call("order.create", order("o-" + std::to_string(i))));
    ASSERT_EQ(created.at("replayed"), told[i] != 0);
    if (told[i] != 0) {
      ASSERT_EQ(created.at("seq"), told[i]);
    }
  }
}

TEST_F(Lifecycle, SigtermEndsTheBrokerAndAnIdleDaemonWithZero) {
  broker_.start();
  daemon_.start();
  EXPECT_EQ(broker_.stop(), 0);
  EXPECT_EQ(daemon_.stop(), 0);
  EXPECT_FALSE(fs::exists(daemon_.socket()));
}

TEST_F(Lifecycle, WaitersAreToldThatTheDaemonStops) {
  lonely_.start();
  lonely_.ask("order.create", order("o-1"));
  RawConnection waiter(lonely_.socket());
  waiter.send(encoded_request(1, "outbox.wait",
                              {{"seq", 1}, {"level", "delivered"}, {"timeout_ms", 600'000}}));
  waiter.send(encoded_request(2, "daemon.status"));
  ASSERT_EQ(waiter.receive()->at(1), 2);  // so the wait has begun
  lonely_.process().signal(SIGTERM);
  EXPECT_EQ(waiter.receive_error().at("code"), "shutting_down");
  EXPECT_EQ(lonely_.process().wait(), 0);
}

TEST_F(Lifecycle, AListeningSocketOfTheServiceManagerIsTakenOverAndLeftInPlace) {
  const std::string path = directory_ / "activated";
  const client::Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 16), 0);

  // Who comes before the daemon waits instead of failing.
  RawConnection early(path);
  early.send(encoded_request(1, "order.create", order("o-1")));
  lonely_.start({.listening_fd = listener.get()});
  const auto answer = early.receive();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->at(3).at("seq"), 1);
  EXPECT_FALSE(fs::exists(lonely_.socket()));

  // And so does who comes while it restarts.
  EXPECT_EQ(lonely_.stop(), 0);
  RawConnection between(path);
  between.send(encoded_request(2, "order.create", order("o-1")));
  lonely_.start({.listening_fd = listener.get()});
  EXPECT_EQ(between.receive()->at(3).at("replayed"), true);
}

TEST_F(Lifecycle, ASecondDaemonOnTheSameDataIsRefused) {
  lonely_.start();
  Server second{
      "outboxd", directory_ / "second", {"--producer", "till-1", "--data-dir", lonely_.data()}};
  const ProcessOutcome outcome =
      e2e::run({.argv = {program("outboxd"), "--data-dir", lonely_.data(), "--socket",
                         second.socket(), "--producer", "till-1"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr(lonely_.data().string()));
  EXPECT_FALSE(fs::exists(second.socket()));
  EXPECT_EQ(lonely_.ask("order.create", order("o-1")).at("seq"), 1);
}

TEST_F(Lifecycle, ASecondBrokerOnTheSameDataIsRefused) {
  broker_.start();
  const ProcessOutcome outcome =
      e2e::run({.argv = {program("outbox-broker"), "--data-dir", broker_.data(), "--socket",
                         directory_ / "s2", "--listen", "tcp://127.0.0.1:0"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr(broker_.data().string()));
  EXPECT_EQ(broker_.ask("broker.status").at("events").at("stored"), 0);
}

TEST_F(Lifecycle, TheDataOfAnotherProducerAreRefused) {
  lonely_.start();
  EXPECT_EQ(lonely_.stop(), 0);
  const ProcessOutcome outcome = lonely_.run({"--producer", "till-2"});
  EXPECT_NE(outcome.status, 0);
}

TEST_F(Lifecycle, ADaemonOnACopyOfTheDataFencesTheOriginalWhichSaysSoAndKeepsItsChanges) {
  broker_.start();
  daemon_.start();
  daemon_.ask("order.create", order("o-1"));
  wait_until_delivered(daemon_, 1);
  EXPECT_EQ(daemon_.stop(), 0);
  Server copy{
      "outboxd", directory_ / "copy", {"--producer", "till-1", "--broker", port_.endpoint()}};
  fs::copy(daemon_.data(), copy.data(), fs::copy_options::recursive);
  daemon_.start();
  ASSERT_TRUE(daemon_.process().wait_for_output("state=connected"));

  copy.start();  // with the same epoch as the original: not higher, so started once more
  copy.kill();
  copy.start();
  ASSERT_TRUE(daemon_.process().wait_for_output("state=fenced"));
  const Json status = daemon_.ask("daemon.status");
  EXPECT_EQ(status.at("link").at("state"), "fenced");
  EXPECT_THAT(status.at("link").at("last_error").get<std::string>(), HasSubstr("took over"));
  EXPECT_LT(status.at("epoch"), copy.ask("daemon.status").at("epoch"));

  const Json kept = daemon_.ask("order.create", order("kept"));
  copy.ask("order.create", order("sent"));
  wait_until_delivered(copy, 2);
  EXPECT_EQ(daemon_.ask("daemon.status").at("outbox").at("pending"), 1);
  EXPECT_EQ(kept.at("seq"), 2);
  const auto events = events_at(broker_, "orders");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].at("subject"), "sent");
  EXPECT_EQ(copy.stop(), 0);
}

TEST_F(Lifecycle, G10ALogThatIsGoneIsRefusedUntilARepairTellsAfterWhichEventAllIsLost) {
  lonely_.start();
  for (int i = 1; i <= 3; ++i) lonely_.ask("order.create", order("o-" + std::to_string(i)));
  EXPECT_EQ(lonely_.stop(), 0);
  lonely_.start();  // these three are in a table now
  lonely_.ask("order.create", order("o-4"));
  lonely_.kill();
  const auto gone = largest_log(lonely_.data());
  fs::remove(gone);

  const ProcessOutcome refused = lonely_.run();
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("is missing"), HasSubstr("--repair")));
  const ProcessOutcome repaired = lonely_.run({"--repair"});
  EXPECT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_THAT(repaired.out, HasSubstr("lost whatever came after event 3"));
  EXPECT_THAT(repaired.out, Not(HasSubstr("no undelivered event was lost")));
  lonely_.start();
  EXPECT_EQ(lonely_.ask("daemon.status").at("outbox").at("next_seq"), 4);
}

TEST_F(Lifecycle, DamageInTheMiddleOfTheLogIsRefusedUntilARepairTellsWhatIsLost) {
  lonely_.start();
  constexpr std::uint64_t kOrders = 200;
  for (std::uint64_t i = 1; i <= kOrders; ++i) {
    lonely_.ask("order.create", order("o-" + std::to_string(i)));
  }
  lonely_.kill();  // what is in the log is nowhere else
  damage_the_middle(largest_log(lonely_.data()));

  // Twice: a refusal changes nothing.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const ProcessOutcome refused = lonely_.run();
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, AllOf(HasSubstr(".log"), HasSubstr("--repair")));
  }

  const ProcessOutcome repaired = lonely_.run({"--repair"});
  EXPECT_EQ(repaired.status, 0) << repaired.err;
  EXPECT_THAT(repaired.out, AllOf(HasSubstr("damage in"), HasSubstr("lost events")));

  lonely_.start();
  EXPECT_EQ(lonely_.ask("daemon.verify").at("ok"), true) << lonely_.ask("daemon.verify");
  EXPECT_EQ(lonely_.ask("daemon.status").at("outbox").at("next_seq"), kOrders + 1);
  // What is gone is exactly what the repair said, and consumers learn of it.
  std::uint64_t seq = 0;
  std::size_t lost = 0;
  for (Json page = lonely_.ask("outbox.list", {{"limit", 1000}});
       const Json& entry : page.at("entries")) {
    ASSERT_EQ(entry.at("seq"), ++seq);
    const bool is_lost = entry.at("event").at("type") == "outbox.entry_lost";
    lost += is_lost;
    const auto found =
        lonely_.connect().call("order.get", {{"order_id", "o-" + std::to_string(seq)}});
    EXPECT_EQ(found.ok(), !is_lost) << "order of event " << seq;
    if (is_lost && lost == 1) {
      EXPECT_THAT(repaired.out, HasSubstr("lost events " + std::to_string(seq) + " to "));
    }
  }
  EXPECT_EQ(seq, kOrders);
  EXPECT_GT(lost, 0U);
  EXPECT_LT(lost, 10U);  // the damage is 64 bytes
}

TEST_F(Lifecycle, RepairingWhatIsNotDamagedChangesNothing) {
  lonely_.start();
  lonely_.ask("order.create", order("o-1"));
  lonely_.kill();
  const ProcessOutcome outcome = lonely_.run({"--repair"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("nothing to repair"));
  lonely_.start();
  EXPECT_EQ(lonely_.ask("order.create", order("o-1")).at("replayed"), true);
}

TEST_F(Lifecycle, AWrongConfigurationIsRefusedByFileLineAndKey) {
  const fs::path config = directory_ / "outboxd.toml";
  write_file(config, "producer = \"till-1\"\n[broker]\nendpiont = \"tcp://127.0.0.1:7300\"\n");
  const ProcessOutcome checked =
      e2e::run({.argv = {program("outboxd"), "--config", config, "--check-config"}});
  EXPECT_EQ(checked.status, 2);
  EXPECT_THAT(checked.err, AllOf(HasSubstr(config.string() + ":3"), HasSubstr("endpiont")));

  const ProcessOutcome started = e2e::run({.argv = {program("outboxd"), "--config", config}});
  EXPECT_EQ(started.status, 2);
  EXPECT_EQ(started.err, checked.err);
  const ProcessOutcome asked = e2e::run({.argv = {program("outboxctl"), "check-config", config}});
  EXPECT_EQ(asked.status, 2);
  EXPECT_EQ(asked.err, checked.err);

  write_file(config, "producer = \"till-1\"\n");
  EXPECT_EQ(e2e::run({.argv = {program("outboxd"), "--config", config, "--check-config"}}).status,
            0);
  EXPECT_EQ(e2e::run({.argv = {program("outboxctl"), "check-config", config}}).status, 0);
}

TEST_F(Lifecycle, ASocketPathThatSomethingElseHoldsIsRefusedAndLeftAlone) {
  write_file(lonely_.socket(), "precious");
  const ProcessOutcome outcome = lonely_.run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr(lonely_.socket()));
  EXPECT_EQ(read_file(lonely_.socket()), "precious");
}

TEST_F(Lifecycle, ASocketThatAKilledDaemonLeftIsReplaced) {
  lonely_.start();
  lonely_.kill();
  EXPECT_TRUE(fs::exists(lonely_.socket()));
  lonely_.start();
  EXPECT_EQ(lonely_.ask("order.create", order("o-1")).at("seq"), 1);
  EXPECT_EQ(fs::status(lonely_.socket()).permissions() & fs::perms::all,
            fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                fs::perms::group_write);
}

}  // namespace
}  // namespace outboxd::e2e
