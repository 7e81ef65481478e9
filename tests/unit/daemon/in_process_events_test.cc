#include "daemon/in_process_events.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using domain::DomainEvent;
using domain::ErrorCode;
using domain::Status;

DomainEvent event(std::string type) {
  return {.topic = "stock",
          .key = "k",
          .type = std::move(type),
          .payload = domain::OpaquePayload{.bytes = "\xc0"}};
}

class InProcessEventsTest : public testing::Test {
 protected:
  InProcessEventsTest() {
    events_.after_commit("sold", [this](const DomainEvent& told) {
      told_.push_back(told.type);
      return listener_answers_;
    });
  }

  // A use case that publishes, and what its end leaves to be called when it is durable.
  GroupCommit::WhenDurable publish(std::vector<DomainEvent> published) {
    const auto seqs = stage_.run(
        [&](domain::UnitOfWork& work) { return events_.publish(std::move(published), work); });
    return events_.unit_ended(seqs.ok());
  }
  static void become_durable(const GroupCommit::WhenDurable& follow_up) {
    ASSERT_TRUE(follow_up);
    follow_up(domain::ok_status());
  }

  ServiceStage stage_;
  InProcessEvents events_{stage_.publisher};
  Status listener_answers_ = domain::ok_status();
  std::vector<std::string> told_;
};

TEST_F(InProcessEventsTest, AListenerIsToldWhenTheCommitIsDurableAndNotBefore) {
  const auto follow_up = publish({event("sold"), event("counted"), event("sold")});
  EXPECT_TRUE(told_.empty());
  become_durable(follow_up);
  EXPECT_EQ(told_, (std::vector<std::string>{"sold", "sold"}));
  EXPECT_EQ(stage_.outbox_topics(), "1:stock 2:stock 3:stock ");
}

TEST_F(InProcessEventsTest, EventsThatNobodyListensToLeaveNothingToDo) {
  EXPECT_FALSE(publish({event("counted")}));
  EXPECT_FALSE(publish({}));
}

TEST_F(InProcessEventsTest, AFailureBeforeTheCommitAbortsTheUseCase) {
  stage_.backlog.max_entries = 0;
  const auto refused =
      stage_.run([&](domain::UnitOfWork& work) { return events_.publish({event("sold")}, work); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutboxFull);
  EXPECT_FALSE(events_.unit_ended(false));
  EXPECT_EQ(stage_.outbox_topics(), "");
}

TEST_F(InProcessEventsTest, EventsOfAUseCaseThatWasRefusedAreForgotten) {
  ASSERT_FALSE(stage_.run([&](domain::UnitOfWork& work) -> Status {
    OUTBOXD_TRY(events_.publish({event("sold")}, work));
    return domain::bad_request("points", "changed its mind");
  }));
  EXPECT_FALSE(events_.unit_ended(false));
  become_durable(publish({event("sold")}));
  EXPECT_EQ(told_.size(), 1U);
}

TEST_F(InProcessEventsTest, AListenerThatFailsIsCountedAndKeepsNobodyFromBeingTold) {
  std::vector<std::string> told_next;
  events_.after_commit("sold", [](const DomainEvent&) -> Status { throw std::runtime_error("x"); });
  events_.after_commit("sold", [&](const DomainEvent& told) {
    told_next.push_back(told.key);
    return domain::ok_status();
  });
  listener_answers_ = domain::Error{ErrorCode::kInternal, "the till is jammed", {}};
  become_durable(publish({event("sold")}));
  EXPECT_EQ(events_.failures(), 2U);
  EXPECT_EQ(told_next, (std::vector<std::string>{"k"}));
  EXPECT_EQ(stage_.outbox_topics(), "1:stock ");
}

}  // namespace
}  // namespace outboxd::daemon
