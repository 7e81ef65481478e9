// Keeps account of what became of the outbox: durable, acknowledged, consumed, dead.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "daemon/api/outbox_methods.h"
#include "daemon/core.h"
#include "daemon/disk_guard.h"
#include "daemon/outbox_completion.h"
#include "daemon/outbox_progress.h"
#include "daemon/outbox_publisher.h"
#include "domain/clock.h"
#include "domain/store.h"
#include "transport/ipc/event_loop.h"

namespace outboxd::daemon {

struct OutboxLedgerParts {
  transport::EventLoop& loop;
  Core& core;
  const DiskGuard& disk;
  domain::DurableReader& reader;
  const domain::Clock& clock;
  OutboxPublisher::Backlog& backlog;  // kept up to date for the publisher
  OutboxProgressWatch& progress;
  OutboxCompletion& completion;
  const OutboxApi& api;  // answers those who wait
  std::int64_t flush_ms = 0;
};

// Brings what the broker says about entries together with what is durable here, and has it recorded
// so that complete entries can be removed, never before (G5). Core thread only; the parts outlive
// it.
class OutboxLedger {
 public:
  explicit OutboxLedger(OutboxLedgerParts parts);

  // A group is durable.
  void note_durable(const domain::SealedGroup& group);
  // A group is about to be sealed: progress rides along.
  void before_seal();
  // At the end of each turn.
  void catch_up();

  void acknowledged(domain::Seq seq);
  void rejected(domain::Seq seq, const std::string& code, const std::string& message);
  void consumed(const std::string& topic, const std::vector<SeqRange>& ranges);

  // A unit of work that buries `seq` was accepted.
  void note_buried(domain::Seq seq);

 private:
  void follow_up();
  void record();
  void read_unknown(domain::Seq from);

  const OutboxLedgerParts parts_;
  domain::Seq recorded_seq_;  // completion that has been handed to the store
  std::vector<domain::SeqRange> recorded_above_;
  bool is_above_changed_ = false;
  bool burial_in_group_ = false;        // the group being built makes a dead letter
  bool burial_in_flight_ = false;       // the group being written does
  domain::Seq acknowledged_later_ = 0;  // acknowledged, but behind a dead letter not yet durable
  bool is_unreadable_ = false;
  bool flush_timer_armed_ = false;
  transport::EventLoop::Timer flush_timer_;
};

}  // namespace outboxd::daemon
