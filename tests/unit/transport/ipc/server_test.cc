#include "transport/ipc/server.h"

#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/sanitizers.h"
#include "tests/unit/transport/ipc/raw_client.h"
#include "tests/unit/transport/ipc/running_server.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

TEST(Server, RepliesWithTheResultUnderTheMsgidOfTheRequest) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(4'294'967'295, "echo", one_integer(7)));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->type, 1U);
  EXPECT_EQ(reply->msgid, 4'294'967'295U);
  EXPECT_EQ(reply->error_code, "");
  EXPECT_EQ(reply->result, one_integer(7));
}

TEST(Server, RepliesToAnErrorWithCodeMessageArgumentAndAdvice) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "fail"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error_code, "not_found");
  EXPECT_EQ(reply->message, "no such thing");
  EXPECT_EQ(reply->argument, "thing");
  EXPECT_EQ(reply->retry, "never");
  EXPECT_EQ(reply->result, "\xC0");
}

TEST(Server, LeavesUnknownMethodsToItsHandler) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "order.creat"));
  EXPECT_EQ(client.receive()->error_code, "unknown_method");
  EXPECT_TRUE(client.echo());
}

TEST(Server, AnswersPipelinedRequestsInOrderWhenTheHandlerDoes) {
  RunningServer server;
  RawClient client(server.path());
  std::string all;
  for (std::uint32_t i = 0; i < 500; ++i) all += request(i, "echo", one_integer(i));
  client.send(all);
  for (std::uint32_t i = 0; i < 500; ++i) {
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->msgid, i);
    ASSERT_EQ(reply->result, one_integer(i));
  }
}

TEST(Server, LetsRepliesOvertakeEachOther) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later") + request(2, "later") + request(3, "echo"));
  EXPECT_EQ(client.receive()->msgid, 3U);
  server.wait_for_requests(3);
  const auto waiting = server.waiting();
  server.on_loop([&](Server& s) {
    s.reply(waiting[1], "\x02");
    s.reply(waiting[0], "\x01");
  });
  EXPECT_EQ(client.receive()->msgid, 2U);
  EXPECT_EQ(client.receive()->msgid, 1U);
}

TEST(Server, TakesRequestsThatComeByteByByte) {
  RunningServer server;
  RawClient client(server.path());
  const std::string bytes = request(1, "echo", one_integer(1)) + request(2, "echo", one_integer(2));
  for (const char byte : bytes) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.receive()->msgid, 1U);
  EXPECT_EQ(client.receive()->msgid, 2U);
}

TEST(Server, ServesOthersWhileOneHasSentHalfAMessage) {
  RunningServer server;
  RawClient half(server.path());
  RawClient other(server.path());
  const std::string bytes = request(1, "echo", one_integer(1));
  half.send(bytes.substr(0, bytes.size() / 2));
  EXPECT_TRUE(other.echo());
  half.send(bytes.substr(bytes.size() / 2));
  EXPECT_EQ(half.receive()->msgid, 1U);
}

TEST(Server, PassesNotificationsOnAndNeverAnswersThem) {
  RunningServer server;
  RawClient client(server.path());
  std::string notification;
  Writer(notification).array(3).integer(2).string("echo").array(0);
  client.send(notification);
  server.wait_for_notifications(1);
  client.send(request(5, "echo"));
  EXPECT_EQ(client.receive()->msgid, 5U);  // so there was no reply before
}

TEST(Server, KnowsWhoIsAtTheOtherEnd) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "peer"));
  std::string expected;
  Writer(expected).array(3).unsigned_integer(::getuid()).unsigned_integer(::getgid());
  Writer(expected).integer(::getpid());
  EXPECT_EQ(client.receive()->result, expected);
}

TEST(Server, SendsNotificationsToAConnection) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later"));
  server.wait_for_requests(1);
  const ConnectionId connection = server.waiting()[0].connection;
  EXPECT_TRUE(server.on_loop([&](Server& s) { return s.notify(connection, "event", "\x91\x07"); }));
  const auto received = client.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->type, 2U);
  EXPECT_EQ(received->method, "event");
  EXPECT_EQ(received->result, "\x91\x07");
}

TEST(Server, IgnoresRepliesAndNotificationsToAConnectionThatIsGone) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later"));
  server.wait_for_requests(1);
  const ReplyAddress gone = server.waiting()[0];
  client.close();
  server.wait_for_disconnects(1);
  RawClient next(server.path());  // takes the place in the table that became free
  ASSERT_TRUE(next.echo());
  server.on_loop([&](Server& s) {
    s.reply(gone, "\x01");
    s.reply_error(gone, domain::bad_request("a", "b"));
    EXPECT_FALSE(s.notify(gone.connection, "event", "\x90"));
  });
  EXPECT_TRUE(next.echo());  // and gets nothing that was not meant for it
}

class AnswersTwice : public RequestHandler {
 public:
  void on_request(const Request& request) override {
    server->reply(request.reply_to, "\x01");
    server->reply(request.reply_to, "\x01");
  }
  void on_disconnect(ConnectionId) override {}

  Server* server = nullptr;
};

TEST(Server, AnsweringARequestTwiceIsABug) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("s");
  EXPECT_DEATH(
      {
        EventLoop loop;
        AnswersTwice handler;
        Server server(loop, handler);
        handler.server = &server;
        static_cast<void>(server.listen(path, 0600));
        RawClient client(path);
        client.send(request(1, "echo"));
        loop.run();
      },
      "CHECK failed");
}

