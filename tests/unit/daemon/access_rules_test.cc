#include "daemon/access_rules.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace outboxd::daemon {
namespace {

constexpr uid_t kStranger = 54'321;

TEST(AccessRulesTest, AllowsEachAccessToWhoIsListed) {
  const AccessRules rules = AccessRules::resolve({"*"}, {"54321"}, {"root"}).value();
  EXPECT_TRUE(rules.allows(Access::kRead, kStranger));
  EXPECT_TRUE(rules.allows(Access::kWrite, kStranger));
  EXPECT_FALSE(rules.allows(Access::kAdmin, kStranger));
  EXPECT_TRUE(rules.allows(Access::kRead, kStranger + 1));
  EXPECT_FALSE(rules.allows(Access::kWrite, kStranger + 1));
}

TEST(AccessRulesTest, RootAndTheDaemonsOwnUserMayDoEverything) {
  const AccessRules rules = AccessRules::resolve({}, {}, {}).value();
  for (const Access access : {Access::kRead, Access::kWrite, Access::kAdmin}) {
    EXPECT_TRUE(rules.allows(access, 0));
    EXPECT_TRUE(rules.allows(access, ::geteuid()));
    EXPECT_FALSE(rules.allows(access, kStranger));
  }
}

TEST(AccessRulesTest, AnUnknownUserIsAnErrorThatNamesTheKey) {
  const auto rules = AccessRules::resolve({"*"}, {"nobody-of-that-name"}, {});
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().argument, "access.write");
  EXPECT_NE(rules.error().message.find("nobody-of-that-name"), std::string::npos);
}

}  // namespace
}  // namespace outboxd::daemon
