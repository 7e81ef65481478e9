#include "transport/ipc/event_loop.h"

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace outboxd::transport {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, RunsEverythingThatWasPostedBeforeItWasStopped) {
  EventLoop loop;
  int ran = 0;
  for (int i = 0; i < 5000; ++i) loop.post([&] { ++ran; });
  loop.stop();
  loop.run();
  EXPECT_EQ(ran, 5000);
}

TEST(EventLoop, RunsWorkInTheOrderInWhichAThreadPostedIt) {
  EventLoop loop;
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] { order.push_back(3); });
    loop.stop();
  });
  loop.post([&] { order.push_back(2); });
  loop.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(EventLoop, TakesWorkFromOtherThreads) {
  EventLoop loop;
  int sum = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        loop.post([&] {
          if (++sum == 4000) loop.stop();
        });
    });
  }
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 4000);
}

TEST(EventLoop, CanRunAgain) {
  EventLoop loop;
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    loop.post([&] { ++runs; });
    loop.stop();
    loop.run();
  }
  EXPECT_EQ(runs, 3);
}

TEST(EventLoop, CallsItsHooksInOrderAfterTheWorkOfATurn) {
  EventLoop loop;
  std::string happened;
  loop.at_turn_end([&] { happened += "h"; });
  loop.at_turn_end([&] { happened += "H"; });
  loop.post([&] { happened += "1"; });
  loop.post([&] { happened += "2"; });
  loop.stop();
  loop.run();
  EXPECT_EQ(happened, "12hH");
}

TEST(EventLoop, RunsWhatAHookPostsInTheNextTurn) {
  EventLoop loop;
  std::string happened;
  loop.at_turn_end([&] {
    happened += "h";
    if (happened.size() == 1) {
      loop.post([&] { happened += "p"; });
      loop.stop();
    }
  });
  loop.post([] {});
  loop.run();
  EXPECT_EQ(happened, "hph");
}

TEST(EventLoop, EndsATurnThatWouldNotEndByItself) {
  EventLoop loop;
  bool stop = false;
  loop.at_turn_end([&] { stop = true; });
  std::function<void()> forever = [&] { stop ? loop.stop() : loop.post(forever); };
  loop.post(forever);
  loop.run();
  EXPECT_TRUE(stop);
}

TEST(Timer, FiresOnceNotBeforeItsDelay) {
  EventLoop loop;
  EventLoop::Timer timer(loop);
  EventLoop::Timer later(loop);
  int fired = 0;
  const auto begin = std::chrono::steady_clock::now();
  timer.start_once(milliseconds(5), [&] {
    ++fired;
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(5));
  });
  later.start_once(milliseconds(20), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(Timer, RepeatsUntilItIsCancelledByItsOwnWork) {
  EventLoop loop;
  EventLoop::Timer timer(loop);
  EventLoop::Timer later(loop);
  int fired = 0;
  timer.start_every(milliseconds(1), [&] {
    if (++fired < 3) return;
    timer.cancel();
    later.start_once(milliseconds(10), [&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(fired, 3);
}

TEST(Timer, StartedAgainByItsOwnWorkFiresAgain) {
  EventLoop loop;
  EventLoop::Timer timer(loop);
  timer.start_once(milliseconds(1),
                   [&] { timer.start_once(milliseconds(1), [&] { loop.stop(); }); });
  loop.run();
}

TEST(Timer, DoesNotFireWhenItWasCancelledOrDestroyedOrStartedAnew) {
  EventLoop loop;
  EventLoop::Timer cancelled(loop);
  std::optional<EventLoop::Timer> destroyed(std::in_place, loop);
  EventLoop::Timer restarted(loop);
  EventLoop::Timer last(loop);
  std::string fired;
  cancelled.start_once(milliseconds(1), [&] { fired += "c"; });
  destroyed->start_every(milliseconds(1), [&] { fired += "d"; });
  restarted.start_once(milliseconds(1), [&] { fired += "o"; });
  cancelled.cancel();
  destroyed.reset();
  restarted.start_once(milliseconds(2), [&] { fired += "n"; });
  last.start_once(milliseconds(20), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, "n");
}

TEST(Timer, CancelledWhenItWasDueInTheSameTurnDoesNotFire) {
  EventLoop loop;
  EventLoop::Timer first(loop);
  EventLoop::Timer second(loop);
  EventLoop::Timer last(loop);
  int fired = 0;
  // Both are due when the loop gets to them; whichever comes first cancels the other.
  first.start_once(milliseconds(0), [&] { ++fired, second.cancel(); });
  second.start_once(milliseconds(0), [&] { ++fired, first.cancel(); });
  last.start_once(milliseconds(5), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(Timer, KeepsRunningWhenItIsMovedAndEndsWhatItReplaces) {
  EventLoop loop;
  EventLoop::Timer replaced(loop);
  int fired = 0;
  replaced.start_once(milliseconds(1), [&] { FAIL() << "was replaced"; });
  EventLoop::Timer original(loop);
  original.start_once(milliseconds(2), [&] { ++fired, loop.stop(); });
  replaced = std::move(original);
  loop.run();
  EXPECT_EQ(fired, 1);
}

TEST(Timer, MayOutliveItsWaitWhenTheLoopIsNotRunAnyMore) {
  EventLoop loop;
  EventLoop::Timer timer(loop);
  timer.start_once(milliseconds(0), [] { FAIL() << "nobody runs the loop"; });
}

}  // namespace
}  // namespace outboxd::transport