TEST(Server, SendsAReplyThatAHookGivesAfterTheServersOwn) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later"));
  server.wait_for_requests(1);
  const ReplyAddress address = server.waiting()[0];
  server.on_loop([&](Server& s) {
    server.loop().at_turn_end([&s, address, done = false]() mutable {
      if (!std::exchange(done, true)) s.reply(address, "\x01");
    });
  });
  EXPECT_EQ(client.receive()->msgid, 1U);
}

TEST(Server, PassesNothingOnWhileItIsHeldAndEverythingAfterwards) {
  RunningServer server;
  RawClient client(server.path());
  ASSERT_TRUE(client.echo());
  server.on_loop([](Server& s) { s.hold(); });
  client.send(request(1, "echo") + request(2, "echo"));
  RawClient other(server.path());
  other.send(request(3, "echo"));
  for (int turn = 0; turn < 10; ++turn) server.on_loop([](Server&) { return 0; });
  EXPECT_EQ(server.requests(), 1U);
  server.on_loop([](Server& s) { s.release(); });
  EXPECT_EQ(client.receive()->msgid, 1U);
  EXPECT_EQ(client.receive()->msgid, 2U);
  EXPECT_EQ(other.receive()->msgid, 3U);
}

TEST(Server, KeepsTheOrderWhenItsHandlerHoldsItInTheMiddleOfABatch) {
  RunningServer server;
  RawClient client(server.path());
  std::string batch = request(0, "echo") + request(1, "hold");
  for (std::uint32_t i = 2; i < 100; ++i) batch += request(i, "echo");
  client.send(batch);
  EXPECT_EQ(client.receive()->msgid, 0U);
  EXPECT_EQ(client.receive()->msgid, 1U);
  EXPECT_EQ(server.requests(), 2U);
  server.on_loop([](Server& s) { s.release(); });
  for (std::uint32_t i = 2; i < 100; ++i) ASSERT_EQ(client.receive()->msgid, i);
}

TEST(Server, SendsTheRepliesThatAreDueAfterItHasBeenDrained) {
  RunningServer server;
  RawClient client(server.path());
  client.send(request(1, "later"));
  server.wait_for_requests(1);
  server.on_loop([](Server& s) { s.drain(); });
  EXPECT_FALSE(server.on_loop([](const Server& s) { return s.idle(); }));

  client.send(request(2, "echo"));
  EXPECT_NE(RawClient().connect(server.path()), 0);
  const ReplyAddress address = server.waiting()[0];
  server.on_loop([&](Server& s) { s.reply(address, "\x01"); });
  EXPECT_EQ(client.receive()->msgid, 1U);
  server.wait_until_idle();
  EXPECT_EQ(server.requests(), 1U);
}

TEST(Server, ServesAListeningSocketThatItWasGiven) {
  TemporaryDirectory directory;
  const std::string path = directory.file("given");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd, 16), 0);
  {
    RunningServer server;
    server.on_loop([&](Server& s) { s.adopt(fd); });
    RawClient client(path);
    EXPECT_TRUE(client.echo());
  }
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);  // systemd's path is not ours to remove
}

// Raises the soft limit on descriptors for as long as it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t wanted) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = std::min(wanted, before_.rlim_max);
    granted_ = ::setrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == wanted;
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

  [[nodiscard]] bool granted() const { return granted_; }

 private:
  rlimit before_{};
  bool granted_ = false;
};

TEST(Server, ServesAsManyOfTwoThousandConnectionsAsItMayAndTellsTheRest) {
  const DescriptorLimit limit(4096);
  if (!limit.granted()) GTEST_SKIP() << "this needs 4,096 file descriptors";
  RunningServer server;
  std::vector<RawClient> clients;
  for (int i = 0; i < 2000; ++i) clients.emplace_back(server.path());
  for (std::size_t i = 0; i < kMaxIpcConnections; ++i) ASSERT_TRUE(clients[i].echo()) << i;
  for (std::size_t i = kMaxIpcConnections; i < clients.size(); ++i) {
    const auto told = clients[i].receive();
    ASSERT_TRUE(told) << i;
    EXPECT_EQ(told->retry, "later");
    EXPECT_EQ(told->message,
              "1024 connections are open, the most there may be; connect again later");
    EXPECT_TRUE(clients[i].closed_by_server());
  }
  EXPECT_EQ(server.on_loop([](const Server& s) { return s.connections(); }), kMaxIpcConnections);

  clients.front().close();
  server.wait_for_disconnects(1);
  RawClient next(server.path());
  EXPECT_TRUE(next.echo());
}

TEST(Server, TellsClientsWhenTheProcessIsOutOfDescriptorsAndGoesOnAfterwards) {
  if (support::kChecksNeedDescriptors) {
    GTEST_SKIP() << "UndefinedBehaviorSanitizer takes EMFILE for memory that cannot be read";
  }
  RunningServer server;
  RawClient served(server.path());
  ASSERT_TRUE(served.echo());
  RawClient turned_away[3];
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  {
    const DescriptorLimit none_left(static_cast<rlim_t>(lowest_free));
    ASSERT_TRUE(none_left.granted());
    for (RawClient& client : turned_away) {
      ASSERT_EQ(client.connect(server.path()), 0);
      const auto told = client.receive();
      ASSERT_TRUE(told);
      EXPECT_EQ(told->message, "out of file descriptors; connect again later");
      EXPECT_TRUE(client.closed_by_server());
    }
    EXPECT_TRUE(served.echo());
  }
  RawClient next(server.path());
  EXPECT_TRUE(next.echo());
}

}  // namespace
}  // namespace outboxd::transport
