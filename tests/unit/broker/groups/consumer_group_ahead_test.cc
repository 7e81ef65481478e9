// Fresh events and a backlog share a group's consumers.
#include <map>
#include <random>

#include "broker/groups/consumer_group.h"
#include "tests/unit/broker/groups/group_fixture.h"

namespace outboxd::broker {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class ConsumerGroupAheadTest : public GroupFixture {
 protected:
  static constexpr int kBacklog = 1'000;

  static GroupOptions options() {
    GroupOptions options = patient();
    options.limits.backlog = 100;
    options.limits.scan_events = 64;
    return options;
  }

  // kBacklog events, of the keys "old-0" to "old-99".
  void given_backlog() {
    for (int i = 0; i < kBacklog; ++i) publish("old-" + std::to_string(i % 100));
  }

  // Acknowledges what is handed out, `credit` at a time, until `seq` came or nothing comes any
  // more. Returns what came.
  std::vector<domain::Seq> consume_until(domain::Seq seq) {
    std::vector<domain::Seq> came;
    while (true) {
      const auto out = pump();
      if (out.empty()) return came;
      for (const Handout& handout : out) {
        came.push_back(handout.seq);
        EXPECT_EQ(ack(handout), SettleResult::kSettled);
      }
      (void)commit();
      if (std::find(came.begin(), came.end(), seq) != came.end()) return came;
    }
  }
  std::vector<domain::Seq> consume_all() { return consume_until(0); }
};

TEST_F(ConsumerGroupAheadTest, AFreshEventOfAnotherKeyDoesNotWaitForTheBacklog) {
  start(options());
  given_backlog();
  group_->subscribe(kAlice, 10, now_ms_);
  std::size_t came = consume_until(200).size();
  publish("fresh");
  const std::size_t until_fresh = consume_until(kBacklog + 1).size();
  EXPECT_LT(until_fresh, 50U);
  came += until_fresh + consume_all().size();
  EXPECT_EQ(came, kBacklog + 1U);
}

TEST_F(ConsumerGroupAheadTest, G7AFreshEventOfAKeyOfTheBacklogWaitsForItsPlace) {
  start(options());
  given_backlog();
  group_->subscribe(kAlice, 10, now_ms_);
  (void)consume_until(200);
  publish("old-99");
  publish("fresh");
  EXPECT_THAT(consume_until(kBacklog + 2), Not(Contains(kBacklog + 1U)));
  const std::vector<domain::Seq> rest = consume_all();
  EXPECT_EQ(rest.back(), kBacklog + 1U);
}

TEST_F(ConsumerGroupAheadTest, EveryEventComesOnceAndInTheOrderOfItsKey) {
  std::mt19937_64 random(20261121);
  SCOPED_TRACE("seed 20261121");
  GroupOptions group_options = options();
  group_options.policy.backoff_base_ms = 1;
  start(group_options);
  given_backlog();
  group_->subscribe(kAlice, 16, now_ms_);
  std::map<std::uint64_t, domain::Seq> last_of_key;
  std::map<domain::Seq, int> acknowledged;
  std::map<domain::Seq, std::string> keys;
  for (int i = 0; i < kBacklog; ++i)
    keys[static_cast<domain::Seq>(i + 1)] = "old-" + std::to_string(i % 100);
  std::map<std::string, domain::Seq> last;
  int published = kBacklog;
  for (int turn = 0; turn < 2'000; ++turn) {
    if (published < 3 * kBacklog && random() % 2 == 0) {
      const std::string key =
          (random() % 3 == 0 ? "old-" : "new-") + std::to_string(random() % 150);
      publish(key);
      keys[static_cast<domain::Seq>(++published)] = key;
    }
    if (turn % 300 == 299) {  // the broker dies; what is in flight comes again
      restart();
      group_->subscribe(kAlice, 16, now_ms_);
    }
    for (const Handout& handout : pump()) {
      EXPECT_GT(handout.seq, last[keys[handout.seq]]) << "G7, key " << keys[handout.seq];
      if (random() % 10 == 0) {
        (void)retry(handout);
      } else {
        (void)ack(handout);
        last[keys[handout.seq]] = handout.seq;
        ++acknowledged[handout.seq];
      }
    }
    (void)commit();
    pass(5);
  }
  for (int turn = 0; turn < 10'000; ++turn) {
    const auto out = pump();
    for (const Handout& handout : out) {
      EXPECT_GT(handout.seq, last[keys[handout.seq]]) << "G7, key " << keys[handout.seq];
      (void)ack(handout);
      last[keys[handout.seq]] = handout.seq;
      ++acknowledged[handout.seq];
    }
    if (!commit().settled.empty() || !out.empty()) continue;
    pass(1'000);
    if (group_->snapshot().unresolved == 0 && out.empty() && turn > 5'000) break;
  }
  const std::size_t letters = disk_.letters.size();
  EXPECT_EQ(acknowledged.size() + letters, static_cast<std::size_t>(published));
  for (const auto& [seq, times] : acknowledged) EXPECT_EQ(times, 1) << seq;
  EXPECT_EQ(disk_.state.cursor, static_cast<Offset>(published + 1));
  EXPECT_THAT(disk_.done, IsEmpty());
  EXPECT_THAT(disk_.table, IsEmpty());
}

TEST_F(ConsumerGroupAheadTest, WhatWasAcknowledgedAheadIsNotDeliveredAfterARestart) {
  start(options());
  given_backlog();
  group_->subscribe(kAlice, 10, now_ms_);
  (void)consume_until(200);
  const Offset fresh = publish("fresh");
  (void)consume_until(kBacklog + 1);
  EXPECT_THAT(disk_.done, Contains(fresh));
  restart();
  group_->subscribe(kAlice, 10, now_ms_);
  EXPECT_THAT(consume_all(), Not(Contains(kBacklog + 1U)));
  EXPECT_THAT(disk_.done, IsEmpty());
}

TEST_F(ConsumerGroupAheadTest, AnEventThatFailsAheadIsRetriedAndDoesNotStopTheBacklog) {
  start(options());
  given_backlog();
  group_->subscribe(kAlice, 10, now_ms_);
  (void)consume_until(200);
  publish("fresh");
  bool failed = false;
  while (!failed) {
    for (const Handout& handout : pump()) {
      failed |= handout.seq == kBacklog + 1;
      handout.seq == kBacklog + 1 ? (void)retry(handout) : (void)ack(handout);
    }
    (void)commit();
  }
  EXPECT_THAT(consume_all(), Not(Contains(kBacklog + 1U)));
  pass(10'000);
  EXPECT_THAT(delivered(), ElementsAre(std::to_string(kBacklog + 1) + "#2"));
}

TEST_F(ConsumerGroupAheadTest, CompletionTellsOfEventsAheadToo) {
  start(options());
  given_backlog();
  group_->subscribe(kAlice, 10, now_ms_);
  (void)consume_until(200);
  publish("fresh");
  (void)consume_until(kBacklog + 1);
  const SeqRanges completed = group_->completed(names_->index_of("shop"));
  EXPECT_TRUE(completed.contains(kBacklog + 1));
  EXPECT_FALSE(completed.contains(kBacklog));
}

}  // namespace
}  // namespace outboxd::broker
