#include "daemon/services/transaction_service.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/service_stage.h"
#include "transport/limits.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;

Transaction transaction(const std::string& request_id) {
  return {domain::RequestId::parse(request_id).value(), {}, {}, {}, {}};
}

domain::DomainEvent event(const std::string& topic) {
  return {.topic = topic, .key = "k", .type = "t", .payload = domain::OpaquePayload{"\xC0"}};
}

class TransactionServiceTest : public testing::Test {
 protected:
  domain::Result<TransactionOutcome> commit(Transaction request) {
    return stage_.run([&](auto& work) { return service_.commit(std::move(request), work); });
  }
  domain::Result<TransactionOutcome> put(const std::string& request_id, const std::string& key,
                                         const std::string& value) {
    Transaction request = transaction(request_id);
    request.put = {{key, value}};
    return commit(std::move(request));
  }
  std::optional<domain::StateValue> state(const std::string& key) {
    return stage_.run([&](auto& work) { return work.application_state().find(key); }).value();
  }

  bool is_processed(const domain::InboxKey& mark) {
    return stage_.run([&](auto& work) { return work.inbox().contains(mark); }).value();
  }

  ServiceStage stage_;
  TransactionService service_{stage_.publisher, stage_.clock};
};

const domain::InboxKey kDelivered{"stock", "till-1", 7};

TEST_F(TransactionServiceTest, ASettledDeliveryIsMarkedWithItsEffectOrNotAtAll) {  // G8
  Transaction request = transaction("r-1");
  request.expect = {{"a", 5}};
  request.put = {{"a", "1"}};
  request.settle = {kDelivered};
  EXPECT_EQ(commit(request).error().code, domain::ErrorCode::kVersionConflict);
  EXPECT_FALSE(is_processed(kDelivered));
  request.expect.clear();
  ASSERT_TRUE(commit(request));
  EXPECT_TRUE(is_processed(kDelivered));
  EXPECT_EQ(state("a")->bytes, "1");
}

TEST_F(TransactionServiceTest, TheNextDeliveryOfAnEventRepeatsTheRequestOfTheLast) {
  Transaction request = transaction("r-1");
  request.put = {{"a", "1"}};
  ASSERT_TRUE(commit(request));
  request.settle = {kDelivered};
  EXPECT_TRUE(commit(request).value().replayed) << "deliveries are no part of the content";
  EXPECT_TRUE(is_processed(kDelivered));
}

TEST_F(TransactionServiceTest, ATagThatNamesNothingIsRefusedUnlessTheRequestWasCommitted) {
  Transaction request = transaction("r-1");
  request.put = {{"a", "1"}};
  ASSERT_TRUE(commit(request));
  request.settle_refusal = domain::Error{domain::ErrorCode::kNotFound, "no such", "settle[0]"};
  EXPECT_TRUE(commit(request).value().replayed);
  Transaction other = transaction("r-2");
  other.put = {{"a", "2"}};
  other.settle_refusal = request.settle_refusal;
  EXPECT_EQ(commit(other).error().argument, "settle[0]");
  EXPECT_EQ(state("a")->bytes, "1");
}

TEST_F(TransactionServiceTest, StateAndEventsAreWrittenTogether) {  // G2
  Transaction request = transaction("r-1");
  request.put = {{"a", "1"}, {"b", "2"}};
  request.events = {event("stock"), event("audit")};
  const TransactionOutcome outcome = commit(std::move(request)).value();
  EXPECT_FALSE(outcome.replayed);
  EXPECT_EQ(outcome.first_seq, 1U);
  EXPECT_EQ(outcome.seq, 2U);
  EXPECT_EQ(state("a")->bytes, "1");
  EXPECT_EQ(state("b")->version, outcome.version);
  EXPECT_EQ(stage_.outbox_topics(), "1:stock 2:audit ");
}

TEST_F(TransactionServiceTest, TheSameRequestAgainHasTheSameOutcome) {  // G4
  Transaction request = transaction("r-1");
  request.put = {{"a", "1"}};
  request.events = {event("stock")};
  const TransactionOutcome first = commit(request).value();
  ASSERT_TRUE(put("r-2", "a", "2"));
  const TransactionOutcome again = commit(request).value();
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.version, first.version);
  EXPECT_EQ(again.seq, first.seq);
  EXPECT_EQ(state("a")->bytes, "2") << "a replay does not write again";
  EXPECT_EQ(stage_.outbox_topics(), "1:stock ");
}

