#include "daemon/api/inbox_methods.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/daemon/api/served_methods.h"
#include "tests/unit/daemon/inbox/inbox_stage.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

using client::Client;
using client::Failure;
using client::Json;
using domain::Seq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::chrono::seconds kPatience{60};

class InboxMethodsTest : public testing::Test, protected ServedMethods {
 protected:
  InboxMethodsTest() {
    add_inbox_methods(methods_, {.core = core_,
                                 .server = server_,
                                 .consumers = consumers_,
                                 .inbox = inbox_,
                                 .elapsed = elapsed_});
    disconnected_ = [this](transport::ConnectionId id) { consumers_.forget(id); };
    start();
  }
  ~InboxMethodsTest() override { stop(); }

  static Json subscription(std::int64_t credit = 10) {
    return {{"topic", "orders"}, {"group", "payments"}, {"credit", credit}};
  }
  // The broker delivers event `seq` of till-1 under its tag 100 + seq.
  void deliver(Seq seq) {
    std::string data;
    transport::Writer(data).nil();
    transport::OwnedDelivery delivery = InboxStage::delivery(100 + seq, seq);
    delivery.envelope =
        transport::encode_envelope(
            {.time_ms = 1, .topic = "orders", .key = "o-1", .type = "order.created", .data = data})
            .value();
    on_core([&] { inbox_.deliver({delivery}); });
  }

  // The daemon's tag of the next delivery that `client` is given.
  static std::uint64_t next_tag(Client& client) {
    const client::Notification note = client.next_notification(kPatience).value();
    EXPECT_EQ(note.method, "delivery");
    return note.params.at(0).at("tag").get<std::uint64_t>();
  }

  // What the broker was told since the last call.
  std::vector<std::string> told() {
    return on_core([this] {
      inbox_.flush();
      return channel_.take();
    });
  }

  support::ManualElapsedTime elapsed_;
  RecordingChannel channel_;
  BrokerInbox inbox_{{.commits = core_,
                      .channel = channel_,
                      .elapsed = elapsed_,
                      .admit_write = [] { return domain::ok_status(); },
                      .epoch = kTestEpoch}};
  LocalConsumers consumers_{
      inbox_, [this](transport::ConnectionId id, std::string_view method, std::string_view params) {
        return server_.notify(id, method, params);
      }};
  Client till_ = connect();
};

TEST_F(InboxMethodsTest, ASubscriptionSaysWhatItGotAndTheBrokerIsAskedForIt) {
  EXPECT_EQ(call(till_, "inbox.subscribe", subscription()),
            Json({{"topic", "orders"}, {"group", "payments"}, {"credit", 10}}));
  EXPECT_THAT(told(), ElementsAre("subscribe orders/payments 10"));
  EXPECT_EQ(call(till_, "inbox.subscribe", subscription(0)).at("credit"), 0);
  EXPECT_THAT(told(), ElementsAre("subscribe orders/payments 0"));
}

