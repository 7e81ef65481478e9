#include "daemon/worker_pool.h"

#include <array>
#include <deque>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

TEST(WorkerPool, RunsAsManyJobsAtATimeAsItHasThreads) {
  std::latch all_begun(3);  // opens only when three jobs run at the same time
  std::latch done(3);
  WorkerPool pool(3, 16);  // last: its jobs use the others until they end
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(pool.post([&] {
      all_begun.arrive_and_wait();
      done.count_down();
    }));
  }
  done.wait();
}

TEST(WorkerPool, AJobThatBlocksDoesNotHoldUpOneThatComesLater) {
  std::latch begun(1);
  std::latch later_ran(1);
  WorkerPool pool(2, 16);
  EXPECT_TRUE(pool.post([&] {
    begun.count_down();
    later_ran.wait();
  }));
  begun.wait();
  EXPECT_TRUE(pool.post([&] { later_ran.count_down(); }));
  later_ran.wait();
}

TEST(WorkerPool, RunsEveryJobOfManyBurstsFromSeveralThreads) {
  static constexpr int kPosters = 3;
  static constexpr int kBursts = 500;
  static constexpr int kJobs = 7;
  std::array<std::deque<std::latch>, kPosters> bursts;
  WorkerPool pool(4, kPosters * kJobs);  // last: its jobs use the latches until they end
  std::vector<std::thread> posters;
  for (std::deque<std::latch>& mine : bursts) {
    posters.emplace_back([&pool, &mine] {
      for (int burst = 0; burst < kBursts; ++burst) {
        // A wake-up that gets lost would leave the burst waiting for ever.
        std::latch& done = mine.emplace_back(kJobs);
        for (int job = 0; job < kJobs; ++job) {
          ASSERT_TRUE(pool.post([&done] { done.count_down(); }));
        }
        done.wait();
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
}

TEST(WorkerPool, OneThreadRunsJobsInTheOrderInWhichTheyCame) {
  std::string order;
  std::latch done(3);
  WorkerPool pool(1, 16);
  for (const char name : {'a', 'b', 'c'}) {
    EXPECT_TRUE(pool.post([&order, &done, name] {
      order += name;
      done.count_down();
    }));
  }
  done.wait();
  EXPECT_EQ(order, "abc");
}

TEST(WorkerPool, TakesNoMoreThanItsBoundOfWaitingJobs) {
  std::latch begun(1);
  std::latch go_on(1);
  WorkerPool pool(1, 2);
  EXPECT_TRUE(pool.post([&] {
    begun.count_down();
    go_on.wait();
  }));
  begun.wait();
  EXPECT_TRUE(pool.post([] {}));
  EXPECT_TRUE(pool.post([] {}));
  EXPECT_FALSE(pool.post([] {})) << "two wait already";
  go_on.count_down();
}

}  // namespace
}  // namespace outboxd::daemon
