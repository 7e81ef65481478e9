#include "systemd/log.h"

#include <array>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace outboxd::systemd {
namespace {

constexpr std::int64_t kNow = 1'323'417'600'123;  // 2011-12-09T08:00:00.123Z

std::string line(LogLevel level, std::string_view message, std::vector<LogField> fields = {}) {
  return format_line(kNow, level, message, fields);
}

TEST(LogLine, HasTimeLevelMessageAndFields) {
  EXPECT_EQ(line(LogLevel::kWarning, "broker unreachable",
                 {{"endpoint", "tcp://127.0.0.1:7300"}, {"retry_ms", 200}, {"first", true}}),
            "2011-12-09T08:00:00.123Z warning broker unreachable "
            "endpoint=tcp://127.0.0.1:7300 retry_ms=200 first=true");
}

TEST(LogLine, QuotesValuesThatWouldReadAsMoreThanOne) {
  EXPECT_EQ(
      line(LogLevel::kInfo, "m", {{"a", "two words"}, {"b", ""}, {"c", "x=y"}, {"d", "\"\\"}}),
      R"(2011-12-09T08:00:00.123Z info m a="two words" b="" c="x=y" d="\"\\")");
}

TEST(LogLine, StaysOneLineWhateverACallerSent) {
  EXPECT_EQ(line(LogLevel::kError, "bad\nid", {{"id", "a\nfake error line\x1b[2J"}}),
            R"(2011-12-09T08:00:00.123Z error bad\nid id="a\nfake error line\x1b[2J")");
}

TEST(LogLine, KeepsTextOfOtherAlphabets) {
  EXPECT_EQ(line(LogLevel::kInfo, "m", {{"sku", "Café"}}),
            "2011-12-09T08:00:00.123Z info m sku=Café");
}

TEST(LogLine, ShowsTimesBeforeTheEpochOfABoxWithoutAClock) {
  EXPECT_EQ(format_line(-1, LogLevel::kInfo, "m", {}), "1969-12-31T23:59:59.999Z info m");
}

// Runs `work` with stderr going to a file; returns what was written.
template <typename Work>
std::string stderr_of(Work work) {
  std::FILE* file = std::tmpfile();
  const int saved = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  work();
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::string text(static_cast<std::size_t>(std::ftell(file)) + (1U << 20U), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Log, DropsWhatIsLessUrgentThanItsLevel) {
  const std::string text = stderr_of([] {
    log_debug("not by default");
    set_log_level(LogLevel::kError);
    log_warning("not now");
    log_error("always");
    set_log_level(LogLevel::kInfo);
  });
  EXPECT_EQ(text.find("not"), std::string::npos) << text;
  EXPECT_NE(text.find(" error always\n"), std::string::npos) << text;
}

TEST(Log, LinesOfSeveralThreadsDoNotMix) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const std::string text = stderr_of([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < kLines; ++i) log_info("said", {{"thread", t}, {"line", i}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  int lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const std::string one = text.substr(at, end - at);
    EXPECT_EQ(one.find(" info said thread="), std::string("2011-12-09T08:00:00.123Z").size())
        << one;
    at = end + 1;
  }
  EXPECT_EQ(lines, kThreads * kLines);
}

TEST(JournalStream, IsRecognisedByDeviceAndInode) {
  std::array<int, 2> pipe_fds{};
  ASSERT_EQ(pipe(pipe_fds.data()), 0);
  struct stat file {};
  ASSERT_EQ(fstat(pipe_fds[1], &file), 0);
  const std::string same = std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
  EXPECT_TRUE(is_journal_stream(pipe_fds[1], same.c_str()));
  EXPECT_FALSE(is_journal_stream(pipe_fds[1], (same + "0").c_str()));
  EXPECT_FALSE(is_journal_stream(pipe_fds[1], nullptr));
  close(pipe_fds[0]);
  close(pipe_fds[1]);
  EXPECT_FALSE(is_journal_stream(pipe_fds[1], same.c_str()));
}

}  // namespace
}  // namespace outboxd::systemd
