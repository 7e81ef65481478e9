#include "broker/groups/group_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/service_time.h"
#include "tests/contract/engine/memory_engine.h"
#include "tests/support/manual_clock.h"
#include "transport/limits.h"
#include "transport/link/frame_codec.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using transport::SessionEnd;

// A delivery that owns its texts.
struct Got {
  std::uint64_t tag;
  std::string text;  // "TOPIC GROUP PRODUCER/SEQ #ATTEMPT", and " REASON" of dead letters
  std::string envelope;
};

class GroupTableTest : public ::testing::Test, public GroupOutput {
 protected:
  GroupTableTest() { make(MemoryEngine::Contents{}); }

  void make(MemoryEngine::Contents contents) {
    table_.reset();
    pending_.clear();
    engine_ = std::make_unique<MemoryEngine>(std::move(contents));
    time_ = std::make_unique<ServiceTime>(clock_, engine_->elapsed_at_open());
    GroupTableOptions options;
    options.random = [] { return 0; };
    table_ = std::make_unique<GroupTable>(std::move(options), *engine_, clock_, *time_, *this);
    ASSERT_TRUE(table_->restore());
  }

  // The broker dies and comes back with what the disk has.
  void restart() { make(engine_->contents()); }

  bool send_to(std::string_view producer, std::string frame) override {
    if (unreachable_.contains(producer)) return false;
    transport::Document document;
    const auto decoded = transport::decode_frame(frame, document);
    EXPECT_TRUE(decoded);
    if (const auto* deliver = std::get_if<transport::DeliverFrame>(&*decoded)) {
      ++deliver_frames_;
      for (const transport::Delivery& d : deliver->deliveries) {
        const std::string reason = d.reason.empty() ? "" : " " + std::string(d.reason);
        got_[std::string(producer)].push_back(
            {d.tag,
             std::string(d.topic) + " " + std::string(d.group) + " " + std::string(d.producer) +
                 "/" + std::to_string(d.seq) + " #" + std::to_string(d.attempt) + reason,
             std::string(d.envelope)});
      }
    } else if (const auto* settled = std::get_if<transport::SettledFrame>(&*decoded)) {
      auto& tags = settled_[std::string(producer)];
      tags.insert(tags.end(), settled->tags.begin(), settled->tags.end());
    } else if (const auto* completed = std::get_if<transport::CompletedFrame>(&*decoded)) {
      for (const auto& [first, last] : completed->ranges) {
        completed_[std::string(producer)].push_back(std::string(completed->topic) + " " +
                                                    std::to_string(first) + "-" +
                                                    std::to_string(last));
      }
    }
    return true;
  }
  void commit(GroupChange change) override { pending_.push_back(std::move(change)); }
  void fail(const domain::Error& error) override { failure_ = error; }

  // Everything that was handed to the disk arrives there, and the table hears of it.
  void sync() {
    while (!pending_.empty()) {
      AppendBatch batch;
      batch.groups = std::exchange(pending_, {});
      batch.elapsed_ms = time_->elapsed_ms();
      ASSERT_TRUE(engine_->append(batch));
      std::vector<GroupId> ids;
      for (const GroupChange& change : batch.groups) ids.push_back(change.id);
      table_->durable(ids);
      run();
    }
  }

  void run() {
    while (table_->turn()) {
    }
  }

  void publish(std::string_view key, std::string_view topic = "orders",
               std::string_view producer = "shop") {
    const domain::Seq seq = ++seqs_[std::string(producer)];
    const auto envelope =
        transport::encode_envelope({.topic = topic, .key = key, .type = "t", .data = "d"});
    AppendBatch batch;
    batch.positions = {{std::string(producer), 1, seq}};
    batch.events = {{0, seq, topic, *envelope}};
    ASSERT_TRUE(engine_->append(batch));
    table_->appended(topic);
  }

  void join(std::string_view producer,
            const std::vector<transport::CompletionRule>& completions = {}) {
    table_->on_session(producer, 1, completions);
  }
  void subscribe(std::string_view producer, std::uint64_t credit, std::string_view topic = "orders",
                 std::string_view group = "payments") {
    ASSERT_EQ(table_->on_subscribe(producer, {topic, group, credit}), std::nullopt);
  }
  void join_and_subscribe(std::string_view producer, std::uint64_t credit = 100) {
    join(producer);
    subscribe(producer, credit);
  }

  // What `producer` was sent since the last call.
  std::vector<Got> got(const std::string& producer) {
    run();
    return std::exchange(got_[producer], {});
  }
  std::vector<std::string> texts(const std::string& producer) {
    std::vector<std::string> result;
    for (const Got& one : got(producer)) result.push_back(one.text);
    return result;
  }

