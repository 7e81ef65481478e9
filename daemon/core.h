// The single writer: runs use cases one after the other and commits them in groups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/commit_thread.h"
#include "daemon/group_commit.h"
#include "daemon/held_replies.h"
#include "domain/store.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

struct CoreOptions {
  // A group that has reached this is not added to; requests wait in their sockets instead. 1 MiB is
  // where RocksDB would split a write anyway.
  std::size_t max_group_bytes = 1 << 20;
};

// What happened, for metrics.
struct CoreCounters {
  std::uint64_t groups = 0;
  std::uint64_t units = 0;    // units of work accepted
  std::uint64_t refused = 0;  // units of work discarded
  std::int64_t last_commit_us = 0;
};

// Group commit. Every decision is made on the core thread; while the commit thread waits for the
// disk with one group, the next is built. Replies leave when the group that they depend on is
// durable, never earlier. When a group cannot be made durable, `on_failure` is called and nothing
// is answered any more: it must end the process (G10).
//
// Lifetime: `store` and `server` outlive it; it joins the commit thread in its destructor. Core
// thread only.
class Core : public GroupCommit {
 public:
  // Runs inside a unit of work and writes the result, one encoded value. An error discards the
  // unit.
  using UseCase = std::function<domain::Status(domain::UnitOfWork&, transport::Writer&)>;

  Core(transport::EventLoop& loop, domain::Store& store, CoreOptions options,
       std::function<void(const domain::Error&)> on_failure);

  // Requests are answered through `server`. Once, before the first execute().
  void attach(transport::Server& server);

  // Runs `use_case` and answers `to` when the outcome is durable; `when_durable` is told then, too.
  template <typename Function>
  void execute(transport::ReplyAddress to, Function&& use_case, WhenDurable when_durable = {}) {
    // One turn may bring hundreds of requests. The disk need not wait for the last of them, once
    // there is a group of the usual size for it.
    if (store_.pending_bytes() >= last_group_bytes_) on_written();
    domain::UnitOfWork& work = store_.begin();
    result_.clear();
    transport::Writer writer(result_);
    finish(to, work, std::forward<Function>(use_case)(work, writer), std::move(when_durable));
  }

  void apply(const Effect& effect, WhenDurable when_durable) override;
  void look(const std::function<void(domain::UnitOfWork&)>& read) override;

  // Joins the daemon's own bookkeeping to the group being built; nobody is answered. `note` must
  // not fail for lack of input: an error is fatal as a failed commit is. Except for damage, which
  // is in the past: then the note is not made.
  void record(const std::function<domain::Status(domain::UnitOfWork&)>& note);

  // Told when a unit of work failed because of what it read.
  void on_read_error(std::function<void(const domain::Error&)> hook) {
    on_read_error_ = std::move(hook);
  }

  // Called after each unit of work that execute() or apply() ran. What it returns, if anything, is
  // told like their own WhenDurable, after that.
  void at_unit_end(std::function<WhenDurable(bool accepted)> hook) {
    at_unit_end_ = std::move(hook);
  }

  // Called just before a group is sealed, for bookkeeping that rides along (ACK progress). May call
  // record().
  void before_seal(std::function<void()> hook) { before_seal_ = std::move(hook); }

  // Called after each durable group, before its replies leave.
  void after_commit(std::function<void(const domain::SealedGroup&)> hook) {
    after_commit_.push_back(std::move(hook));
  }

  // True when nothing is being built or written.
  [[nodiscard]] bool idle() const;

  // True when there is a reason to believe that the commit path moves: no group is in flight, or it
  // is not the same as at the last call.
  [[nodiscard]] bool made_progress();

  [[nodiscard]] const CoreCounters& counters() const { return counters_; }

 private:
  void finish(transport::ReplyAddress to, domain::UnitOfWork& work, domain::Status status,
              WhenDurable when_durable);
  void tell_read_error(const domain::Error& error) const;
  void close(std::uint64_t depends_on, domain::Status status, WhenDurable when_durable);
  void tell_when_durable(std::uint64_t depends_on, domain::Status status, WhenDurable when_durable);
  void submit_if_full();
  HeldReplies& held_for(std::uint64_t group_number);
  void on_written();
  void submit_if_possible();

  transport::EventLoop& loop_;
  domain::Store& store_;
  const CoreOptions options_;
  const std::function<void(const domain::Error&)> on_failure_;
  transport::Server* server_ = nullptr;
  std::function<WhenDurable(bool accepted)> at_unit_end_;
  std::function<void()> before_seal_;
  std::function<void(const domain::Error&)> on_read_error_;
  std::vector<std::function<void(const domain::SealedGroup&)>> after_commit_;

  std::string result_;                  // scratch of the use case that runs
  HeldReplies building_;                // depend on the group being built
  HeldReplies in_flight_;               // depend on the group being written
  HeldReplies durable_;                 // empty but for the moment in which they leave
  std::uint64_t in_flight_number_ = 0;  // 0: none
  std::size_t last_group_bytes_ = 0;
  std::uint64_t last_seen_number_ = 0;  // by made_progress()
  bool holding_ = false;
  CoreCounters counters_;

  CommitThread commit_thread_;  // last: its callback uses everything above
};

}  // namespace outboxd::daemon
