#include "broker/groups/key_queues.h"

#include <deque>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

class KeyQueuesTest : public ::testing::Test {
 protected:
  EventIndex event_of(std::uint64_t key) {
    const EventIndex index = events_.add();
    events_[index].key = key;
    return index;
  }

  EventTable events_;
  KeyQueues queues_{events_};
};

TEST_F(KeyQueuesTest, G7EventsOfOneKeyComeOutInTheirOrder) {
  const EventIndex a = event_of(1);
  const EventIndex b = event_of(1);
  const EventIndex c = event_of(1);
  EXPECT_TRUE(queues_.push(a));
  EXPECT_FALSE(queues_.push(b));
  EXPECT_FALSE(queues_.push(c));
  EXPECT_EQ(queues_.head(1), a);
  EXPECT_EQ(queues_.tail(1), c);
  EXPECT_EQ(queues_.pop(a), b);
  EXPECT_EQ(queues_.pop(b), c);
  EXPECT_EQ(queues_.pop(c), kNoEvent);
  EXPECT_EQ(queues_.head(1), kNoEvent);
  EXPECT_EQ(queues_.size(), 0U);
}

TEST_F(KeyQueuesTest, AKeyWithoutEventsHasNoEnds) {
  EXPECT_EQ(queues_.head(0), kNoEvent);
  EXPECT_EQ(queues_.tail(7), kNoEvent);
  (void)queues_.push(event_of(7));
  EXPECT_EQ(queues_.head(8), kNoEvent);
  EXPECT_EQ(queues_.tail(8), kNoEvent);
}

TEST_F(KeyQueuesTest, AgreesWithAMapOfQueuesForAnyOrderOfPushingAndPopping) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<std::uint64_t, std::deque<EventIndex>> model;
  for (int step = 0; step < 40'000; ++step) {
    // Grows for a while, then shrinks; few keys that collide often, and some that do not.
    const std::uint64_t key = (random() % 700) << (random() % 2 == 0 ? 0U : 40U);
    const bool grows = step % 20'000 < 12'000;
    if (random() % 10 < (grows ? 7U : 3U)) {
      const EventIndex event = event_of(key);
      ASSERT_EQ(queues_.push(event), model[key].empty());
      model[key].push_back(event);
    } else if (auto queue = model.find(key); queue != model.end() && !queue->second.empty()) {
      const EventIndex head = queue->second.front();
      queue->second.pop_front();
      ASSERT_EQ(queues_.pop(head), queue->second.empty() ? kNoEvent : queue->second.front());
      events_.remove(head);
    }
    const auto& queue = model[key];
    ASSERT_EQ(queues_.head(key), queue.empty() ? kNoEvent : queue.front());
    ASSERT_EQ(queues_.tail(key), queue.empty() ? kNoEvent : queue.back());
  }
  for (const auto& [key, queue] : model) {
    ASSERT_EQ(queues_.head(key), queue.empty() ? kNoEvent : queue.front()) << key;
  }
}

TEST(KeyHashTest, NeverChangesBecauseItIsOnDisk) {
  EXPECT_EQ(key_hash("shop-1", "order-1"), 0xae66a50ee15c58a2U);
}

TEST(KeyHashTest, ProducerAndKeyAreToldApart) {
  EXPECT_NE(key_hash("ab", "c"), key_hash("a", "bc"));
  EXPECT_NE(key_hash("a", "b"), key_hash("b", "a"));
}

}  // namespace
}  // namespace outboxd::broker