  void settle(std::string_view producer, std::uint64_t tag,
              transport::Outcome outcome = transport::Outcome::kAck, std::string_view why = "") {
    table_->on_settle(producer, {{{tag, outcome, why}}});
    run();
  }

  // An event of `key` that till refused.
  void bury(std::string_view key) {
    publish(key);
    settle("till", got("till").at(0).tag, transport::Outcome::kDead, "no order");
    sync();
  }

  domain::Result<std::size_t> settle_letters(LetterAction action, const GroupId& id,
                                             std::optional<Offset> letter) {
    std::optional<domain::Result<std::size_t>> result;
    table_->settle_letters(action, id, letter,
                           [&](domain::Result<std::size_t> r) { result = std::move(r); });
    run();
    EXPECT_FALSE(result && *result && **result > 0) << "told before it was durable";
    sync();
    EXPECT_TRUE(result);
    return *result;
  }

  const GroupId id_{"orders", "payments"};
  support::ManualClock clock_;
  std::unique_ptr<MemoryEngine> engine_;
  std::unique_ptr<ServiceTime> time_;
  std::unique_ptr<GroupTable> table_;
  std::map<std::string, domain::Seq> seqs_;
  std::vector<GroupChange> pending_;
  std::map<std::string, std::vector<Got>> got_;
  std::map<std::string, std::vector<std::uint64_t>> settled_;
  std::map<std::string, std::vector<std::string>> completed_;
  std::size_t deliver_frames_ = 0;
  std::set<std::string, std::less<>> unreachable_;
  std::optional<domain::Error> failure_;
};

TEST_F(GroupTableTest, DeliversWhatTheConsumerNeedsToKnow) {
  join_and_subscribe("till");
  publish("a");
  const auto out = got("till");
  ASSERT_THAT(out, SizeIs(1));
  EXPECT_EQ(out[0].text, "orders payments shop/1 #1");
  EXPECT_FALSE(out[0].envelope.empty());
}

TEST_F(GroupTableTest, AConsumerOfManyGroupsGetsOneFrameInATurn) {
  join("till");
  for (const char* group : {"one", "two", "three"}) subscribe("till", 10, "orders", group);
  for (const char* key : {"a", "b", "c"}) publish(key);
  EXPECT_THAT(got("till"), SizeIs(9));
  EXPECT_EQ(deliver_frames_, 1U);
}

TEST_F(GroupTableTest, ATopicThatDoesNotExistYetIsWaitedFor) {
  join("till");
  subscribe("till", 10, "later");
  EXPECT_THAT(texts("till"), IsEmpty());
  publish("a", "later");
  EXPECT_THAT(texts("till"), ElementsAre("later payments shop/1 #1"));
}

TEST_F(GroupTableTest, AGroupIsOnTheDiskAsSoonAsSomebodySubscribes) {
  join_and_subscribe("till");
  run();
  sync();
  restart();
  const auto groups = table_->groups({}, 10);
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].id, id_);
}