TEST_F(InboxMethodsTest, MoreCreditThanTheMostIsGivenTheMost) {
  EXPECT_EQ(call(till_, "inbox.subscribe", subscription(1'000'000'000)).at("credit"),
            kMaxLocalCredit);
}

TEST_F(InboxMethodsTest, AnAckIsAnsweredWhenItsMarkIsDurableAndThenTheBrokerIsTold) {  // G8
  call(till_, "inbox.subscribe", subscription());
  deliver(1);
  const std::uint64_t tag = next_tag(till_);
  (void)told();
  EXPECT_THAT(contents().marks, IsEmpty());
  EXPECT_EQ(call(till_, "inbox.settle", {{"tag", tag}, {"outcome", "ack"}}), Json::object());
  EXPECT_THAT(contents().marks, SizeIs(1));
  EXPECT_THAT(told(), ElementsAre("ack 101"));

  deliver(1);  // the broker did not hear of it
  EXPECT_THAT(told(), ElementsAre("ack 101")) << "nobody is given it a second time";
}

TEST_F(InboxMethodsTest, ARetryAndADeadGoToTheBrokerWithTheirReasonAndLeaveNoMark) {
  call(till_, "inbox.subscribe", subscription());
  deliver(1);
  deliver(2);
  const std::uint64_t first = next_tag(till_);
  const std::uint64_t second = next_tag(till_);
  (void)told();
  call(till_, "inbox.settle", {{"tag", first}, {"outcome", "retry"}, {"reason", "busy"}});
  call(till_, "inbox.settle", {{"tag", second}, {"outcome", "dead"}, {"reason", "nonsense"}});
  EXPECT_THAT(told(), ElementsAre("retry 101 (busy)", "dead 102 (nonsense)"));
  EXPECT_THAT(contents().marks, IsEmpty());
  EXPECT_EQ(refusal(till_, "inbox.settle", {{"tag", first}, {"outcome", "ack"}}).code,
            "invalid_state")
      << "it is the broker's again";
}

TEST_F(InboxMethodsTest, ATagIsSettledOnceAndByWhomItWasGivenTo) {
  Client kiosk = connect();
  call(till_, "inbox.subscribe", subscription());
  deliver(1);
  const std::uint64_t tag = next_tag(till_);
  const Json ack = {{"tag", tag}, {"outcome", "ack"}};
  EXPECT_EQ(refusal(kiosk, "inbox.settle", ack).code, "permission_denied");
  const Failure unknown = refusal(till_, "inbox.settle", {{"tag", tag + 1}, {"outcome", "ack"}});
  EXPECT_EQ(unknown.code, "not_found");
  EXPECT_EQ(unknown.argument(), "tag");
  call(till_, "inbox.settle", ack);
  const Failure again = refusal(till_, "inbox.settle", ack);
  EXPECT_EQ(again.code, "invalid_state");
  EXPECT_THAT(again.message, HasSubstr("settled already"));
}

TEST_F(InboxMethodsTest, AnUnknownOutcomeSettlesNothing) {
  call(till_, "inbox.subscribe", subscription());
  deliver(1);
  const std::uint64_t tag = next_tag(till_);
  (void)told();
  const Failure refused = refusal(till_, "inbox.settle", {{"tag", tag}, {"outcome", "maybe"}});
  EXPECT_EQ(refused.code, "bad_request");
  EXPECT_EQ(refused.argument(), "outcome");
  EXPECT_THAT(told(), IsEmpty());
  call(till_, "inbox.settle", {{"tag", tag}, {"outcome", "ack"}});
  EXPECT_THAT(told(), ElementsAre("ack 101"));
}

TEST_F(InboxMethodsTest, ArgumentsThatMakeNoSenseAreNamed) {
  const auto argument = [this](const std::string& method, const Json& change) {
    Json arguments =
        method == "inbox.subscribe" ? subscription() : Json({{"tag", 1}, {"outcome", "ack"}});
    arguments.update(change);
    const Failure failure = refusal(till_, method, arguments);
    EXPECT_EQ(failure.code, "bad_request") << arguments.dump();
    return failure.argument();
  };
  EXPECT_EQ(argument("inbox.subscribe", {{"topic", "a b"}}), "topic");
  EXPECT_EQ(argument("inbox.subscribe", {{"topic", "dead:orders"}}), "topic");
  EXPECT_EQ(argument("inbox.subscribe", {{"group", ""}}), "group");
  EXPECT_EQ(argument("inbox.subscribe", {{"credit", -1}}), "credit");
  EXPECT_EQ(argument("inbox.subscribe", {{"colour", 1}}), "colour");
  EXPECT_EQ(argument("inbox.settle", {{"tag", -1}}), "tag");
  EXPECT_EQ(argument("inbox.settle", {{"reason", std::string(2000, 'x')}}), "reason");
  EXPECT_EQ(argument("inbox.settle", {{"colour", 1}}), "colour");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(InboxMethodsTest, ANotificationCannotSubscribeForItsConnectionIsNotKnown) {
  for (const char* name : {"inbox.subscribe", "inbox.settle"}) {
    const domain::Status status = on_core([&] {
      return methods_.find(name)->run(
          {.reply_to = {}, .is_notification = true, .method = name, .params = {}});
    });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, domain::ErrorCode::kBadRequest);
  }
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(InboxMethodsTest, WhatAConnectionLeavesBehindGoesBackToTheBroker) {
  {
    Client kiosk = connect();
    call(kiosk, "inbox.subscribe", subscription());
    deliver(1);
    (void)next_tag(kiosk);
    (void)told();
  }
  std::vector<std::string> said;
  // Its end is an event of the loop as ours is; whatever turn it comes in, it does come.
  while (said.size() < 2) {
    for (std::string& one : told()) said.push_back(std::move(one));
  }
  EXPECT_THAT(said,
              ElementsAre("retry 101 (the consumer disconnected)", "subscribe orders/payments 0"));
}

}  // namespace
}  // namespace outboxd::daemon
