#include "domain/time_format.h"

#include <limits>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

TEST(Rfc3339Test, WritesUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1'291'191'960'123), "2010-12-01T08:26:00.123Z");
  EXPECT_EQ(rfc3339(1'709'164'799'999), "2024-02-28T23:59:59.999Z");
  EXPECT_EQ(rfc3339(1'709'164'800'000), "2024-02-29T00:00:00.000Z");
}

TEST(Rfc3339Test, WritesTimesOfAClockThatWasNeverSet) {
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<TimestampMs>::min()), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<TimestampMs>::max()), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace outboxd::domain