TEST_F(GroupTableTest, ARestartGoesOnWhereTheDiskStands) {
  join_and_subscribe("till");
  publish("a");
  publish("b");
  publish("c");
  const auto out = got("till");
  settle("till", out[1].tag);
  settle("till", out[2].tag, transport::Outcome::kRetry, "not now");
  sync();
  restart();
  join_and_subscribe("till");
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #1"));
  clock_.advance_ms(2'000);
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/3 #2"));
  settle("till", out[0].tag);
  EXPECT_EQ(table_->counters().unknown_tags, 1U) << "tags of another start mean nothing";
}

TEST_F(GroupTableTest, AWallClockThatJumpsAYearEitherWayEndsNoBackOffAndNoTimeToLive) {
  constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;
  for (const std::int64_t jump_ms : {kYearMs, -kYearMs}) {
    const bool is_restarted_too = jump_ms < 0;
    join_and_subscribe("till");
    publish("a");
    settle("till", got("till").at(0).tag, transport::Outcome::kRetry, "not now");
    sync();
    clock_.jump_wall_ms(jump_ms);
    if (is_restarted_too) {
      restart();
      join_and_subscribe("till");
    }
    EXPECT_THAT(texts("till"), IsEmpty()) << "it is not due";
    clock_.advance_ms(2'000);
    const auto again = got("till");
    ASSERT_THAT(again, SizeIs(1)) << "it is neither late nor dead";
    EXPECT_THAT(again[0].text, ::testing::HasSubstr("#2"));
    settle("till", again[0].tag);
    sync();
  }
}

TEST_F(GroupTableTest, SettledIsSentWhenTheSettlementIsDurable) {
  join_and_subscribe("till");
  run();
  sync();
  publish("a");
  const auto out = got("till");
  settle("till", out[0].tag);
  EXPECT_THAT(settled_["till"], IsEmpty());
  sync();
  EXPECT_THAT(settled_["till"], ElementsAre(out[0].tag));
}

TEST_F(GroupTableTest, TagsThatAreUnknownForeignOrUsedUpAreCountedAndDoNothing) {
  join_and_subscribe("till");
  join_and_subscribe("kiosk");
  publish("a");
  run();
  const bool till_has_it = !got_["till"].empty();
  const std::string owner = till_has_it ? "till" : "kiosk";
  const std::string other = till_has_it ? "kiosk" : "till";
  const std::uint64_t tag = got(owner)[0].tag;
  settle(other, tag);
  settle(other, 1);
  settle("stranger", tag);
  settle(owner, tag);
  settle(owner, tag);
  EXPECT_EQ(table_->counters().foreign_tags, 1U);
  EXPECT_EQ(table_->counters().unknown_tags, 3U);
  EXPECT_EQ(table_->counters().acked, 1U);
}

TEST_F(GroupTableTest, WhatCannotBeSentGoesToAnotherConsumerAndIsNotCounted) {
  join_and_subscribe("till");
  unreachable_.insert("till");
  publish("a");
  run();
  join_and_subscribe("kiosk");
  EXPECT_THAT(texts("kiosk"), ElementsAre("orders payments shop/1 #1"));
  EXPECT_THAT(texts("till"), IsEmpty()) << "it has to say HELLO again";
}

TEST_F(GroupTableTest, G11NoEventDiesWithAConsumerThatItWasNotSentTo) {
  join_and_subscribe("till");
  unreachable_.insert("till");
  publish("a");
  run();
  table_->on_session_end("till", SessionEnd::kDied);
  run();
  sync();
  join_and_subscribe("kiosk");
  EXPECT_THAT(texts("kiosk"), ElementsAre("orders payments shop/1 #1"));
}

TEST_F(GroupTableTest, G11OnlyTheDeathOfAConsumerCounts) {
  join_and_subscribe("till");
  publish("a");
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #1"));
  table_->on_session_end("till", SessionEnd::kLeft);
  join_and_subscribe("till");
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #1"));
  table_->on_session_end("till", SessionEnd::kLost);
  join_and_subscribe("till");  // the same process
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #1"));
  join_and_subscribe("till");  // the same process on another connection
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #1"));
  table_->on_session_end("till", SessionEnd::kLost);
  table_->on_session_end("till", SessionEnd::kDied);
  join_and_subscribe("till");
  run();
  sync();
  clock_.advance_ms(2'000);
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #2"));
  EXPECT_EQ(table_->counters().consumers_died, 1U);
}

TEST_F(GroupTableTest, ACreditOfNothingEndsTheSubscriptionAndGivesBackWhatItHad) {
  join_and_subscribe("till");
  publish("a");
  const auto out = got("till");
  subscribe("till", 0);
  subscribe("till", 0);
  settle("till", out[0].tag);
  EXPECT_EQ(table_->counters().unknown_tags, 1U);
  join_and_subscribe("kiosk");
  EXPECT_THAT(texts("kiosk"), ElementsAre("orders payments shop/1 #1"));
  EXPECT_THAT(texts("till"), IsEmpty());
}

TEST_F(GroupTableTest, ACreditOfABillionIsCutToWhatOneMayHave) {
  join("till");
  subscribe("till", 1'000'000'000);
  for (std::size_t i = 0; i < transport::kMaxCredit + 10; ++i) publish(std::to_string(i));
  EXPECT_THAT(got("till"), SizeIs(transport::kMaxCredit));
}

TEST_F(GroupTableTest, TooManyGroupsAreRefused) {
  join("till");
  for (std::size_t i = 0; i < kMaxGroups; ++i) subscribe("till", 1, "orders", std::to_string(i));
  const auto refused = table_->on_subscribe("till", {"orders", "one-more", 1});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, transport::subscription_code::kTooMany);
  subscribe("till", 2, "orders", "0");  // one that is there
}

TEST_F(GroupTableTest, AProducerThatAskedIsToldWhatItsGroupCompleted) {
  join("shop", {{"orders", "payments"}, {"orders", "unheard-of"}});
  join_and_subscribe("till");
  for (const char* key : {"a", "b", "c"}) publish(key);
  publish("a", "orders", "silent");
  const auto out = got("till");
  settle("till", out[0].tag);
  settle("till", out[1].tag);
  settle("till", out[3].tag);
  EXPECT_THAT(completed_["shop"], IsEmpty());
  sync();
  EXPECT_THAT(completed_["shop"], ElementsAre("orders 1-2"));
  EXPECT_THAT(completed_["silent"], IsEmpty());
  settle("till", out[2].tag, transport::Outcome::kDead, "a dead event is completed");
  sync();
  completed_.clear();
  join("shop", {{"orders", "payments"}});
  EXPECT_THAT(completed_["shop"], ElementsAre("orders 1-3")) << "all of it after each WELCOME";
}

TEST_F(GroupTableTest, DeadLettersAreATopicWithGroupsOfItsOwn) {
  join_and_subscribe("till");
  join("office");
  subscribe("office", 10, "dead:orders:payments", "audit");
  run();
  sync();
  bury("a");
  EXPECT_THAT(texts("office"), ElementsAre("dead:orders:payments audit shop/1 #1 no order"));
  DeadLetter letter;
  ASSERT_TRUE(engine_->read_dead(id_, 1, [&](Offset, const DeadLetter& found) {
    letter = found;
    return false;
  }));
  EXPECT_EQ(letter.died_at_ms, clock_.wall_ms());
  EXPECT_EQ(letter.died_elapsed_ms, time_->elapsed_ms());
}

TEST_F(GroupTableTest, AReplayedLetterIsDeliveredAgainAndGone) {
  join_and_subscribe("till");
  bury("a");
  const auto replayed = settle_letters(LetterAction::kReplay, id_, 1);
  ASSERT_TRUE(replayed);
  EXPECT_EQ(*replayed, 1U);
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/1 #1"));
  EXPECT_EQ(engine_->count_dead(id_), 0U);
  const auto again = settle_letters(LetterAction::kReplay, id_, 1);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, domain::ErrorCode::kNotFound);
}

TEST_F(GroupTableTest, AllLettersAreSettledHoweverManyTheyAre) {
  join("till");
  subscribe("till", 1'000);
  for (int i = 0; i < 700; ++i) publish(std::to_string(i));
  for (const Got& one : got("till")) settle("till", one.tag, transport::Outcome::kDead, "no");
  sync();
  ASSERT_EQ(engine_->count_dead(id_), 700U);
  const auto replayed = settle_letters(LetterAction::kReplay, id_, std::nullopt);
  ASSERT_TRUE(replayed);
  EXPECT_EQ(*replayed, 700U);
  const auto again = got("till");
  EXPECT_THAT(again, SizeIs(700));
  for (const Got& one : again) settle("till", one.tag, transport::Outcome::kDead, "no");
  sync();
  const auto discarded = settle_letters(LetterAction::kDiscard, id_, std::nullopt);
  ASSERT_TRUE(discarded);
  EXPECT_EQ(*discarded, 700U);
  EXPECT_EQ(engine_->count_dead(id_), 0U);
  EXPECT_THAT(texts("till"), IsEmpty());
}

TEST_F(GroupTableTest, LettersOfAGroupThatDoesNotExistAreNotFound) {
  const auto result = settle_letters(LetterAction::kDiscard, {"orders", "nobody"}, 1);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, domain::ErrorCode::kNotFound);
}

TEST_F(GroupTableTest, SaysWhenTheNextEventIsDue) {
  join_and_subscribe("till");
  publish("a");
  EXPECT_FALSE(table_->waits());
  settle("till", got("till")[0].tag, transport::Outcome::kRetry, "not now");
  sync();
  EXPECT_EQ(table_->next_deadline_ms(), time_->elapsed_ms() + 800);
  EXPECT_TRUE(table_->waits());
}

TEST_F(GroupTableTest, OnceClosedItHandsOutNothingButKeepsWhatWasSettled) {
  join_and_subscribe("till");
  publish("a");
  const auto out = got("till");
  table_->close();
  publish("b");
  settle("till", out[0].tag);
  EXPECT_FALSE(table_->drained());
  sync();
  EXPECT_TRUE(table_->drained());
  EXPECT_THAT(texts("till"), IsEmpty());
  restart();
  join_and_subscribe("till");
  EXPECT_THAT(texts("till"), ElementsAre("orders payments shop/2 #1"));
}

TEST_F(GroupTableTest, SnapshotsComeInPages) {
  join("till");
  for (const char* group : {"a", "b", "c"}) subscribe("till", 1, "orders", group);
  const auto first = table_->groups({}, 2);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[1].id.group, "b");
  EXPECT_EQ(first[1].consumers, 1U);
  const auto rest = table_->groups(first[1].id, 2);
  ASSERT_THAT(rest, SizeIs(1));
  EXPECT_EQ(rest[0].id.group, "c");
}

}  // namespace
}  // namespace outboxd::broker
