#include "client/client.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/fake_daemon.h"

namespace outboxd::client {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::FakeDaemon;
using testing::IncomingRequest;
using testing::notification;
using testing::refusal;
using testing::reply;

class ClientTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string socket() const { return dir_.path("s"); }

  Client connected(milliseconds timeout = milliseconds(5000), std::size_t max_in_flight = 256) {
    auto client =
        Client::connect({.socket = socket(), .timeout = timeout, .max_in_flight = max_in_flight});
    OUTBOXD_CHECK(client.ok());
    return std::move(client).value();
  }

 private:
  testing::TempDir dir_;
};

TEST_F(ClientTest, ACallReturnsWhatTheDaemonAnswers) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return reply(request, {{"method", request.method}, {"arguments", request.arguments}});
  });
  Client client = connected();
  const auto result = client.call("order.get", {{"order_id", "o-1"}});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->dump(), R"({"method":"order.get","arguments":{"order_id":"o-1"}})");
}

TEST_F(ClientTest, ACallWithoutArgumentsSendsNone) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return reply(request, request.arguments.is_null());
  });
  EXPECT_EQ(*connected().call("daemon.status"), true);
}

TEST_F(ClientTest, ARefusalCarriesTheDaemonsWordsAndLeavesTheConnectionUsable) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return request.method == "good" ? reply(request, 1)
                                    : refusal(request, "bad_request", "quantity must be at least 1",
                                              "never", "lines[0].quantity");
  });
  Client client = connected();
  const auto result = client.call("bad");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, FailureKind::kRefused);
  EXPECT_EQ(result.error().code, "bad_request");
  EXPECT_EQ(result.error().message, "quantity must be at least 1");
  EXPECT_EQ(result.error().argument(), "lines[0].quantity");
  EXPECT_EQ(result.error().retry, "never");
  EXPECT_TRUE(client.call("good").ok());
}

TEST_F(ClientTest, AnErrorThatSaysSameIdLeavesTheOutcomeUnknown) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return refusal(request, "internal", "the disk did not say", "same_id");
  });
  EXPECT_EQ(connected().call("order.create").error().kind, FailureKind::kOutcomeUnknown);
}

TEST_F(ClientTest, WithoutADaemonItIsUnreachableAndSaysWhere) {
  const auto client = Client::connect({.socket = socket()});
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().kind, FailureKind::kUnreachable);
  EXPECT_THAT(client.error().message, ::testing::HasSubstr(socket()));
}

TEST_F(ClientTest, ASocketPathThatNoSocketCanHaveIsUnreachable) {
  const auto client = Client::connect({.socket = "/" + std::string(200, 'a')});
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().kind, FailureKind::kUnreachable);
}

TEST_F(ClientTest, AConnectionLostBeforeTheReplyLeavesTheOutcomeUnknownAndIsClosedForGood) {
  FakeDaemon daemon(socket(), [](const IncomingRequest&) { return testing::hang_up(); });
  Client client = connected();
  const auto lost = client.call("order.create");
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().kind, FailureKind::kOutcomeUnknown);
  EXPECT_EQ(lost.error().retry, "same_id");
  EXPECT_EQ(client.call("order.get").error().kind, FailureKind::kUnreachable);
}

TEST_F(ClientTest, AReplyThatArrivedBeforeTheConnectionWasLostCounts) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return reply(request, "done") + testing::hang_up();
  });
  EXPECT_EQ(*connected().call("order.create"), "done");
}

TEST_F(ClientTest, ARequestOfWhichNotAByteLeftWasNotDone) {
  FakeDaemon daemon(socket(), [](const IncomingRequest&) { return testing::hang_up(); });
  Client client = connected();
  ASSERT_TRUE(client.send("first").ok());
  ASSERT_FALSE(client.receive().ok());
  EXPECT_EQ(client.send("second").error().kind, FailureKind::kUnreachable);
}

TEST_F(ClientTest, NoReplyWithinTheTimeoutLeavesTheOutcomeUnknown) {
  FakeDaemon daemon(socket(), [](const IncomingRequest&) { return testing::silence(); });
  const auto result = connected(milliseconds(20)).call("order.create");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, FailureKind::kOutcomeUnknown);
  EXPECT_EQ(result.error().code, "timeout");
}

TEST_F(ClientTest, PipelinedRepliesComeInOrderOfArrivalAndAreToldApartByMsgid) {
  std::vector<IncomingRequest> waiting;
  FakeDaemon daemon(socket(), [&](const IncomingRequest& request) {
    waiting.push_back(request);
    if (waiting.size() < 3) return testing::silence();
    return reply(waiting[2], "c") + reply(waiting[0], "a") + reply(waiting[1], "b");
  });
  Client client = connected();
  const MsgId a = *client.send("a");
  const MsgId b = *client.send("b");
  const MsgId c = *client.send("c");
  EXPECT_EQ(client.in_flight(), 3U);
  for (const auto& [msgid, name] : {std::pair{c, "c"}, {a, "a"}, {b, "b"}}) {
    const auto received = client.receive();
    ASSERT_TRUE(received.ok());
    EXPECT_EQ(received->msgid, msgid);
    EXPECT_EQ(*received->outcome, name);
  }
  EXPECT_EQ(client.in_flight(), 0U);
}

