#include "daemon/event_data.h"

#include <string>

#include <gtest/gtest.h>

#include "domain/ids.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {
namespace {

std::string sample() {
  std::string data;
  transport::Writer(data)
      .map(4)
      .field("order_id", "o-1")
      .field("total", std::int64_t{7})
      .field("unknown", true)
      .key("nothing")
      .nil();
  return data;
}

TEST(EventDataTest, ReadsFieldsAndPassesOverThoseItDoesNotKnow) {
  const std::string bytes = sample();
  EventData data;
  ASSERT_TRUE(data.decode(bytes));
  EXPECT_EQ(data.string("order_id").value(), "o-1");
  EXPECT_EQ(data.integer("total").value(), 7);
  EXPECT_EQ(data.id<domain::OrderId>("order_id")->text(), "o-1");
  EXPECT_EQ(data.optional_string("failure").value(), "");
  EXPECT_EQ(data.optional_string("nothing").value(), "");
}

TEST(EventDataTest, AnErrorNamesTheFieldAndWhatWasFound) {
  const std::string bytes = sample();
  EventData data;
  ASSERT_TRUE(data.decode(bytes));
  EXPECT_EQ(data.string("total").error().message,
            "the event's data.total must be a string, not an integer");
  EXPECT_EQ(data.integer("amount").error().message, "the event's data.amount is missing");
  EXPECT_EQ(data.integer("nothing").error().argument, "data.nothing");
  EXPECT_EQ(data.optional_string("total").error().argument, "data.total");
}

TEST(EventDataTest, DataThatIsNoMapIsRefused) {
  for (const std::string bytes : {"", "\xC1", "\x81", "\x90", "\xA1x", "\x80\x80"}) {
    EventData data;
    EXPECT_EQ(data.decode(bytes).error().argument, "data") << bytes;
  }
}

}  // namespace
}  // namespace outboxd::daemon
