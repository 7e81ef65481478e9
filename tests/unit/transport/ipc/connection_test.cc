// How a connection is read, written and closed, whatever its client does.

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/transport/ipc/raw_client.h"
#include "tests/unit/transport/ipc/running_server.h"
#include "transport/limits.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

struct Broken {
  const char* what;
  std::string bytes;
  const char* code;
  std::uint32_t msgid;
};

std::vector<Broken> everything_that_breaks_the_framing() {
  return {
      {"a byte that MessagePack does not define", "\xC1", "bad_request", 0},
      {"such a byte in a request", std::string("\x94\x00\x07\xC1", 4), "bad_request", 7},
      {"text", "GET / HTTP/1.1\r\n\r\n", "bad_request", 0},
      {"a value that is no array", "\x80", "bad_request", 0},
      {"an array of nothing", "\x90", "bad_request", 0},
      {"a response", "\x94\x01\x05\xC0\xC0", "bad_request", 0},
      {"a type that does not exist", "\x94\x03\x05\xA1m\x90", "bad_request", 0},
      {"a request without params", std::string("\x93\x00\x05\xA1m", 5), "bad_request", 0},
      {"a msgid that is no integer", std::string("\x94\x00\xA1x\xA1m\x90", 7), "bad_request", 0},
      {"a negative msgid", std::string("\x94\x00\xFF\xA1m\x90", 6), "bad_request", 0},
      {"a msgid of 33 bits",
       std::string("\x94\x00\xCF\x00\x00\x00\x01\x00\x00\x00\x00\xA1m\x90", 14), "bad_request", 0},
      {"a nesting bomb", std::string("\x94\x00\x08\xA1m", 5) + std::string(1000, '\x91'),
       "too_large", 8},
      {"a length bomb", std::string("\x94\x00\xCD\x01\x02\xA1m\xDD\xFF\xFF\xFF\xFF", 12),
       "too_large", 258},
  };
}

TEST(Connection, ThatBreaksTheFramingIsToldAndClosedAndNobodyElseNotices) {
  RunningServer server;
  RawClient other(server.path());
  for (const Broken& broken : everything_that_breaks_the_framing()) {
    SCOPED_TRACE(broken.what);
    RawClient client(server.path());
    client.send(broken.bytes);
    const auto told = client.receive();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->type, 1U);
    EXPECT_EQ(told->msgid, broken.msgid);
    EXPECT_EQ(told->error_code, broken.code);
    EXPECT_FALSE(told->message.empty());
    EXPECT_TRUE(client.closed_by_server());
    EXPECT_TRUE(other.echo());
  }
}

TEST(Connection, StaysWhenARequestIsWrongButItsFramingIsNot) {
  RunningServer server;
  RawClient client(server.path());
  std::string no_method;
  Writer(no_method).array(4).integer(0).integer(1).integer(42).array(0);
  std::string too_many_entries;
  Writer(too_many_entries)
      .array(4)
      .integer(0)
      .integer(3)
      .string("echo")
      .array(kMaxArrayEntries + 1);
  too_many_entries.append(kMaxArrayEntries + 1, '\x01');
  const std::string extension(
      "\x94\x00\x04\xA4"
      "echo\x91\xD4\x01\x02",
      12);

  client.send(no_method + request(2, "echo", "\x80") + too_many_entries + extension);
  auto told = client.receive();
  EXPECT_EQ(told->msgid, 1U);
  EXPECT_EQ(told->message, "the method must be a string");
  told = client.receive();
  EXPECT_EQ(told->msgid, 2U);
  EXPECT_EQ(told->message, "params must be an array: [ {named arguments} ] or []");
  told = client.receive();
  EXPECT_EQ(told->msgid, 3U);
  EXPECT_EQ(told->error_code, "too_large");
  told = client.receive();
  EXPECT_EQ(told->msgid, 4U);
  EXPECT_EQ(told->message, "MessagePack extension types are not supported");
  EXPECT_TRUE(client.echo());
}

TEST(Connection, IgnoresANotificationThatIsWrong) {
  RunningServer server;
  RawClient client(server.path());
  client.send(
      "\x93\x02\x2A\x90"
      "\x93\x02\xA1m\x80");
  EXPECT_TRUE(client.echo());
}

std::string echo_of_size(std::size_t size) {
  // array, type, msgid, "echo", array, bin 32 header
  constexpr std::size_t kHeaders = 1 + 1 + 1 + 5 + 1 + 5;
  std::string params;
  Writer(params).array(1).binary(std::string(size - kHeaders, 'x'));
  return request(1, "echo", params);
}

TEST(Connection, TakesAMessageOfOneMebibyteAndNotAByteMore) {
  RunningServer server;
  RawClient client(server.path());
  ASSERT_EQ(echo_of_size(kMaxIpcMessageBytes).size(), kMaxIpcMessageBytes);
  client.send(echo_of_size(kMaxIpcMessageBytes));
  EXPECT_EQ(client.receive()->error_code, "");
  // Refused when its size is known, not when all of it is there.
  client.send(echo_of_size(kMaxIpcMessageBytes + 1).substr(0, 100));
  const auto told = client.receive();
  EXPECT_EQ(told->error_code, "too_large");
  EXPECT_EQ(told->message, "a message may have 1048576 bytes");
  EXPECT_TRUE(client.closed_by_server());
}

TEST(Connection, GetsTheRepliesToWhatItSentBeforeItBrokeTheFraming) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later") + request(2, "echo") + "\xC1");
  EXPECT_EQ(client.receive()->msgid, 2U);
  EXPECT_EQ(client.receive()->error_code, "bad_request");
  const ReplyAddress address = server.waiting()[0];
  server.on_loop([&](Server& s) { s.reply(address, "\x01"); });
  EXPECT_EQ(client.receive()->msgid, 1U);
  EXPECT_TRUE(client.closed_by_server());
}

