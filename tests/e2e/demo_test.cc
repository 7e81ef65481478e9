// The demonstration is kept working: three processes, an outage of each, and nothing lost.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {
namespace {

namespace fs = std::filesystem;

using ::testing::ContainsRegex;

TEST(Demo, EveryOrderEndsEveryPaymentIsMadeOnceAndNothingStays) {
  const TempDir directory;
  // Where root runs it, what it starts is another user.
  fs::permissions(directory / ".", fs::perms::owner_all | fs::perms::others_exec);
  const Outcome demo = run(
      {.argv = {OUTBOXD_SOURCE_DIR "/docs/demo/run", fs::path(program("outboxd")).parent_path()},
       .environment = {{"TMPDIR", directory / "."}}});
  ASSERT_EQ(demo.status, 0) << demo.out << demo.err;
  for (const char* what : {"orders without their final state +0\n", "duplicates +0\n", "lost +0\n",
                           "orders created +0\n", "dead_lettered", "declined"}) {
    EXPECT_THAT(demo.out, ContainsRegex(what));
  }
  EXPECT_TRUE(fs::is_empty(directory / "."));
}

}  // namespace
}  // namespace outboxd::e2e
