#include "broker/topic_reader.h"

#include <gtest/gtest.h>

#include "tests/contract/engine/memory_engine.h"
#include "tests/unit/broker/link_peer.h"
#include "transport/msgpack/value.h"

namespace outboxd::broker {
namespace {

class TopicReaderTest : public ::testing::Test {
 protected:
  void append(domain::Seq seq, std::string_view bytes) {
    ASSERT_TRUE(engine_.append({{{"shop-1", 1, seq}}, {{0, seq, "orders", bytes}}}).ok());
  }

  // Reads and returns how many events came; `next_` is where to go on.
  std::size_t read(Offset from, ReadLimits limits) {
    std::size_t events = 0;
    const auto next = read_topic(engine_, "orders", from, limits, [&](std::string_view event) {
      last_ = event;
      ++events;
      return true;
    });
    EXPECT_TRUE(next.ok());
    next_ = *next;
    return events;
  }

  // A field of the last event.
  std::string field(std::string_view name) {
    const auto event = document_.decode(last_);
    EXPECT_TRUE(event.ok());
    for (std::size_t i = 0; event.ok() && i < event->size(); ++i) {
      const auto [key, value] = event->entry(i);
      if (key.as_string() != name) continue;
      if (const auto text = value.as_string()) return std::string(*text);
      if (const auto bytes = value.as_binary()) return std::string(*bytes);
      return std::to_string(value.as_integer().value());
    }
    return "(none)";
  }

  MemoryEngine engine_;
  Offset next_ = 0;
  std::string last_;
  transport::Document document_;
};

TEST_F(TopicReaderTest, AnEventIsACloudEventWithItsOffset) {
  append(7, envelope("orders", "hello"));
  EXPECT_EQ(read(1, {}), 1U);
  EXPECT_EQ(field("source"), "/outboxd/shop-1");
  EXPECT_EQ(field("id"), "7");
  EXPECT_EQ(field("seq"), "7");
  EXPECT_EQ(field("offset"), "1");
  EXPECT_EQ(field("topic"), "orders");
  EXPECT_EQ(field("type"), "order.created");
  EXPECT_EQ(field("data"), "hello");
}

TEST_F(TopicReaderTest, PagesJoinWithoutGapOrRepetition) {
  for (domain::Seq seq = 1; seq <= 5; ++seq) append(seq, envelope("orders"));
  EXPECT_EQ(read(0, {.events = 2}), 2U);
  EXPECT_EQ(next_, 3U);
  EXPECT_EQ(read(next_, {.events = 3}), 3U);
  EXPECT_EQ(next_, 6U);
  EXPECT_EQ(field("seq"), "5");
  EXPECT_EQ(read(next_, {}), 0U);
  EXPECT_EQ(next_, 6U);
}

TEST_F(TopicReaderTest, APageStopsAtItsBytesButNeverBeforeItsFirstEvent) {
  for (domain::Seq seq = 1; seq <= 3; ++seq) {
    append(seq, envelope("orders", std::string(1000, 'x')));
  }
  EXPECT_EQ(read(1, {.bytes = 10}), 1U);
  EXPECT_EQ(next_, 2U);
  EXPECT_EQ(read(2, {.bytes = 2600}), 2U);
}

TEST_F(TopicReaderTest, AVisitorThatRefusesAnEventGetsItAgain) {
  append(1, envelope("orders"));
  const auto next = read_topic(engine_, "orders", 1, {}, [](std::string_view) { return false; });
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(*next, 1U);
}

TEST_F(TopicReaderTest, AnEventOfAnUnknownLayoutIsShownWithItsBytes) {
  append(1, "\xff what a later release wrote");
  append(2, envelope("orders"));
  EXPECT_EQ(read(1, {.events = 1}), 1U);
  EXPECT_EQ(field("type"), "undecodable");
  EXPECT_EQ(field("data"), "\xff what a later release wrote");
  EXPECT_EQ(read(next_, {}), 1U);
}

TEST_F(TopicReaderTest, AnUnknownTopicIsNotFound) {
  const auto next = read_topic(engine_, "none", 1, {}, [](std::string_view) { return true; });
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().code, domain::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace outboxd::broker