TEST_F(ClientTest, ACallAmongPipelinedRequestsKeepsTheirRepliesForReceive) {
  FakeDaemon daemon(socket(),
                    [](const IncomingRequest& request) { return reply(request, request.method); });
  Client client = connected();
  ASSERT_TRUE(client.send("sent").ok());
  EXPECT_EQ(*client.call("called"), "called");
  EXPECT_EQ(*client.receive()->outcome, "sent");
}

TEST_F(ClientTest, NoMoreThanTheBoundMayBeInFlight) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) { return reply(request, 1); });
  Client client = connected(milliseconds(5000), 2);
  ASSERT_TRUE(client.send("a").ok());
  ASSERT_TRUE(client.send("b").ok());
  EXPECT_FALSE(client.can_send());
  ASSERT_TRUE(client.receive().ok());
  EXPECT_TRUE(client.can_send());
}

// Neither side reads while it writes; both have more than the socket holds.
TEST_F(ClientTest, LargeRequestsAndLargeRepliesDoNotBlockEachOther) {
  FakeDaemon daemon(
      socket(), [](const IncomingRequest& request) { return reply(request, request.arguments); });
  Client client = connected();
  const std::string text(100'000, 'x');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(client.send("echo", {{"text", text}}).ok());
  while (client.in_flight() > 0) {
    const auto received = client.receive();
    ASSERT_TRUE(received.ok()) << received.error().message;
    ASSERT_EQ((*received->outcome)["text"].get_ref<const std::string&>().size(), text.size());
  }
}

TEST_F(ClientTest, FlushHandsEverythingToTheKernelWithoutWaitingForReplies) {
  FakeDaemon daemon(socket(), [](const IncomingRequest&) { return testing::silence(); });
  Client client = connected();
  ASSERT_TRUE(client.send("a").ok());
  EXPECT_TRUE(client.flush().ok());
  EXPECT_EQ(client.in_flight(), 1U);
}

TEST_F(ClientTest, ARequestOverAMebibyteIsRefusedBeforeItIsSent) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) { return reply(request, 1); });
  Client client = connected();
  const auto result = client.call("tx.commit", {{"value", std::string(1 << 20, 'x')}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, FailureKind::kRefused);
  EXPECT_EQ(result.error().code, "too_large");
  EXPECT_TRUE(client.call("next").ok());
}

TEST_F(ClientTest, NotificationsArriveInOrderAlsoWhileACallWaits) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return notification("event", 1) + reply(request, nullptr) + notification("event", 2);
  });
  Client client = connected();
  ASSERT_TRUE(client.call("events.tail").ok());
  EXPECT_EQ(client.next_notification(milliseconds(5000))->params[0], 1);
  EXPECT_EQ(client.next_notification(milliseconds(5000))->params[0], 2);
}

TEST_F(ClientTest, WaitingInVainForANotificationLeavesTheConnectionUsable) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) { return reply(request, 1); });
  Client client = connected();
  EXPECT_EQ(client.next_notification(milliseconds(5)).error().code, "timeout");
  EXPECT_TRUE(client.call("next").ok());
}

struct BadBytes {
  const char* name;
  std::string bytes;
};

class ClientAgainstBadBytes : public ClientTest, public ::testing::WithParamInterface<BadBytes> {};

TEST_P(ClientAgainstBadBytes, TheOutcomeIsUnknownAndNothingElseHappens) {
  FakeDaemon daemon(socket(),
                    [](const IncomingRequest&) { return Answer{.bytes = GetParam().bytes}; });
  const auto result = connected().call("order.create");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, FailureKind::kOutcomeUnknown);
  EXPECT_EQ(result.error().code, "bad_reply");
}

INSTANTIATE_TEST_SUITE_P(
    Replies, ClientAgainstBadBytes,
    ::testing::Values(BadBytes{"no_type_of_message_pack", "\xC1"}, BadBytes{"a_number", "\x01"},
                      BadBytes{"a_request", std::string("\x94\x00\x01\xA1x\x90", 6)},
                      BadBytes{"a_length_bomb", std::string("\xDD\xFF\xFF\xFF\xFF", 5)},
                      BadBytes{"a_nesting_bomb", std::string(100'000, '\x91')}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(ClientTest, AReplyToNothingThatWasAskedEndsTheConnectionWithTheDaemonsReason) {
  FakeDaemon daemon(socket(), [](IncomingRequest request) {
    request.msgid += 7;
    return refusal(request, "too_large", "a message of more than a mebibyte", "never");
  });
  const auto result = connected().call("order.create");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, FailureKind::kOutcomeUnknown);
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("more than a mebibyte"));
}

}  // namespace
}  // namespace outboxd::client
