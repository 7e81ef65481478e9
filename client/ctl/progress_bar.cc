#include "client/ctl/progress_bar.h"

#include <algorithm>

namespace outboxd::ctl {
namespace {

constexpr std::chrono::milliseconds kBetweenDrawings{100};
constexpr std::size_t kWidth = 30;

}  // namespace

void ProgressBar::update(std::uint64_t bytes, const std::string& text) {
  if (!is_terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (is_drawn_ && now - drawn_at_ < kBetweenDrawings) return;
  clear();
  if (total_bytes_ > 0) {
    const double part =
        std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total_bytes_));
    const auto filled = static_cast<std::size_t>(part * kWidth);
    terminal_ << '[' << std::string(filled, '#') << std::string(kWidth - filled, '.') << "] "
              << static_cast<int>(part * 100) << " %  ";
  }
  terminal_ << text << std::flush;
  is_drawn_ = true;
  drawn_at_ = now;
}

void ProgressBar::clear() {
  if (is_drawn_) terminal_ << "\r\033[K" << std::flush;
  is_drawn_ = false;
}

}  // namespace outboxd::ctl
