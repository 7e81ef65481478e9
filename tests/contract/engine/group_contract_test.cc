// What every engine must keep of consumer groups and dead letters.
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/contract/engine/engine_subjects.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const GroupId kPayments{"orders", "payments"};

class GroupContract : public EngineContractBase {
 protected:
  // Events 1 to `events` of producer "a" are in topic "orders".
  void given_events(domain::Seq events) {
    AppendBatch batch{{{"a", 1, events}}, {}, {}, 0};
    for (domain::Seq seq = 1; seq <= events; ++seq) batch.events.push_back({0, seq, "orders", "e"});
    append(batch);
  }

  void change(GroupChange change, std::int64_t elapsed_ms = 0) {
    AppendBatch batch;
    change.id = change.id.topic.empty() ? kPayments : change.id;
    batch.groups.push_back(std::move(change));
    batch.elapsed_ms = elapsed_ms;
    append(batch);
  }

  std::vector<GroupState> groups() {
    auto states = engine().groups();
    EXPECT_TRUE(states.ok());
    return states.ok() ? std::move(states).value() : std::vector<GroupState>();
  }

  std::optional<DeferredEvent> deferred(Offset offset) {
    auto event = engine().deferred(kPayments, offset);
    EXPECT_TRUE(event.ok());
    return event.ok() ? std::move(event).value() : std::nullopt;
  }

  std::vector<std::pair<Offset, DeadLetter>> letters(Offset from = 1) {
    std::vector<std::pair<Offset, DeadLetter>> found;
    EXPECT_TRUE(engine().read_dead(kPayments, from, [&](Offset offset, const DeadLetter& letter) {
      found.emplace_back(offset, letter);
      return true;
    }));
    return found;
  }

  static DeferredEvent retrying(Offset offset) {
    DeferredEvent event;
    event.offset = offset;
    event.key_hash = 0xFEDCBA9876543210;
    event.attempts = 2;
    event.first_delivered_ms = -1;
    event.not_before_ms = 12'345;
    event.producer = "a";
    event.seq = offset;
    event.reason = "gateway \xC3\xBCnavailable";
    event.history = {{100, "first"}, {200, ""}};
    return event;
  }

  static DeadLetter letter_of(domain::Seq seq) {
    DeadLetter letter;
    letter.producer = "a";
    letter.seq = seq;
    letter.source_offset = seq;
    letter.envelope = std::string("\x01\0bytes", 7);
    letter.reason = "gave up";
    letter.attempts = 4;
    letter.history = {{1, "one"}, {2, "two"}};
    letter.died_elapsed_ms = 99;
    letter.died_at_ms = -5;  // before 1970: a box without a clock
    return letter;
  }
};

TEST_P(GroupContract, AnUnknownGroupHasNothing) {
  holds_for_ever([this] {
    EXPECT_THAT(groups(), IsEmpty());
    EXPECT_EQ(deferred(1), std::nullopt);
    EXPECT_THAT(letters(), IsEmpty());
    EXPECT_EQ(engine().count_dead(kPayments), 0U);
  });
}

TEST_P(GroupContract, AGroupExistsFromItsFirstChangeEvenWithoutItsTopic) {
  change({});
  holds_for_ever([this] {
    ASSERT_EQ(groups().size(), 1U);
    EXPECT_EQ(groups()[0].id, kPayments);
    EXPECT_EQ(groups()[0].cursor, 1U);
    EXPECT_THAT(groups()[0].deferred, IsEmpty());
  });
}

TEST_P(GroupContract, CursorMarksAndPassedPositionsAreKeptAsTheyWereLastChanged) {
  given_events(9);
  change({.cursor = 4, .passed = {{"a", 3}}, .done = {6, 8}});
  change({.cursor = 7, .passed = {{"a", 6}}, .done = {9}, .undone = {6}});
  change({.done = {}});  // leaves the cursor alone
  holds_for_ever([this] {
    const GroupState state = groups().at(0);
    EXPECT_EQ(state.cursor, 7U);
    EXPECT_THAT(state.done, ElementsAre(8, 9));
    EXPECT_THAT(state.passed, ElementsAre(std::pair<std::string, domain::Seq>("a", 6)));
  });
}

TEST_P(GroupContract, DeferredEventsAreListedBrieflyAndReadWhole) {
  given_events(9);
  DeferredEvent replayed = retrying(2);
  replayed.envelope = "its own copy";
  change({.defer = {retrying(7), replayed}});
  holds_for_ever([&] {
    EXPECT_EQ(deferred(7), retrying(7));
    EXPECT_EQ(deferred(2), replayed);
    EXPECT_EQ(deferred(3), std::nullopt);

    DeferredEvent brief = retrying(2);
    brief.history.clear();
    DeferredEvent other = retrying(7);
    other.history.clear();
    EXPECT_THAT(groups().at(0).deferred, ElementsAre(brief, other));
  });
}

