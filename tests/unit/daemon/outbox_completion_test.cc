#include "daemon/outbox_completion.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

using domain::Seq;

std::string text(const std::vector<SeqRange>& ranges) {
  std::string text;
  for (const SeqRange& range : ranges) {
    text += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
  }
  return text;
}

// Entries 1, 2, 3 … on the given topics: 'o' is orders, which group payments consumes; 's' is
// stock, which is complete when the broker has it.
void store(OutboxCompletion& outbox, const std::string& topics, Seq first = 1) {
  for (const char topic : topics) outbox.note_stored(first++, topic == 'o' ? "orders" : "stock");
}

const std::vector<ConsumedBy> kOrdersArePaid = {{"orders", "payments"}};

TEST(OutboxCompletion, WithoutRulesAnEntryIsCompleteWhenTheBrokerHasIt) {
  OutboxCompletion outbox({}, 4, {});
  store(outbox, "oso", 5);
  EXPECT_EQ(outbox.completed_seq(), 4U);
  outbox.delivered_through(6);
  EXPECT_EQ(outbox.completed_seq(), 6U);
  outbox.consumed("orders", {7, 7});
  EXPECT_EQ(outbox.completed_seq(), 6U);
  EXPECT_FALSE(outbox.unknown_from().has_value());
}

TEST(OutboxCompletion, AnEntryOfAConsumedTopicIsNotCompleteBecauseTheBrokerHasIt) {  // G5
  OutboxCompletion outbox(kOrdersArePaid, 0, {});
  store(outbox, "sso");
  outbox.delivered_through(3);
  EXPECT_EQ(outbox.completed_seq(), 2U);
  EXPECT_FALSE(outbox.is_complete(3));
  outbox.consumed("orders", {3, 3});
  EXPECT_EQ(outbox.completed_seq(), 3U);
}

TEST(OutboxCompletion, WhatIsCompleteAboveAnEntryThatIsNotIsKept) {
  OutboxCompletion outbox(kOrdersArePaid, 0, {});
  store(outbox, "ooosso");
  outbox.delivered_through(6);
  outbox.consumed("orders", {2, 3});
  EXPECT_EQ(outbox.completed_seq(), 0U) << "the first order is still to be paid";
  EXPECT_TRUE(outbox.is_complete(3));
  EXPECT_EQ(text(outbox.above(10)), "2-5 ");
  outbox.consumed("orders", {1, 1});
  EXPECT_EQ(outbox.completed_seq(), 5U);
  EXPECT_EQ(text(outbox.above(10)), "");
}

TEST(OutboxCompletion, ARangeSpeaksOnlyOfItsTopic) {
  OutboxCompletion outbox({{"orders", "payments"}, {"stock", "warehouse"}}, 0, {});
  store(outbox, "oso");
  outbox.delivered_through(3);
  outbox.consumed("orders", {1, 3});
  EXPECT_EQ(outbox.completed_seq(), 1U);
  EXPECT_FALSE(outbox.is_complete(2));
  outbox.consumed("stock", {2, 2});
  EXPECT_EQ(outbox.completed_seq(), 3U);
}

TEST(OutboxCompletion, ReportsMayBeRepeatedAndMayComeBeforeTheAcknowledgement) {
  OutboxCompletion outbox(kOrdersArePaid, 0, {});
  store(outbox, "oso");
  outbox.consumed("orders", {1, 3});
  outbox.consumed("orders", {1, 3});
  EXPECT_EQ(outbox.completed_seq(), 1U) << "the broker has not acknowledged the second";
  outbox.delivered_through(3);
  outbox.consumed("orders", {1, 2});
  EXPECT_EQ(outbox.completed_seq(), 3U);
}

TEST(OutboxCompletion, ABuriedEntryIsConsumedByNobodyAndHoldsNothingUp) {
  OutboxCompletion outbox(kOrdersArePaid, 0, {});
  store(outbox, "oos");
  outbox.delivered_through(3);
  outbox.consumed("orders", {2, 2});
  EXPECT_EQ(outbox.completed_seq(), 0U);
  outbox.note_buried(1);
  EXPECT_EQ(outbox.completed_seq(), 3U);
}

TEST(OutboxCompletion, AfterARestartItAsksForTheTopicsOfWhatIsNotComplete) {
  OutboxCompletion outbox(kOrdersArePaid, 10, {});
  outbox.note_stored(15, "stock");  // does not follow on: it is not known what is before
  EXPECT_FALSE(outbox.unknown_from().has_value()) << "nothing is acknowledged";
  outbox.delivered_through(15);
  ASSERT_EQ(outbox.unknown_from(), 11U);
  outbox.note_read(12, "stock");  // 11 was withdrawn
  outbox.note_read(13, "orders");
  outbox.note_read_through(15);
  EXPECT_EQ(outbox.completed_seq(), 12U);
  EXPECT_FALSE(outbox.unknown_from().has_value()) << "it waits for the consumer, not for topics";
  outbox.consumed("orders", {13, 13});
  EXPECT_EQ(outbox.completed_seq(), 15U);
}

TEST(OutboxCompletion, SelectiveProgressSurvivesARestart) {
  OutboxCompletion before(kOrdersArePaid, 0, {});
  store(before, "ooos");
  before.delivered_through(4);
  before.consumed("orders", {2, 3});
  const std::vector<SeqRange> saved = before.above(10);
  OutboxCompletion after(kOrdersArePaid, before.completed_seq(), saved);
  EXPECT_TRUE(after.is_complete(2));
  EXPECT_FALSE(after.is_complete(1));
  after.delivered_through(4);
  store(after, "ooos");
  after.consumed("orders", {1, 1});
  EXPECT_EQ(after.completed_seq(), 4U);
}

TEST(OutboxCompletion, RemembersABoundedNumberOfEntriesAndAsksForTheRestLater) {
  OutboxCompletion outbox(kOrdersArePaid, 0, {}, {.known_entries = 2, .ranges_per_topic = 10});
  store(outbox, "osos");
  outbox.delivered_through(4);
  EXPECT_FALSE(outbox.unknown_from().has_value());
  outbox.consumed("orders", {1, 1});
  EXPECT_EQ(outbox.completed_seq(), 2U);
  ASSERT_EQ(outbox.unknown_from(), 3U);
  outbox.note_read(3, "orders");
  outbox.note_read(4, "stock");
  EXPECT_EQ(outbox.completed_seq(), 2U);
  outbox.consumed("orders", {3, 3});
  EXPECT_EQ(outbox.completed_seq(), 4U);
}

TEST(OutboxCompletion, GivesTheStoreABoundedNumberOfRanges) {
  OutboxCompletion outbox(kOrdersArePaid, 0, {});
  store(outbox, "osososos");
  outbox.delivered_through(8);
  EXPECT_EQ(text(outbox.above(2)), "2-2 4-4 ");
}

}  // namespace
}  // namespace outboxd::daemon
