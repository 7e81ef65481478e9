#include "daemon/outbox_completion.h"

#include <algorithm>
#include <utility>

#include "domain/check.h"

namespace outboxd::daemon {
namespace {

constexpr domain::Seq kMaxLookedAt = 16'384;  // entries above the watermark, in one call of above()

}  // namespace

using domain::Seq;

OutboxCompletion::OutboxCompletion(std::vector<ConsumedBy> rules, Seq completed_seq,
                                   const std::vector<SeqRange>& above, Limits limits)
    : rules_(std::move(rules)),
      limits_(limits),
      delivered_seq_(completed_seq),
      completed_seq_(completed_seq),
      earlier_(limits.ranges_per_topic),
      consumed_(rules_.size(), SeqRanges(limits.ranges_per_topic)) {
  OUTBOXD_CHECK(rules_.size() < kAtBroker);
  for (const SeqRange& range : above) earlier_.add(range);
}

OutboxCompletion::Rule OutboxCompletion::rule_of(std::string_view topic) const {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].topic == topic) return static_cast<Rule>(i);
  }
  return kAtBroker;
}

void OutboxCompletion::note_stored(Seq seq, std::string_view topic) {
  // What does not follow on, or is past the bound, is read when it is needed.
  if (rules_.empty() || known_through() + 1 != seq || is_known_full()) return;
  known_.push_back(rule_of(topic));
  advance();
}

void OutboxCompletion::note_read(Seq seq, std::string_view topic) {
  note_read_through(seq - 1);
  note_stored(seq, topic);
}

void OutboxCompletion::note_read_through(Seq seq) {
  if (rules_.empty()) return;
  // The broker counts withdrawn entries, and nobody consumes them.
  while (known_through() < seq && !is_known_full()) known_.push_back(kAtBroker);
  advance();
}

void OutboxCompletion::note_buried(Seq seq) {
  if (seq <= completed_seq_ || seq > known_through()) return;
  known_[seq - completed_seq_ - 1] = kAtBroker;
  advance();
}

void OutboxCompletion::delivered_through(Seq seq) {
  delivered_seq_ = std::max(delivered_seq_, seq);
  advance();
}

void OutboxCompletion::consumed(std::string_view topic, SeqRange range) {
  const Rule rule = rule_of(topic);
  if (rule == kAtBroker || range.last <= completed_seq_ || range.first > range.last) return;
  consumed_[rule].add({std::max(range.first, completed_seq_ + 1), range.last});
  advance();
}

bool OutboxCompletion::is_complete(Seq seq) const {
  if (seq <= completed_seq_) return true;
  if (earlier_.contains(seq)) return true;
  if (rules_.empty()) return seq <= delivered_seq_;
  if (seq > known_through()) return false;
  const Rule rule = known_[seq - completed_seq_ - 1];
  return rule == kAtBroker ? seq <= delivered_seq_ : consumed_[rule].contains(seq);
}

void OutboxCompletion::advance() {
  if (rules_.empty()) {
    completed_seq_ = std::max(completed_seq_, delivered_seq_);
    earlier_.drop_through(completed_seq_);
    return;
  }
  const Seq before = completed_seq_;
  while (!known_.empty() && is_complete(completed_seq_ + 1)) {
    ++completed_seq_;
    known_.pop_front();
  }
  if (completed_seq_ == before) return;
  earlier_.drop_through(completed_seq_);
  for (SeqRanges& ranges : consumed_) ranges.drop_through(completed_seq_);
}

std::optional<Seq> OutboxCompletion::unknown_from() const {
  if (rules_.empty() || !known_.empty() || delivered_seq_ <= completed_seq_) return std::nullopt;
  return completed_seq_ + 1;
}

std::vector<SeqRange> OutboxCompletion::above(std::size_t max_ranges) const {
  std::vector<SeqRange> ranges;
  const Seq end = std::min(known_through(), completed_seq_ + kMaxLookedAt);
  for (Seq seq = completed_seq_ + 1; seq <= end; ++seq) {
    if (!is_complete(seq)) continue;
    if (!ranges.empty() && ranges.back().last + 1 == seq) {
      ranges.back().last = seq;
    } else if (ranges.size() < max_ranges) {
      ranges.push_back({seq, seq});
    } else {
      break;
    }
  }
  return ranges;
}

}  // namespace outboxd::daemon
