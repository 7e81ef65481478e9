// A bar on the terminal that grows while something long runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace outboxd::ctl {

// Draws at most ten times a second, and only when it is on a terminal. Other lines for the same
// terminal are written after `clear`.
class ProgressBar {
 public:
  // `total_bytes` 0: not known, so a count stands for the bar.
  ProgressBar(std::ostream& terminal, bool is_terminal, std::uint64_t total_bytes)
      : terminal_(terminal), is_terminal_(is_terminal), total_bytes_(total_bytes) {}

  // `text` is shown behind the bar.
  void update(std::uint64_t bytes, const std::string& text);
  void clear();

 private:
  std::ostream& terminal_;
  const bool is_terminal_;
  const std::uint64_t total_bytes_;
  std::chrono::steady_clock::time_point drawn_at_;
  bool is_drawn_ = false;
};

}  // namespace outboxd::ctl