TEST_F(TransactionServiceTest, EveryPartOfTheContentCountsForAConflict) {  // G4
  Transaction original = transaction("r-1");
  original.expect = {{"e", 0}};
  original.put = {{"a", "1"}};
  original.remove = {"b"};
  original.events = {event("stock")};
  ASSERT_TRUE(commit(original));
  const auto conflicts = [&](auto change) {
    Transaction other = original;
    change(other);
    const auto outcome = commit(std::move(other));
    return !outcome && outcome.error().code == ErrorCode::kIdConflict;
  };
  EXPECT_TRUE(conflicts([](Transaction& t) { t.expect[0].version = 1; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.expect.clear(); }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.put[0].value = "2"; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.put[0].key = "c"; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.remove.clear(); }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.events[0].topic = "audit"; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.events[0].key = "q"; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.events[0].type = "u"; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.events[0].ttl_ms = 5; }));
  EXPECT_TRUE(conflicts([](Transaction& t) { t.events[0].traceparent = "00-a"; }));
  EXPECT_TRUE(
      conflicts([](Transaction& t) { t.events[0].payload = domain::OpaquePayload{"\xC3"}; }));
  EXPECT_TRUE(commit(original).value().replayed);
}

TEST_F(TransactionServiceTest, AnExpectedVersionMustBeTheRealOne) {
  const std::uint64_t version = put("r-1", "a", "1").value().version;
  Transaction stale = transaction("r-2");
  stale.expect = {{"a", version + 1}};
  stale.put = {{"a", "2"}};
  const auto refused = commit(stale);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kVersionConflict);
  EXPECT_EQ(refused.error().argument, "expect[0].version");
  EXPECT_EQ(state("a")->bytes, "1");

  stale.expect[0].version = version;
  EXPECT_TRUE(commit(stale)) << "a refused request may be corrected under the same id";
}

TEST_F(TransactionServiceTest, AVersionIsNeverUsedTwiceEvenAfterADeletion) {
  const std::uint64_t first = put("r-1", "a", "1").value().version;
  Transaction deletion = transaction("r-2");
  deletion.remove = {"a"};
  ASSERT_TRUE(commit(std::move(deletion)));
  EXPECT_FALSE(state("a").has_value());
  EXPECT_GT(put("r-3", "a", "1").value().version, first);
}

TEST_F(TransactionServiceTest, RefusesNothingToDoAndKeysGivenTwice) {
  EXPECT_EQ(commit(transaction("r-1")).error().code, ErrorCode::kBadRequest);
  Transaction twice = transaction("r-1");
  twice.put = {{"a", "1"}};
  twice.remove = {"b", "a"};
  EXPECT_EQ(commit(twice).error().argument, "delete[1]");
  EXPECT_EQ(put("r-1", "", "1").error().argument, "put[0].key");
  EXPECT_EQ(put("r-1", std::string(kMaxStateKeyBytes + 1, 'k'), "1").error().argument,
            "put[0].key");
  EXPECT_EQ(put("r-1", "\xFF", "1").error().argument, "put[0].key");
}

TEST_F(TransactionServiceTest, TheModulesTopicsAreNotForApplications) {
  for (const char* topic : {"orders", "payments", "reservations", "dead:orders:payments"}) {
    Transaction request = transaction("r-1");
    request.put = {{"a", "1"}};
    request.events = {event("mine"), event(topic)};
    EXPECT_EQ(commit(request).error().argument, "events[1].topic") << topic;
  }
  EXPECT_FALSE(state("a").has_value());
  EXPECT_EQ(stage_.outbox_topics(), "");
}

TEST_F(TransactionServiceTest, AnEventThatIsTooLargeUndoesTheWholeTransaction) {
  Transaction request = transaction("r-1");
  request.put = {{"a", "1"}};
  request.events = {event("mine"), event("mine")};
  request.events[1].payload =
      domain::OpaquePayload{std::string(transport::kMaxEventDataBytes + 1, 'x')};
  EXPECT_EQ(commit(request).error().code, ErrorCode::kTooLarge);
  EXPECT_FALSE(state("a").has_value());
  EXPECT_EQ(stage_.outbox_topics(), "");
}

}  // namespace
}  // namespace outboxd::daemon
