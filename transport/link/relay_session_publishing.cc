// The publishing half of RelaySession: what leaves, how much at once, and what is in flight.
#include <algorithm>
#include <string>
#include <utility>

#include "transport/link/frame_codec.h"
#include "transport/link/relay_session.h"

namespace outboxd::transport {
namespace {

// How soon the outbox is asked again after it had nothing, although it was said to have something.
constexpr std::int64_t kReadAgainMs = 50;

std::uint64_t chain_of(const PublishBatch& batch, std::size_t index) {
  return index < batch.chains.size() ? batch.chains[index] : 0;
}

}  // namespace

std::optional<WantedEntries> RelaySession::wanted(std::int64_t now_ms) const {
  if (phase_ != Phase::kStreaming || closing_ || now_ms < read_again_ms_) return std::nullopt;
  const std::uint64_t available = next_seq_ - 1 - sent_seq_;
  if (available == 0) return std::nullopt;
  const std::size_t in_flight = in_flight_events();
  if (in_flight >= window_events_ || in_flight_bytes_ >= window_bytes_) return std::nullopt;
  const std::size_t left_events = window_events_ - in_flight;
  const std::size_t left_bytes = window_bytes_ - in_flight_bytes_;
  if (in_flight > 0) {
    // A batch may wait for company, and for a worthwhile part of the window.
    const bool is_full = available >= publish_events_;
    if (!is_full && now_ms - waiting_since_ms_ < options_.batch_age_ms) return std::nullopt;
    const std::size_t useful_events =
        static_cast<std::size_t>(std::min<std::uint64_t>(available, publish_events_));
    if (left_events < std::min(useful_events, window_events_ / 2) ||
        left_bytes < std::min(publish_bytes_, window_bytes_ / 2)) {
      return std::nullopt;
    }
  }
  return WantedEntries{sent_seq_ + 1, std::min(left_events, publish_events_),
                       std::min(left_bytes, publish_bytes_)};
}

// How much of `batch` fits into one frame and into the window. With nothing in flight the first
// event always does. Refuses what the broker said that it would.
RelaySession::Cut RelaySession::cut_to_fit(const PublishBatch& batch) {
  const std::size_t left_events = window_events_ - in_flight_events();
  const std::size_t left_bytes =
      window_bytes_ > in_flight_bytes_ ? window_bytes_ - in_flight_bytes_ : 0;
  const std::size_t max_events = std::min({batch.envelopes.size(), publish_events_, left_events});
  const std::size_t max_bytes = std::min(publish_bytes_, left_bytes);
  Cut cut;
  for (; cut.events < max_events; ++cut.events) {
    const domain::Seq seq = batch.first_seq + cut.events;
    const std::size_t size = batch.envelopes[cut.events].size();
    if (size > max_envelope_bytes_) {
      if (withdrawn_.insert(seq).second) {
        observer_.on_rejected(seq, std::string(reject_code::kTooLarge),
                              "the broker takes events of at most " +
                                  std::to_string(max_envelope_bytes_) + " bytes, this one has " +
                                  std::to_string(size));
        break;  // the outbox buries it first; what it gives then is the withdrawal
      }
      continue;
    }
    const bool is_first = in_flight_.empty() && cut.events == 0;
    if (cut.bytes + size > max_bytes && !is_first) break;
    cut.bytes += size;
  }
  return cut;
}

void RelaySession::publish(const PublishBatch& batch, std::int64_t now_ms) {
  if (phase_ != Phase::kStreaming || closing_) return;
  read_again_ms_ = now_ms + kReadAgainMs;
  if (batch.envelopes.empty()) return;
  if (batch.first_seq != sent_seq_ + 1) {
    return disagree({.code = std::string(conflict_code::kBrokerBehind),
                     .life = options_.life,
                     .last_seq = sent_seq_,
                     .history = history_,
                     .message = "the broker lacks event " + std::to_string(sent_seq_ + 1) +
                                ", which the outbox no longer has (it has event " +
                                std::to_string(batch.first_seq) +
                                "): the broker lost data, or another broker answers"},
                    now_ms);
  }
  const Cut cut = cut_to_fit(batch);
  if (cut.events == 0) return;
  PublishEncoder encoder(batch.first_seq, cut.events, cut.bytes);
  for (std::size_t i = 0; i < cut.events; ++i) {
    const bool is_withdrawn = !withdrawn_.empty() && withdrawn_.contains(batch.first_seq + i);
    encoder.add(is_withdrawn ? std::string_view() : std::string_view(batch.envelopes[i]),
                chain_of(batch, i));
  }
  queue(std::move(encoder).finish(), now_ms);
  if (in_flight_.empty()) progress_ms_ = now_ms;
  sent_seq_ += cut.events;
  highest_seq_ = std::max(highest_seq_, sent_seq_);
  // What is available was said by entries_available(), or the outbox knows better.
  next_seq_ = std::max(next_seq_, sent_seq_ + 1);
  in_flight_.push_back({sent_seq_, cut.bytes});
  in_flight_bytes_ += cut.bytes;
  waiting_since_ms_ = now_ms;
  read_again_ms_ = now_ms;
  check_invariants();
}

void RelaySession::acknowledge(domain::Seq seq) {
  if (seq <= acknowledged_seq_) return;
  acknowledged_seq_ = seq;
  observer_.on_acknowledged(seq);
}

void RelaySession::resume_after(domain::Seq seq) {
  acked_seq_ = sent_seq_ = seq;
  in_flight_.clear();
  in_flight_bytes_ = 0;
  // Refusals that lie further ahead than the window will be told again.
  withdrawn_.erase(withdrawn_.begin(), withdrawn_.upper_bound(seq));
  withdrawn_.erase(withdrawn_.upper_bound(seq + window_events_), withdrawn_.end());
}

// `seq` and what follows it counts as not sent. A batch that is cut keeps its bytes: to count too
// much for one round trip only makes the window smaller.
void RelaySession::send_again_from(domain::Seq seq) {
  std::size_t cut_bytes = 0;
  while (!in_flight_.empty() && in_flight_.back().last_seq >= seq) {
    cut_bytes = in_flight_.back().bytes;
    in_flight_bytes_ -= cut_bytes;
    in_flight_.pop_back();
  }
  sent_seq_ = seq - 1;
  const domain::Seq before = in_flight_.empty() ? acked_seq_ : in_flight_.back().last_seq;
  if (sent_seq_ > before) {
    in_flight_.push_back({sent_seq_, cut_bytes});
    in_flight_bytes_ += cut_bytes;
  }
}

}  // namespace outboxd::transport