TEST_P(GroupContract, ADeferredEventIsReplacedAndRemoved) {
  given_events(9);
  change({.defer = {retrying(7), retrying(8)}});
  DeferredEvent again = retrying(7);
  again.attempts = 3;
  change({.defer = {again}, .undefer = {8}});
  holds_for_ever([&] {
    EXPECT_EQ(deferred(7), again);
    EXPECT_EQ(deferred(8), std::nullopt);
    EXPECT_EQ(groups().at(0).deferred.size(), 1U);
  });
}

TEST_P(GroupContract, DeadLettersAreEventsOfATopicOfTheirOwn) {
  given_events(9);
  change({.undefer = {7}, .bury = {letter_of(7), letter_of(8)}});
  holds_for_ever([this] {
    EXPECT_THAT(letters(), ElementsAre(std::pair(Offset{1}, letter_of(7)),
                                       std::pair(Offset{2}, letter_of(8))));
    EXPECT_THAT(letters(2), ElementsAre(std::pair(Offset{2}, letter_of(8))));
    EXPECT_EQ(engine().count_dead(kPayments), 2U);
    std::vector<std::string> read;
    EXPECT_TRUE(engine().read("dead:orders:payments", 1, [&](const StoredEvent& event) {
      EXPECT_EQ(event.envelope, letter_of(7).envelope);
      EXPECT_EQ(event.reason, "gave up");
      read.push_back(std::string(event.producer) + " " + std::to_string(event.seq));
      return true;
    }));
    EXPECT_THAT(read, ElementsAre("a 7", "a 8"));
  });
}

TEST_P(GroupContract, ADiscardedLetterIsGoneAndItsOffsetIsNeverGivenAgain) {
  given_events(9);
  change({.bury = {letter_of(1), letter_of(2)}});
  change({.discard = {2, 77}});
  subject_->reopen();
  change({.bury = {letter_of(3)}});
  holds_for_ever([this] {
    EXPECT_THAT(letters(), ElementsAre(std::pair(Offset{1}, letter_of(1)),
                                       std::pair(Offset{3}, letter_of(3))));
    EXPECT_EQ(engine().count_dead(kPayments), 2U);
  });
}

TEST_P(GroupContract, GroupsDoNotMixEvenWhenTheirNamesBeginAlike) {
  given_events(9);
  change({.id = {"orders", "pay"}, .cursor = 2, .done = {5}, .defer = {retrying(4)}});
  change({.id = {"orders", "pay.2"}, .cursor = 3, .bury = {letter_of(1)}});
  change({.id = {"order", "spay"}, .cursor = 9});
  holds_for_ever([this] {
    const std::vector<GroupState> states = groups();
    ASSERT_EQ(states.size(), 3U);
    EXPECT_EQ(states[0].id, (GroupId{"order", "spay"}));
    EXPECT_EQ(states[0].cursor, 9U);
    EXPECT_EQ(states[1].id, (GroupId{"orders", "pay"}));
    EXPECT_THAT(states[1].done, ElementsAre(5));
    EXPECT_EQ(states[1].deferred.size(), 1U);
    EXPECT_EQ(states[2].cursor, 3U);
    EXPECT_THAT(states[2].deferred, IsEmpty());
    EXPECT_EQ(engine().count_dead({"orders", "pay"}), 0U);
    EXPECT_EQ(engine().count_dead({"orders", "pay.2"}), 1U);
  });
}

TEST_P(GroupContract, EventsAndGroupChangesOfOneBatchAreThereTogether) {
  AppendBatch batch{{{"a", 1, 1}}, {{0, 1, "orders", "e"}}, {}, 500};
  batch.groups.push_back({.id = kPayments, .cursor = 1, .defer = {retrying(1)}});
  append(batch);
  holds_for_ever([this] {
    EXPECT_EQ(engine().topics().at(0).next_offset, 2U);
    EXPECT_EQ(deferred(1), retrying(1));
  });
}

TEST_P(GroupContract, ElapsedTimeIsKeptAndNeverGoesBack) {
  EXPECT_EQ(engine().elapsed_at_open(), 0);
  change({}, 5'000);
  change({}, 4'000);
  subject_->reopen();
  EXPECT_EQ(engine().elapsed_at_open(), 5'000);
}

TEST_P(GroupContract, StartsAreNumbered) {
  const std::uint64_t first = engine().starts();
  EXPECT_GE(first, 1U);
  subject_->reopen();
  EXPECT_EQ(engine().starts(), first + 1);
}

INSTANTIATE_TEST_SUITE_P(AllEngines, GroupContract, ::testing::ValuesIn(kSubjects), subject_name);

}  // namespace
}  // namespace outboxd::broker
