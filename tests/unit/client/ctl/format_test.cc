#include "client/ctl/format.h"

#include <chrono>

#include <gtest/gtest.h>

namespace outboxd::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

TEST(Format, DurationsGrowTheirUnits) {
  EXPECT_EQ(format_duration(milliseconds(0)), "0.0 s");
  EXPECT_EQ(format_duration(milliseconds(1250)), "1.2 s");
  EXPECT_EQ(format_duration(milliseconds(12'000)), "12 s");
  EXPECT_EQ(format_duration(milliseconds(200'000)), "3 min 20 s");
  EXPECT_EQ(format_duration(milliseconds(180'000)), "3 min");
  EXPECT_EQ(format_duration(milliseconds(7'500'000)), "2 h 5 min");
  EXPECT_EQ(format_duration(milliseconds(367'200'000)), "4 d 6 h");
  EXPECT_EQ(format_duration(milliseconds(-12'000)), "-12 s");
}

TEST(Format, AnAgeIsTheTimeSinceAnRfc3339Time) {
  const auto now = system_clock::from_time_t(1'291'191'960);  // 2010-12-01T08:26:00Z
  EXPECT_EQ(format_age("2010-12-01T08:25:30.000Z", now), "30 s");
  EXPECT_EQ(format_age("2010-12-01T08:26:01.000Z", now), "0.0 s") << "a clock that is behind";
  EXPECT_EQ(format_age("-", now), "-");
}

TEST(Format, DurationsAreReadWithTheirUnits) {
  EXPECT_EQ(parse_duration("5"), milliseconds(5000));
  EXPECT_EQ(parse_duration("5s"), milliseconds(5000));
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  for (const char* text : {"", "s", "-1", "1.5", "5h", "5 s", "99999999999999999999"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Format, BytesGrowTheirUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(12'595), "12.3 KiB");
  EXPECT_EQ(format_bytes(4ULL << 30), "4.0 GiB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "16384.0 PiB");
}

TEST(Format, CountsAreGroupedByThousands) {
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
}

TEST(Format, MoneyIsShownInTheCurrencysMajorUnit) {
  EXPECT_EQ(format_money(5340, "GBP"), "53.40 GBP");
  EXPECT_EQ(format_money(5, "GBP"), "0.05 GBP");
  EXPECT_EQ(format_money(-5, "GBP"), "-0.05 GBP");
  EXPECT_EQ(format_money(500, "JPY"), "500 JPY");
  EXPECT_EQ(format_money(1234, "KWD"), "1.234 KWD");
  EXPECT_EQ(format_money(INT64_MIN, "GBP"), "-92233720368547758.08 GBP");
  EXPECT_EQ(format_money(7, "???"), "7 minor units of ???");
}

TEST(Format, AFieldIsShownWithTheUnitThatItsNameEndsIn) {
  EXPECT_EQ(format_value("oldest_age_ms", 12'000), "12 s");
  EXPECT_EQ(format_value("free_bytes", 2048U), "2.0 KiB");
  EXPECT_EQ(format_value("bytes_before", 2048U), "2.0 KiB");
  EXPECT_EQ(format_value("seq", 12'000), "12000");
  EXPECT_EQ(format_value("failure", nullptr), "-");
  EXPECT_EQ(format_value("replayed", true), "yes");
  EXPECT_EQ(format_value("modules", Json::array({"orders", "payments"})), "orders, payments");
  EXPECT_EQ(format_value("modules", Json::array()), "-");
  EXPECT_EQ(format_member(Json{{"a", 1}}, "b"), "-");
}

TEST(Format, ALineOfJsonIsJsonWhateverTheTextWas) {
  EXPECT_EQ(to_line(Json{{"text", "a\xFF"}}), "{\"text\":\"a\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace outboxd::ctl
