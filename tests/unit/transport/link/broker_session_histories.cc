// BrokerSessions and stores whose numbers are of another history (G13).
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/broker_session_fixture.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two stores, and what the first of them has delivered: events up to 10, the last one with this
// chain value.
constexpr std::string_view kStore = "0000000000000000000000000000000a";
constexpr std::string_view kOther = "0000000000000000000000000000000b";
constexpr std::uint64_t kChain = 777;

class BrokerSessionHistories : public BrokerSessionTest {
 protected:
  void SetUp() override {
    BrokerSessionTest::SetUp();
    sessions_->restore("till",
                       {.epoch = 5, .last_seq = 10, .store = std::string(kStore), .chain = kChain});
  }

  static HelloFrame hello_of(std::string_view store, domain::Seq next_seq) {
    return {.producer = "till",
            .epoch = 6,
            .next_seq = next_seq,
            .software = "test",
            .instance = 1,
            .store = store};
  }

  // What is sent back for `hello`, once the disk has what it takes.
  std::vector<std::string> answers_to(const HelloFrame& hello, std::string_view peer = "p") {
    receive(peer, encode(hello));
    if (!output_.epochs_taken.empty()) {
      const std::string origin =
          output_.epochs_taken.back().substr(0, output_.epochs_taken.back().rfind('/'));
      output_.epochs_taken.clear();
      sessions_->durable(origin, output_.epochs.at(origin), hello.life > 0 ? hello.base_seq : 10);
    }
    return output_.take_sent();
  }
};

TEST_F(BrokerSessionHistories, TheSameStoreProvesItsLastEventAndIsWelcome) {
  HelloFrame hello = hello_of(kStore, 21);
  EXPECT_THAT(answers_to(hello), ElementsAre("p <- PROVE 10"));
  hello.proof_seq = 10;
  hello.proof_chain = kChain;
  EXPECT_THAT(answers_to(hello), ElementsAre("p <- WELCOME after 10"));
}

TEST_F(BrokerSessionHistories, AProcessProvesItselfOnce) {
  HelloFrame hello = hello_of(kStore, 21);
  hello.proof_seq = 10;
  hello.proof_chain = kChain;
  (void)answers_to(hello);
  hello.proof_seq = 0;
  EXPECT_THAT(answers_to(hello, "q"), ElementsAre("q <- WELCOME after 10"));
}

TEST_F(BrokerSessionHistories, ACopyThatMadeOtherEventsIsOfAnotherHistory) {
  HelloFrame hello = hello_of(kStore, 21);
  hello.proof_seq = 10;
  hello.proof_chain = kChain + 1;
  EXPECT_THAT(answers_to(hello), ElementsAre("p <- CONFLICT other_history life 0 after 10"));
  EXPECT_THAT(output_.epochs_taken, IsEmpty()) << "nothing of it is kept";
}

TEST_F(BrokerSessionHistories, AnOlderCopyIsBehindAndDoesNotFenceItsOriginal) {
  HelloFrame original = hello_of(kStore, 11);
  original.proof_seq = 10;
  original.proof_chain = kChain;
  (void)answers_to(original, "original");
  HelloFrame copy = hello_of(kStore, 6);
  copy.epoch = 9;
  copy.instance = 2;
  EXPECT_THAT(answers_to(copy, "copy"), ElementsAre("copy <- CONFLICT box_behind life 0 after 10"));
  publish("original", 11, {"e"});
  EXPECT_EQ(output_.take_appended().size(), 1U) << "its session goes on";
}

TEST_F(BrokerSessionHistories, AnotherStoreUnderTheNameIsToldWhoseItIsWhateverItsEpoch) {
  HelloFrame hello = hello_of(kOther, 21);
  for (const std::uint64_t epoch : {std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()}) {
    hello.epoch = epoch;
    EXPECT_THAT(answers_to(hello), ElementsAre("p <- CONFLICT other_store life 0 after 10"));
  }
  EXPECT_EQ(position_of("till").epoch, 5U);
  EXPECT_EQ(sessions_->counters().fenced, 0U);
}

TEST_F(BrokerSessionHistories, WhoOnlyKnowsTheNameIsRefusedWithoutFencingAnybody) {
  HelloFrame hello = hello_of("", 21);
  hello.epoch = std::numeric_limits<std::uint64_t>::max();
  EXPECT_THAT(
      answers_to(hello),
      ElementsAre(HasSubstr("ERROR invalid: producer till is a store that says which it is")));
  EXPECT_EQ(position_of("till").epoch, 5U);
}

TEST_F(BrokerSessionHistories,
       ADaemonOfTheReleaseBeforeIsServedAsLongAsItsStoreNeverSaidWhichItIs) {
  hello("p", "kiosk", 3);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0"));
  HelloFrame upgraded = hello_of(kStore, 1);
  upgraded.producer = "kiosk";
  upgraded.epoch = 4;
  receive("p", encode(upgraded));
  durable("kiosk", 0);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0"));
  EXPECT_EQ(position_of("kiosk").store, kStore) << "from now on the name is its";
}

TEST_F(BrokerSessionHistories, ANewLifeTakesTheNameOverWithNumbersOfItsOwn) {
  HelloFrame original = hello_of(kStore, 11);
  original.proof_seq = 10;
  original.proof_chain = kChain;
  (void)answers_to(original, "old");
  HelloFrame next = hello_of(kOther, 5);
  next.epoch = 1;
  next.life = 1;
  next.base_seq = 2;
  EXPECT_THAT(answers_to(next, "new"),
              ElementsAre("old <- CONFLICT other_life life 1 after 2", "new <- WELCOME after 2"));
  publish("new", 3, {"e"});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till:life-1/1 3-3 3:e@e"));
  EXPECT_EQ(position_of("till").life, 1U);
}

TEST_F(BrokerSessionHistories, ALifeFollowsTheOneBefore) {
  HelloFrame hello = hello_of(kOther, 5);
  hello.life = 2;
  EXPECT_THAT(answers_to(hello), ElementsAre("p <- CONFLICT other_life life 0 after 10"));
}

TEST_F(BrokerSessionHistories, OfALifeThatIsOverNothingIsAwaitedAnyMore) {
  HelloFrame original = hello_of(kStore, 11);
  original.proof_seq = 10;
  original.proof_chain = kChain;
  (void)answers_to(original, "old");
  publish("old", 11, {"e"});
  HelloFrame next = hello_of(kOther, 5);
  next.life = 1;
  receive("new", encode(next));
  EXPECT_FALSE(sessions_->drained()) << "the epoch of the new life";
  sessions_->durable("till", 6, 11);
  sessions_->durable("till:life-1", 6, 0);
  EXPECT_TRUE(sessions_->drained());
}

TEST_F(BrokerSessionHistories, TheHighestLifeIsRestored) {
  restart({});
  sessions_->restore("till:life-2", {.epoch = 1, .last_seq = 3});
  sessions_->restore("till", {.epoch = 9, .last_seq = 50});
  EXPECT_EQ(position_of("till").life, 2U);
  EXPECT_EQ(position_of("till").last_seq, 3U);
}

TEST_F(BrokerSessionHistories, ANameThatLooksLikeALaterLifeIsRefused) {
  HelloFrame hello = hello_of(kOther, 1);
  hello.producer = "till:life-1";
  EXPECT_THAT(answers_to(hello), ElementsAre(HasSubstr("ERROR invalid")));
}

}  // namespace
}  // namespace outboxd::transport
