#include "domain/access_token.h"

#include <gmock/gmock.h>

namespace outboxd::domain {
namespace {

using testing::HasSubstr;

class NumberedIds final : public IdGenerator {
 public:
  std::string next() override { return "token-" + std::to_string(++last_); }

 private:
  int last_ = 0;
};

class AccessTokensTest : public testing::Test {
 protected:
  static void expect_invalid(const Status& status, const std::string& why) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kTokenInvalid);
    EXPECT_EQ(status.error().argument, "token");
    EXPECT_THAT(status.error().message, HasSubstr(why));
  }

  const UserId ada_ = UserId::parse("ada").value();
  const UserId bob_ = UserId::parse("bob").value();
  NumberedIds ids_;
  AccessTokens tokens_{ids_, /*max_tokens=*/3};
};

TEST_F(AccessTokensTest, ATokenIsGoodForItsUserUntilItsTimeIsOver) {
  const std::string token = tokens_.issue(ada_, 100, 1'000).value();
  EXPECT_TRUE(tokens_.check(ada_, token_digest_of(token), 1'000).ok());
  EXPECT_TRUE(tokens_.check(ada_, token_digest_of(token), 1'099).ok());
  expect_invalid(tokens_.check(ada_, token_digest_of(token), 1'100), "expired");
}

TEST_F(AccessTokensTest, AnotherUsersTokenLooksLikeNone) {
  const std::string token = tokens_.issue(ada_, 100, 0).value();
  const Status others = tokens_.check(bob_, token_digest_of(token), 0);
  const Status nobodys = tokens_.check(bob_, token_digest_of("guessed"), 0);
  expect_invalid(others, "user bob has no such token");
  EXPECT_EQ(others.error(), nobodys.error());
}

TEST_F(AccessTokensTest, ATokenThatAPaymentHasTakenIsNotGivenToAnother) {
  const std::string token = tokens_.issue(ada_, 100, 0).value();
  ASSERT_TRUE(tokens_.use(ada_, token_digest_of(token), 0).ok());
  expect_invalid(tokens_.check(ada_, token_digest_of(token), 0), "another payment");
  expect_invalid(tokens_.use(ada_, token_digest_of(token), 0), "another payment");
}

TEST_F(AccessTokensTest, AUsedTokenIsGoneForEver) {
  const std::string token = tokens_.issue(ada_, 100, 0).value();
  ASSERT_TRUE(tokens_.use(ada_, token_digest_of(token), 0).ok());
  tokens_.expire(token_digest_of(token));
  expect_invalid(tokens_.check(ada_, token_digest_of(token), 0), "no such token");
  tokens_.expire(token_digest_of(token));
  expect_invalid(tokens_.check(ada_, token_digest_of(token), 0), "no such token");
  EXPECT_EQ(tokens_.size(), 0U);
}

TEST_F(AccessTokensTest, ARefusedUseTakesNothing) {
  const std::string token = tokens_.issue(ada_, 100, 0).value();
  EXPECT_FALSE(tokens_.use(bob_, token_digest_of(token), 0).ok());
  EXPECT_FALSE(tokens_.use(ada_, token_digest_of(token), 100).ok());
  EXPECT_TRUE(tokens_.use(ada_, token_digest_of(token), 0).ok());
}

TEST_F(AccessTokensTest, AUserMayHaveSeveral) {
  const std::string first = tokens_.issue(ada_, 100, 0).value();
  const std::string second = tokens_.issue(ada_, 100, 0).value();
  tokens_.expire(token_digest_of(first));
  EXPECT_TRUE(tokens_.check(ada_, token_digest_of(second), 0).ok());
}

TEST_F(AccessTokensTest, ThereAreNoMoreThanTheLimitUntilSomeExpire) {
  ASSERT_TRUE(tokens_.issue(ada_, 10, 0).ok());
  const std::string longest = tokens_.issue(ada_, 30, 0).value();
  ASSERT_TRUE(tokens_.issue(bob_, 20, 0).ok());
  const auto refused = tokens_.issue(bob_, 10, 9);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(default_retry(refused.error().code), Retry::kLater);
  EXPECT_THAT(refused.error().message, HasSubstr("3 tokens"));
  EXPECT_TRUE(tokens_.issue(bob_, 10, 10).ok());
  EXPECT_TRUE(tokens_.issue(bob_, 10, 20).ok());
  EXPECT_EQ(tokens_.size(), 2U);
  EXPECT_TRUE(tokens_.check(ada_, token_digest_of(longest), 20).ok());
}

TEST_F(AccessTokensTest, ATimeToLiveOutOfItsBoundsIsRefused) {
  for (const std::int64_t ttl_ms : {std::int64_t{0}, std::int64_t{-1}, kMaxTokenTtlMs + 1}) {
    EXPECT_EQ(tokens_.issue(ada_, ttl_ms, 0).error().argument, "ttl_ms");
  }
  EXPECT_TRUE(tokens_.issue(ada_, kMaxTokenTtlMs, 0).ok());
}

TEST_F(AccessTokensTest, WhatIsRememberedOfATokenIsNotTheToken) {
  EXPECT_EQ(token_digest_of("token-1").size(), 16U);
  EXPECT_NE(token_digest_of("token-1"), token_digest_of("token-2"));
  EXPECT_EQ(token_digest_of("token-1").find("token"), std::string::npos);
}

}  // namespace
}  // namespace outboxd::domain
