#include "systemd/stop_signal.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace outboxd::systemd {
namespace {

TEST(StopSignalTest, ASignalIsWaitedForInsteadOfEndingTheProcess) {
  const StopSignal stop;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    EXPECT_TRUE(stop.wait(std::nullopt)) << signal;
  }
}

TEST(StopSignalTest, WaitingWithoutASignalEndsAtItsTimeout) {
  const StopSignal stop;
  EXPECT_FALSE(stop.wait(std::chrono::milliseconds(1)));
}

TEST(StopSignalTest, ThreadsStartedAfterwardsAreNotInterruptedEither) {
  const StopSignal stop;
  std::thread([] { pthread_kill(pthread_self(), SIGTERM); }).join();
  EXPECT_EQ(::raise(SIGPIPE), 0) << "and a broken pipe is no signal any more";
}

}  // namespace
}  // namespace outboxd::systemd