TEST(Connection, IsNotReadFromWhileTooManyOfItsRequestsAreInFlight) {
  RunningServer server;
  RawClient client(server.path());
  RawClient other(server.path());
  std::string requests;
  for (std::uint32_t i = 0; i < kMaxIpcRequestsInFlight + 10; ++i) requests += request(i, "later");
  client.send(requests);
  server.wait_for_requests(kMaxIpcRequestsInFlight);
  ASSERT_TRUE(other.echo());
  EXPECT_EQ(server.waiting().size(), kMaxIpcRequestsInFlight);

  // One reply lets one more in.
  server.on_loop([&](Server& s) { s.reply(server.waiting()[0], "\x01"); });
  server.wait_for_requests(kMaxIpcRequestsInFlight + 2);  // with the other's echo
  ASSERT_TRUE(other.echo());
  EXPECT_EQ(server.waiting().size(), kMaxIpcRequestsInFlight + 1);

  for (std::size_t i = 1; i < kMaxIpcRequestsInFlight + 10; ++i) {
    server.wait_for_requests(i + 3);
    server.on_loop([&](Server& s) { s.reply(server.waiting()[i], "\x01"); });
  }
  for (std::uint32_t i = 0; i < kMaxIpcRequestsInFlight + 10; ++i) {
    ASSERT_EQ(client.receive()->msgid, i);
  }
}

// Sends requests until the socket is full and stays so while the server takes turns.
std::uint32_t send_until_not_read_any_more(RawClient& client, RawClient& other,
                                           const std::function<std::string(std::uint32_t)>& next) {
  constexpr std::uint32_t kEnough = 1'000'000;
  for (std::uint32_t i = 0; i < kEnough; ++i) {
    const std::string bytes = next(i);
    std::size_t sent = client.send_what_fits(bytes);
    while (sent < bytes.size()) {
      for (int turn = 0; turn < 3; ++turn) OUTBOXD_CHECK(other.echo());
      const std::size_t more = client.send_what_fits(std::string_view(bytes).substr(sent));
      if (more == 0) return i;  // the i-th is not sent whole
      sent += more;
    }
  }
  return kEnough;
}

TEST(Connection, ThatNeverReadsItsRepliesIsNotReadFromAndGetsThemAllWhenItDoes) {
  ServerLimits limits;
  limits.unsent_bytes = 256 << 10;
  RunningServer server(limits);
  RawClient client(server.path());
  RawClient other(server.path());
  const auto next = [](std::uint32_t i) { return request(i, "big", one_integer(10'000)); };
  const std::uint32_t sent = send_until_not_read_any_more(client, other, next);
  ASSERT_LT(sent, 100'000U);

  for (std::uint32_t i = 0; i < sent; ++i) {
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->msgid, i);
  }
  EXPECT_TRUE(other.echo());
}

TEST(Connection, GetsNoNotificationsBeyondItsUnsentBytes) {
  ServerLimits limits;
  limits.unsent_bytes = 64 << 10;
  RunningServer server(limits);
  RawClient client(server.path());
  client.send(request(1, "later"));
  server.wait_for_requests(1);
  const ConnectionId connection = server.waiting()[0].connection;
  std::string params;
  Writer(params).array(1).string(std::string(1000, 'n'));
  const auto notify = [&](Server& s) { return s.notify(connection, "event", params); };
  std::size_t taken = 0;
  while (taken < 10'000 && server.on_loop(notify)) ++taken;
  ASSERT_LT(taken, 10'000U);
  for (std::size_t i = 0; i < taken; ++i) ASSERT_EQ(client.receive()->method, "event");
}

TEST(Connection, ThatDiesInTheMiddleOfARequestHarmsNobody) {
  RunningServer server;
  RawClient other(server.path());
  for (std::size_t i = 0; i < 50; ++i) {
    RawClient client(server.path());
    client.send(request(1, "echo").substr(0, 1 + i % 8));
    client.close();
    server.wait_for_disconnects(i + 1);
    ASSERT_TRUE(other.echo());
  }
  EXPECT_EQ(server.on_loop([](const Server& s) { return s.connections(); }), 1U);
}

TEST(Connection, ThatDiesWithRequestsInFlightIsGoneAtOnce) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later") + request(2, "later"));
  server.wait_for_requests(2);
  client.close();
  server.wait_for_disconnects(1);
  EXPECT_TRUE(server.on_loop([](const Server& s) { return s.idle(); }));
}

TEST(Connection, ThatDiesWithoutHavingReadItsRepliesIsGoneAtOnce) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "big", one_integer(4 << 20)));
  server.wait_for_requests(1);
  client.close();
  server.wait_for_disconnects(1);
  EXPECT_TRUE(server.on_loop([](const Server& s) { return s.idle(); }));
}

TEST(Connection, ThatHasFinishedSendingGetsItsRepliesBeforeItIsClosed) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later") + request(2, "big", one_integer(4 << 20)));
  client.finish_sending();
  server.wait_for_requests(2);
  EXPECT_EQ(client.receive()->msgid, 2U);
  server.on_loop([&](Server& s) { s.reply(server.waiting()[0], "\x01"); });
  EXPECT_EQ(client.receive()->msgid, 1U);
  EXPECT_TRUE(client.closed_by_server());
  server.wait_for_disconnects(1);
}

}  // namespace
}  // namespace outboxd::transport
