#include "daemon/payments/gateway_calls.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/payments/simulated_gateway.h"

namespace outboxd::daemon {
namespace {

using testing::UnorderedElementsAre;

class CoreQueue {
 public:
  void post(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_all();
  }
  void run_next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !jobs_.empty(); });
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
};

// Holds callers until the test lets them go.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
  }
  void wait_for_arrivals(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
  int arrived_ = 0;
};

class GatewayCallsTest : public testing::Test {
 protected:
  GatewayCalls::PostToCore to_core() {
    return [this](std::function<void()> job) { core_.post(std::move(job)); };
  }
  // A call that answers with `text`.
  static GatewayCalls::Call saying(const std::string& text) {
    return [text](domain::PaymentGateway&) { return domain::GatewayAnswer{{}, text, {}}; };
  }
  GatewayCalls::Answered hear() {
    return [this](const domain::GatewayAnswer& answer) {
      heard_.push_back(answer.text);
      heard_on_ = std::this_thread::get_id();
    };
  }

  SimulatedGateway gateway_;
  CoreQueue core_;
  std::vector<std::string> heard_;
  std::thread::id heard_on_;
};

TEST_F(GatewayCallsTest, TheAnswerComesBackOnTheCoreThread) {
  GatewayCalls calls(gateway_, 1, to_core());
  ASSERT_TRUE(calls.start(saying("yes"), hear()));
  core_.run_next();
  EXPECT_THAT(heard_, UnorderedElementsAre("yes"));
  EXPECT_EQ(heard_on_, std::this_thread::get_id());
}

TEST_F(GatewayCallsTest, ASlowCallDoesNotKeepOthersWaiting) {
  Gate gate;
  GatewayCalls calls(gateway_, 2, to_core());
  ASSERT_TRUE(calls.start(
      [&gate](domain::PaymentGateway&) {
        gate.wait();
        return domain::GatewayAnswer{{}, "slow", {}};
      },
      hear()));
  gate.wait_for_arrivals(1);
  ASSERT_TRUE(calls.start(saying("quick"), hear()));
  core_.run_next();
  EXPECT_THAT(heard_, UnorderedElementsAre("quick"));
  gate.open();
  core_.run_next();
  EXPECT_THAT(heard_, UnorderedElementsAre("quick", "slow"));
}

TEST_F(GatewayCallsTest, TheEndWaitsForCallsAtHandAndDropsTheOthers) {
  Gate gate;
  std::atomic<int> made{0};
  const auto counted = [&](domain::PaymentGateway&) {
    gate.wait();
    ++made;
    return domain::GatewayAnswer{};
  };
  {
    GatewayCalls calls(gateway_, 1, to_core());
    ASSERT_TRUE(calls.start(counted, hear()));
    gate.wait_for_arrivals(1);
    ASSERT_TRUE(calls.start(counted, hear()));
    std::thread opener([&gate] { gate.open(); });
    opener.join();
  }
  EXPECT_GE(made, 1);
  EXPECT_TRUE(heard_.empty()) << "nobody hears it after the end";
}

}  // namespace
}  // namespace outboxd::daemon
