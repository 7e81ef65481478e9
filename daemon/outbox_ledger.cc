#include "daemon/outbox_ledger.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "systemd/log.h"
#include "transport/limits.h"

namespace outboxd::daemon {
namespace {

// Entries read in one turn to learn their topics again; requests wait meanwhile.
constexpr std::size_t kMaxReadEntries = 2048;

}  // namespace

using domain::Seq;

OutboxLedger::OutboxLedger(OutboxLedgerParts parts)
    : parts_(parts), recorded_seq_(parts_.completion.completed_seq()), flush_timer_(parts_.loop) {
  follow_up();
}

void OutboxLedger::note_durable(const domain::SealedGroup& group) {
  burial_in_flight_ = false;
  for (const domain::OutboxEntry& entry : group.entries()) {
    parts_.completion.note_stored(entry.seq, entry.topic);
  }
  if (!burial_in_group_ && acknowledged_later_ != 0) {
    acknowledged(std::exchange(acknowledged_later_, 0));
  }
  if (group.entries().empty()) return;
  answer_reached(parts_.api, parts_.progress.stored_through(group.entries().back().seq));
  follow_up();
}

void OutboxLedger::before_seal() {
  record();
  burial_in_flight_ |= std::exchange(burial_in_group_, false);
}

void OutboxLedger::catch_up() {
  // A burial of what was buried already makes no group that would end the wait for it.
  if (parts_.core.idle()) {
    burial_in_group_ = false;
    if (acknowledged_later_ != 0) acknowledged(std::exchange(acknowledged_later_, 0));
  }
  if (is_unreadable_) return;
  if (const auto from = parts_.completion.unknown_from()) read_unknown(*from);
}

void OutboxLedger::acknowledged(Seq seq) {
  // A rejected event counts as delivered too. It becomes so, and whoever waits for it is told, once
  // its dead letter is durable.
  if (burial_in_group_ || burial_in_flight_) {
    acknowledged_later_ = std::max(acknowledged_later_, seq);
    return;
  }
  const Seq before = parts_.progress.delivered_seq();
  answer_reached(parts_.api, parts_.progress.delivered_through(seq));
  parts_.completion.delivered_through(seq);
  const auto is_complete = [this](Seq wanted) { return parts_.completion.is_complete(wanted); };
  answer_reached(parts_.api, parts_.progress.consumed_within(before + 1, seq, is_complete));
  follow_up();
}

void OutboxLedger::rejected(Seq seq, const std::string& code, const std::string& message) {
  systemd::log_warning("the broker rejected an event; it is a dead letter now",
                       {{"seq", seq}, {"code", code}, {"reason", message}});
  note_buried(seq);
  parts_.core.record([&](domain::UnitOfWork& work) {
    return work.outbox().bury(seq, code + ": " + message, parts_.clock.wall_ms());
  });
}

void OutboxLedger::note_buried(Seq seq) {
  burial_in_group_ = true;
  parts_.completion.note_buried(seq);
}

void OutboxLedger::consumed(const std::string& topic, const std::vector<SeqRange>& ranges) {
  for (const SeqRange& range : ranges) {
    parts_.completion.consumed(topic, range);
    is_above_changed_ = true;
    const auto is_complete = [this](Seq seq) { return parts_.completion.is_complete(seq); };
    answer_reached(parts_.api,
                   parts_.progress.consumed_within(range.first, range.last, is_complete));
  }
  follow_up();
}

// Progress rides in the next group; when there is none for a while it is written on its own.
void OutboxLedger::follow_up() {
  const Seq completed_seq = parts_.completion.completed_seq();
  parts_.backlog.entries = parts_.progress.stored_seq() - completed_seq;
  if ((recorded_seq_ >= completed_seq && !is_above_changed_) || flush_timer_armed_) return;
  flush_timer_armed_ = true;
  flush_timer_.start_once(std::chrono::milliseconds(parts_.flush_ms), [this] {
    flush_timer_armed_ = false;
    record();
  });
}

void OutboxLedger::record() {
  // On a full disk progress stays in memory: losing it costs a redelivery, which the broker drops.
  const Seq completed_seq = parts_.completion.completed_seq();
  const bool is_further = completed_seq > recorded_seq_;
  if ((!is_further && !is_above_changed_) || parts_.disk.level() == DiskLevel::kHard) return;
  std::vector<domain::SeqRange> above;
  for (const SeqRange& range : parts_.completion.above(transport::kMaxCompletedRanges)) {
    above.push_back({range.first, range.last});
  }
  is_above_changed_ = false;
  const bool is_above_news = above != recorded_above_;
  if (!is_further && !is_above_news) return;
  recorded_seq_ = completed_seq;
  recorded_above_ = std::move(above);
  parts_.core.record([&](domain::UnitOfWork& work) {
    work.outbox().complete_through(completed_seq);
    if (is_above_news) work.outbox().note_complete_above(recorded_above_);
    return domain::ok_status();
  });
}

void OutboxLedger::read_unknown(Seq from) {
  const Seq stored_seq = parts_.progress.stored_seq();
  Seq read_through = std::min(stored_seq, from + kMaxReadEntries - 1);
  const domain::Status status =
      parts_.reader.scan_outbox(from, [&](const domain::OutboxEntry& entry) {
        if (entry.seq > read_through) return false;
        parts_.completion.note_read(entry.seq, entry.topic);
        return true;
      });
  if (!status) {
    // Nothing is lost: entries stay until a restart finds out what they are.
    is_unreadable_ = true;
    systemd::log_error("the outbox cannot be read", {{"reason", status.error().message}});
    return;
  }
  parts_.completion.note_read_through(read_through);
  const auto is_complete = [this](Seq seq) { return parts_.completion.is_complete(seq); };
  answer_reached(parts_.api, parts_.progress.consumed_within(from, read_through, is_complete));
  follow_up();
  if (parts_.completion.unknown_from()) parts_.loop.post([] {});  // wakes the next turn
}

}  // namespace outboxd::daemon
