#include "transport/link/router_link.h"

#include <charconv>
#include <future>
#include <map>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/transport/link/live_link.h"

namespace outboxd::transport {
namespace {

class Ignores final : public RouterHandler {
 public:
  void on_frame(std::string_view, std::string_view, std::int64_t) override {}
  void on_turn_end() override {}
  void on_tick(std::int64_t) override {}
};

TEST(RouterLink, RefusesAnEndpointThatLeavesTheMachine) {
  SteadyClock clock;
  Ignores handler;
  RouterLink link({"tcp://0.0.0.0:5571"}, clock, handler);
  const auto started = link.start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, domain::ErrorCode::kBadRequest);
  EXPECT_THAT(started.error().message, testing::HasSubstr("needs keys"));
}

TEST(RouterLink, SaysThatAPortIsTaken) {
  SteadyClock clock;
  Ignores handler;
  RouterLink first({"tcp://127.0.0.1:0"}, clock, handler);
  ASSERT_TRUE(first.start().ok());
  RouterLink second({first.endpoint()}, clock, handler);
  const auto started = second.start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message, testing::HasSubstr("in use"));
}

TEST(RouterLink, RunsPostedWorkInOrderAndAllOfItBeforeStopReturns) {
  SteadyClock clock;
  Ignores handler;
  RouterLink link({"tcp://127.0.0.1:0"}, clock, handler);
  ASSERT_TRUE(link.start().ok());
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) link.post([&order, i] { order.push_back(i); });
  link.stop();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  link.post([&order] { order.push_back(-1); });
  EXPECT_EQ(order.size(), 100U) << "after the stop nothing runs";
}

TEST(RouterLink, AFrameForAPeerThatIsNotThereIsLostAndSaidToBe) {
  SteadyClock clock;
  Ignores handler;
  RouterLink link({"tcp://127.0.0.1:0"}, clock, handler);
  ASSERT_TRUE(link.start().ok());
  std::promise<bool> sent;
  link.post([&] { sent.set_value(link.send("nobody", "frame")); });
  EXPECT_FALSE(sent.get_future().get());
}

TEST(RouterLink, StrangersOnThePortDisturbNobody) {
  std::map<std::string, LiveLog> logs;
  LiveBroker broker("tcp://127.0.0.1:0", logs);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string port = broker.endpoint().substr(broker.endpoint().rfind(':') + 1);
  std::uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  address.sin_port = htons(number);
  const int stranger = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(stranger, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string request =
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(100, '\xff');
  EXPECT_EQ(::send(stranger, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));

  SteadyClock clock;
  LiveBox box;
  box.write(10);
  RelayLink relay({.endpoint = broker.endpoint(), .producer = "till-1", .epoch = 1}, clock, box,
                  box);
  ASSERT_TRUE(relay.start(box.next_seq()).ok());
  EXPECT_TRUE(box.acknowledged(10));
  ::close(stranger);
}

}  // namespace
}  // namespace outboxd::transport
