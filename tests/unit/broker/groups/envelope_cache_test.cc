#include "broker/groups/envelope_cache.h"

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

TEST(EnvelopeCacheTest, CountsWhatItHoldsAndUsesPlacesAgain) {
  EnvelopeCache cache;
  const std::uint32_t a = cache.put("envelope", "");
  const std::uint32_t b = cache.put("second", "died");
  EXPECT_GT(a, 0U);
  EXPECT_NE(a, b);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.bytes(), 18U);
  const EventCopy copy = cache.take(b);
  EXPECT_EQ(copy.envelope, "second");
  EXPECT_EQ(copy.reason, "died");
  EXPECT_EQ(cache.bytes(), 8U);
  EXPECT_EQ(cache.put("x", ""), b);
  EXPECT_EQ(cache.take(a).envelope, "envelope");
}

}  // namespace
}  // namespace outboxd::broker
