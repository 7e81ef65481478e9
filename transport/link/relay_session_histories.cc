// Whether the broker has the history that this box knows (PROTOCOL.md, "Histories").
#include <algorithm>
#include <string>
#include <utility>

#include "transport/link/relay_session.h"

namespace outboxd::transport {

// Two brokers under one address have different stores. What one acknowledged, the other one does
// not have.
bool RelaySession::is_our_broker(std::string_view history, domain::Seq last_seq,
                                 std::int64_t now_ms) {
  if (history_.empty() || history.empty() || history_ == history) return true;
  if (accept_loss_) return true;
  disagree({.code = std::string(conflict_code::kOtherBroker),
            .life = options_.life,
            .last_seq = last_seq,
            .history = std::string(history),
            .message = "this is the broker with the store " + std::string(history) +
                       ", and this box was connected to the one with " + history_ +
                       ": it lost its data, or another broker answers"},
           now_ms);
  return false;
}

// What the broker lacks is sent again, as long as it is here. What was completed is not.
bool RelaySession::has_what_we_gave_up(domain::Seq last_seq, std::int64_t now_ms) {
  // What was said on this connection since, came earlier: events go on being completed meanwhile.
  last_seq = std::max(last_seq, connection_acked_seq_);
  if (last_seq + 1 >= first_kept_ || last_seq < options_.base_seq || accept_loss_) return true;
  disagree({.code = std::string(conflict_code::kBrokerBehind),
            .life = options_.life,
            .last_seq = last_seq,
            .history = history_,
            .message = "the broker lost events " + std::to_string(last_seq + 1) + " to " +
                       std::to_string(first_kept_ - 1) +
                       ", which it had acknowledged and this box no longer has"},
           now_ms);
  return false;
}

void RelaySession::on_prove(const ProveFrame& prove, std::int64_t now_ms) {
  if (phase_ != Phase::kGreeting) return;  // the answer to a HELLO of before WELCOME
  if (!is_our_broker(prove.history, prove.seq, now_ms)) return;
  if (!has_what_we_gave_up(prove.seq, now_ms)) return;
  wanted_proof_ = prove.seq;
}

void RelaySession::prove(domain::Seq seq, std::uint64_t chain, std::int64_t now_ms) {
  wanted_proof_.reset();
  proof_seq_ = seq;
  proof_chain_ = chain;
  if (phase_ == Phase::kGreeting) say_hello(now_ms);
}

void RelaySession::on_conflict(const ConflictFrame& conflict, std::int64_t now_ms) {
  disagree({.code = std::string(conflict.code.substr(0, kMaxErrorTextBytes)),
            .life = conflict.life,
            .last_seq = conflict.last_seq,
            .history = {},
            .message = std::string(conflict.message.substr(0, kMaxErrorTextBytes))},
           now_ms);
}

void RelaySession::disagree(LinkConflict conflict, std::int64_t now_ms) {
  std::string reason = conflict.code + ": " + conflict.message;
  observer_.on_conflict(std::move(conflict));
  wait_for_people(LinkState::kConflict, std::move(reason), now_ms);
}

}  // namespace outboxd::transport
