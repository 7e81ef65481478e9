// The thread that makes accepted events durable, group by group.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker/append_group.h"
#include "broker/engine.h"
#include "domain/clock.h"
#include "transport/link/broker_session.h"

namespace outboxd::broker {

// Group commit: while the engine writes one group, what is accepted gathers in the next, and all of
// it is written as soon as the engine is free. Two groups exist, no more.
//
// Thread contract: add() and flush() on one thread (the router's); the callbacks come on the
// commit thread; the rest on the owner's thread.
//
// Failure: after an append that failed nothing is written any more, nothing is reported durable,
// and `on_failure` was called once: the process must stop (G10).
class Committer {
 public:
  // What became durable together.
  struct Written {
    std::vector<ProducerPosition> positions;  // in the order in which they were added
    std::vector<GroupId> groups;              // whose changes it had
    std::vector<std::string> topics;          // that have new events
  };
  using OnDurable = std::function<void(Written)>;
  using OnFailure = std::function<void(const domain::Error&)>;

  // `engine` and `elapsed` must outlive it.
  Committer(Engine& engine, const domain::ElapsedTime& elapsed, OnDurable on_durable,
            OnFailure on_failure);
  ~Committer();  // stop()

  void start();

  // Copies `request` into the group being built. While that is full it blocks: then the router
  // takes nothing more from its sockets, and the producers wait.
  void add(const transport::AppendRequest& request);

  // The same for a change of a consumer group, whose last one must be durable.
  void add(GroupChange change);

  // Has the elapsed time written, with whatever else there is.
  void keep_time();

  // Lets the commit thread know of what was added. Once per turn, so that a group has all of it.
  void flush();

  // Writes what was added and joins. Nothing may be added afterwards.
  void stop();

  // Counts the groups written so far; `idle` says that nothing waits for the next. Any thread. A
  // committer that is not idle and whose count stands still is stuck on its disk.
  struct Progress {
    std::uint64_t groups = 0;
    bool idle = true;
  };
  [[nodiscard]] Progress progress() const;

 private:
  void run();
  bool wait_for_room(std::unique_lock<std::mutex>& lock);
  static Written written(const AppendGroup& group);

  // Constant after construction.
  Engine& engine_;
  const domain::ElapsedTime& elapsed_;
  const OnDurable on_durable_;
  const OnFailure on_failure_;

  mutable std::mutex mutex_;      // guards the next five
  std::condition_variable work_;  // there is something to write, or it is time to stop
  std::condition_variable room_;  // the group being built was taken
  std::unique_ptr<AppendGroup> building_ = std::make_unique<AppendGroup>();
  bool flushed_ = false;  // since the last group was taken
  bool stopping_ = false;
  bool failed_ = false;
  bool writing_ = false;
  std::uint64_t groups_ = 0;

  std::thread thread_;
};

}  // namespace outboxd::broker
