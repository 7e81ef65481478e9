// The demonstration is kept working: a shop's day and a box office, three processes each, an outage
// of each of them, and nothing lost.
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"
#include "tests/support/paths.h"

namespace outboxd::e2e {
namespace {

namespace fs = std::filesystem;

using ::testing::ContainsRegex;

class Demo : public ::testing::Test {
 protected:
  // Where root runs it, what it starts is another user.
  Demo() { fs::permissions(directory_ / ".", fs::perms::owner_all | fs::perms::others_exec); }

  // Runs a part of it, act by act, and returns what it shows.
  std::string watch(const std::string& part, const std::vector<std::string>& acts) {
    Process demo({.argv = {support::source_dir() + "/docs/demo/" + part,
                           fs::path(program("outboxd")).parent_path()},
                  .environment = {{"TMPDIR", directory_ / "."}}});
    for (const std::string& act : acts) {
      if (!demo.wait_for_output(act)) break;
    }
    EXPECT_EQ(demo.wait(), 0) << demo.out() << demo.err();
    EXPECT_TRUE(fs::is_empty(directory_ / "."));
    return demo.out();
  }

  const TempDir directory_;
};

TEST_F(Demo, EveryOrderOfAShopsDayEndsAndIsPaidOnce) {
  const std::string shown = watch("shop-day", {"payment service killed", "the import has ended"});
  for (const char* what : {"orders without their final state +0\n", "duplicates +0\n", "lost +0\n",
                           "orders created +0\n", "dead_lettered", "declined"}) {
    EXPECT_THAT(shown, ContainsRegex(what));
  }
}

TEST_F(Demo, EverySeatOfABoxOfficeIsSoldOnceAndEverySaleIsBooked) {
  const std::string shown =
      watch("box-office", {"all there", "payment service killed", "broker killed",
                           "the box office is killed", "the buyers have gone home"});
  for (const char* what :
       {"buyers +5000\n", "seats sold +1000\n", "payments booked +1000\n", "seats sold twice +0\n",
        "points lost or made +0\n", "events left in the outbox +0\n"}) {
    EXPECT_THAT(shown, ContainsRegex(what));
  }
}

}  // namespace
}  // namespace outboxd::e2e
