// G4: ids belong to the caller. The same again changes nothing; something else under it is refused.
#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {
namespace {

// Each test's second half is run in the same process and again after a kill.
class SameId : public ApplianceTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { lonely_.start(); }

  void maybe_restart() {
    if (!GetParam()) return;
    lonely_.kill();
    lonely_.start();
  }

  void expect_id_conflict(std::string_view method, const Json& arguments,
                          std::string_view argument) {
    const Json before = lonely_.ask("daemon.status").at("outbox").at("next_seq");
    const Failure conflict = failed(lonely_.connect().call(method, arguments));
    EXPECT_EQ(conflict.code, "id_conflict");
    EXPECT_EQ(conflict.argument(), argument);
    EXPECT_EQ(conflict.retry, "never");
    EXPECT_EQ(lonely_.ask("daemon.status").at("outbox").at("next_seq"), before);
  }
};

INSTANTIATE_TEST_SUITE_P(Process, SameId, ::testing::Bool(), [](const auto& suffixed) {
  return std::string(suffixed.param ? "AfterAKill" : "InTheSameProcess");
});

TEST_P(SameId, AnOrderWithTheSameContentIsReplayedWithTheSameSeq) {
  lonely_.ask("order.create", order("o-0"));
  Json first = lonely_.ask("order.create", order("o-1"));
  lonely_.ask("order.create", order("o-2"));
  maybe_restart();
  Json again = lonely_.ask("order.create", order("o-1"));
  EXPECT_EQ(first.at("seq"), 2);
  EXPECT_EQ(again.at("replayed"), true);
  first.erase("replayed");
  again.erase("replayed");
  EXPECT_EQ(again, first);
  EXPECT_EQ(lonely_.ask("daemon.status").at("outbox").at("next_seq"), 4);
}

TEST_P(SameId, AnOrderWithOtherContentIsRefusedAndChangesNothing) {
  const Json first = lonely_.ask("order.create", order("o-1"));
  maybe_restart();
  for (const auto& [pointer, value] :
       std::vector<std::pair<const char*, Json>>{{"/customer_id", "17851"},
                                                 {"/payment_method", "pm_decline"},
                                                 {"/currency", "EUR"},
                                                 {"/lines/0/quantity", 7},
                                                 {"/lines/1/unit_price", 340},
                                                 {"/lines/1/description", "LANTERN"},
                                                 {"/lines/0/sku", "85123B"}}) {
    SCOPED_TRACE(pointer);
    Json other = order("o-1");
    other[Json::json_pointer(pointer)] = value;
    expect_id_conflict("order.create", other, "order_id");
  }
  EXPECT_EQ(lonely_.ask("order.get", {{"order_id", "o-1"}}).at("lines"), first.at("lines"));
}

TEST_P(SameId, ACancellationIsReplayedAndAnotherReasonIsRefused) {
  lonely_.ask("order.create", order("o-1"));
  const Json cancelled =
      lonely_.ask("order.cancel", {{"order_id", "o-1"}, {"reason", "out of stock"}});
  EXPECT_EQ(cancelled.at("status"), "CANCELLED");
  EXPECT_EQ(cancelled.at("replayed"), false);
  EXPECT_EQ(cancelled.at("seq"), 2);
  maybe_restart();
  const Json again = lonely_.ask("order.cancel", {{"order_id", "o-1"}, {"reason", "out of stock"}});
  EXPECT_EQ(again.at("replayed"), true);
  EXPECT_EQ(again.at("seq"), 2);
  expect_id_conflict("order.cancel", {{"order_id", "o-1"}, {"reason", "too late"}}, "reason");
  expect_id_conflict("order.cancel", {{"order_id", "o-1"}}, "reason");
}

TEST_P(SameId, CreatingAnOrderAgainAfterItWasCancelledReplaysItsCreation) {
  lonely_.ask("order.create", order("o-1"));
  lonely_.ask("order.cancel", {{"order_id", "o-1"}});
  maybe_restart();
  const Json again = lonely_.ask("order.create", order("o-1"));
  EXPECT_EQ(again.at("replayed"), true);
  EXPECT_EQ(again.at("seq"), 1);
  EXPECT_EQ(again.at("status"), "CANCELLED");
}

TEST_P(SameId, ATransactionIsReplayedThoughTheWorldMovedOn) {
  Json request = transaction("t-1", "k", 1);
  request["expect"] = {{{"key", "k"}, {"version", 0}}};
  Json first = lonely_.ask("tx.commit", request);
  lonely_.ask("tx.commit", transaction("t-2", "k", 2));
  maybe_restart();
  Json again = lonely_.ask("tx.commit", request);
  EXPECT_EQ(first.at("replayed"), false);
  EXPECT_EQ(again.at("replayed"), true);
  first.erase("replayed");
  again.erase("replayed");
  EXPECT_EQ(again, first);
  EXPECT_EQ(lonely_.ask("state.get", {{"key", "k"}}).at("value"), 2);
}

TEST_P(SameId, ATransactionWithOtherContentIsRefusedAndChangesNothing) {
  lonely_.ask("tx.commit", transaction("t-1", "k", 1));
  maybe_restart();
  expect_id_conflict("tx.commit", transaction("t-1", "k", 2), "request_id");
  expect_id_conflict("tx.commit", transaction("t-1", "other", 1), "request_id");
  Json more = transaction("t-1", "k", 1);
  more["delete"] = {"old"};
  expect_id_conflict("tx.commit", more, "request_id");
  EXPECT_EQ(lonely_.ask("state.get", {{"key", "k"}}).at("value"), 1);
}

TEST_P(SameId, ATransactionOnAnOldVersionIsRefusedAndItsIdStaysFree) {
  const Json first = lonely_.ask("tx.commit", transaction("t-1", "k", 1));
  const Json version = first.at("versions").at("k");
  maybe_restart();
  Json next = transaction("t-2", "k", 2);
  next["expect"] = {{{"key", "k"}, {"version", version.get<std::uint64_t>() + 1}}};
  const Failure conflict = failed(lonely_.connect().call("tx.commit", next));
  EXPECT_EQ(conflict.code, "version_conflict");
  EXPECT_EQ(conflict.argument(), "expect[0].version");
  EXPECT_EQ(lonely_.ask("state.get", {{"key", "k"}}).at("value"), 1);

  next["expect"][0]["version"] = version;
  const Json committed = lonely_.ask("tx.commit", next);
  EXPECT_EQ(committed.at("replayed"), false);
  EXPECT_GT(committed.at("versions").at("k"), version);
  EXPECT_EQ(committed.at("seq"), 2);
}

TEST_P(SameId, ADeletedKeyIsAtVersionZero) {
  lonely_.ask("tx.commit", transaction("t-1", "k", 1));
  const Json removed = lonely_.ask("tx.commit", {{"request_id", "t-2"}, {"delete", {"k"}}});
  EXPECT_TRUE(removed.at("seq").is_null());
  EXPECT_EQ(removed.at("versions").at("k"), 0);
  maybe_restart();
  EXPECT_EQ(failed(lonely_.connect().call("state.get", {{"key", "k"}})).code, "not_found");
  Json anew = transaction("t-3", "k", 3);
  anew["expect"] = {{{"key", "k"}, {"version", 0}}};
  EXPECT_EQ(lonely_.ask("tx.commit", anew).at("seq"), 2);
}

}  // namespace
}  // namespace outboxd::e2e
