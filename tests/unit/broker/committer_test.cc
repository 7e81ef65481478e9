#include "broker/committer.h"

#include <condition_variable>
#include <future>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/service_time.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/broker/gated_engine.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;

class CommitterTest : public ::testing::Test {
 protected:
  ~CommitterTest() override { engine_.let_all_pass(); }

  void add(std::string_view producer, domain::Seq seq, std::string_view envelope = "e") {
    const std::vector<transport::AcceptedEvent> events{{seq, "t", envelope}};
    committer_.add({producer, 1, seq, seq, events});
  }

  // What was reported durable next.
  Committer::Written next_written() {
    std::unique_lock lock(mutex_);
    reported_.wait(lock, [this] { return !durable_.empty(); });
    Committer::Written written = std::move(durable_.front());
    durable_.erase(durable_.begin());
    return written;
  }
  std::vector<ProducerPosition> next_durable() { return next_written().positions; }

  GatedEngine engine_;
  std::mutex mutex_;
  std::condition_variable reported_;
  std::vector<Committer::Written> durable_;
  std::promise<domain::Error> failure_;
  support::ManualClock clock_;
  ServiceTime time_{clock_, 7'000};
  Committer committer_{engine_, time_,
                       [this](Committer::Written written) {
                         const std::lock_guard lock(mutex_);
                         durable_.push_back(std::move(written));
                         reported_.notify_all();
                       },
                       [this](const domain::Error& error) { failure_.set_value(error); }};
};

TEST_F(CommitterTest, WhatIsAcceptedWhileTheDiskIsBusyIsWrittenTogether) {
  committer_.start();
  add("a", 1);
  committer_.flush();
  engine_.wait_until_writing();
  add("a", 2);
  committer_.flush();
  add("b", 1);
  committer_.flush();
  engine_.let_all_pass();
  EXPECT_THAT(next_durable(), ElementsAre(ProducerPosition{"a", 1, 1}));
  EXPECT_THAT(next_durable(),
              ElementsAre(ProducerPosition{"a", 1, 2}, ProducerPosition{"b", 1, 1}));
  EXPECT_EQ(engine_.appends(), 2U);
}

TEST_F(CommitterTest, G6NothingIsDurableBeforeTheEngineSaysSo) {
  committer_.start();
  add("a", 1);
  committer_.flush();
  engine_.wait_until_writing();
  {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(durable_.empty());
  }
  EXPECT_FALSE(committer_.progress().idle);
  EXPECT_EQ(committer_.progress().groups, 0U);
  engine_.let_one_pass();
  EXPECT_THAT(next_durable(), ElementsAre(ProducerPosition{"a", 1, 1}));
  EXPECT_EQ(committer_.progress().groups, 1U);
}

TEST_F(CommitterTest, TakesNoMoreThanTwoGroupsWhenTheDiskIsSlow) {
  committer_.start();
  const std::string large(AppendGroup::kBytes, 'x');
  add("a", 1, large);
  committer_.flush();
  engine_.wait_until_writing();  // the first group is under way,
  add("a", 2, large);            // the second is full,
  auto third = std::async(std::launch::async, [this, &large] { add("a", 3, large); });
  engine_.let_one_pass();  // and the third gets in when the second is taken: a full group
  third.get();             // that is added to is a failed check
  engine_.let_all_pass();
  committer_.flush();
  for (domain::Seq seq = 1; seq <= 3; ++seq) {
    EXPECT_THAT(next_durable(), ElementsAre(ProducerPosition{"a", 1, seq}));
  }
}

TEST_F(CommitterTest, EventsAndChangesOfGroupsAreOneWriteAndReportedTogether) {
  engine_.let_all_pass();
  committer_.add(GroupChange{.id = {"t", "g"}, .cursor = 5});
  add("a", 1);
  add("a", 2);
  committer_.start();
  committer_.flush();
  const Committer::Written written = next_written();
  EXPECT_THAT(written.groups, ElementsAre(GroupId{"t", "g"}));
  EXPECT_THAT(written.topics, ElementsAre("t"));
  EXPECT_EQ(engine_.appends(), 1U);
}

TEST_F(CommitterTest, TheElapsedTimeIsThatOfTheWriteAndCanBeKeptByItself) {
  engine_.let_all_pass();
  committer_.start();
  committer_.flush();
  committer_.keep_time();
  clock_.advance_ms(500);
  committer_.flush();
  EXPECT_THAT(next_written().positions, ::testing::IsEmpty());
  EXPECT_EQ(engine_.appends(), 1U);
  EXPECT_EQ(MemoryEngine(engine_.contents()).elapsed_at_open(), 7'500);
}

TEST_F(CommitterTest, StopWritesWhatWasAdded) {
  engine_.let_all_pass();
  committer_.start();
  add("a", 1);
  committer_.stop();
  EXPECT_THAT(next_durable(), ElementsAre(ProducerPosition{"a", 1, 1}));
  EXPECT_EQ(engine_.producer("a"), (ProducerPosition{"a", 1, 1}));
}

TEST_F(CommitterTest, G10AfterAFailedWriteNothingIsWrittenOrReportedAndNobodyWaits) {
  engine_.fail_next_append({domain::ErrorCode::kInternal, "the disk is gone", ""});
  committer_.start();
  add("a", 1);
  committer_.flush();
  engine_.let_all_pass();
  EXPECT_EQ(failure_.get_future().get().message, "the disk is gone");
  const std::string large(AppendGroup::kBytes, 'x');
  for (domain::Seq seq = 2; seq <= 5; ++seq) {
    add("a", seq, large);
    committer_.flush();
  }
  committer_.stop();
  EXPECT_EQ(engine_.appends(), 1U);
  EXPECT_TRUE(durable_.empty());
  EXPECT_EQ(engine_.producer("a"), std::nullopt);
}

}  // namespace
}  // namespace outboxd::broker
