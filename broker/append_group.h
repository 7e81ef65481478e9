// What was accepted and waits to be made durable together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "broker/engine.h"
#include "transport/limits.h"
#include "transport/link/broker_session.h"

namespace outboxd::broker {

// Gathers append requests into one batch, with a copy of their bytes, for frames die before the
// disk is done. It is full at kBytes and has room for one more request then, so that the copies
// never move. Not thread-safe; used again after clear().
class AppendGroup {
 public:
  // Some thousand events of the usual size: enough for a sync to cost each of them little, and
  // little enough to hold two groups in memory on a small box.
  static constexpr std::size_t kBytes = 2 << 20;

  AppendGroup();

  // Must not be called when full(). The positions of a producer must not move backwards.
  void add(const transport::AppendRequest& request);

  // The same; of each group of consumers at most one change.
  void add(GroupChange change);

  // Makes it something to write, for the sake of the elapsed time alone.
  void touch() { touched_ = true; }

  // The time to go with the batch.
  void set_elapsed(std::int64_t elapsed_ms) { batch_.elapsed_ms = elapsed_ms; }

  [[nodiscard]] bool empty() const {
    return batch_.positions.empty() && batch_.groups.empty() && !touched_;
  }
  [[nodiscard]] bool full() const { return used_ + group_bytes_ >= kBytes; }

  // The topics that the batch adds events to.
  [[nodiscard]] const std::set<std::string, std::less<>>& topics() const { return topics_; }

  // The views are valid until clear().
  [[nodiscard]] const AppendBatch& batch() const { return batch_; }

  void clear();

 private:
  std::string_view copy(std::string_view text);
  std::size_t position_of(const transport::AppendRequest& request);

  static constexpr std::size_t kCapacity = kBytes + 2 * transport::kMaxFrameBytes;

  const std::unique_ptr<char[]> bytes_;  // pages that were never written to cost no memory
  std::size_t used_ = 0;
  std::size_t group_bytes_ = 0;  // of the changes of consumer groups, about
  bool touched_ = false;
  AppendBatch batch_;
  std::set<std::string, std::less<>> topics_;
  std::map<std::string, std::size_t, std::less<>> positions_;  // of producers in batch_.positions
};

}  // namespace outboxd::broker
