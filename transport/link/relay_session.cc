#include "transport/link/relay_session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "domain/check.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {
namespace {

std::size_t clamp_to_size(std::uint64_t value, std::size_t max) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(value, max));
}

bool is_of_broker_to_consumers(const Frame& frame) {
  return std::holds_alternative<DeliverFrame>(frame) ||
         std::holds_alternative<SettledFrame>(frame) ||
         std::holds_alternative<CompletedFrame>(frame) ||
         std::holds_alternative<UnsubscribedFrame>(frame);
}

std::string seconds(std::int64_t ms) {
  return std::to_string(ms / 1000) + " s";
}

}  // namespace

RelaySession::RelaySession(RelaySessionOptions options, domain::Seq next_seq, Random random,
                           LinkObserver& observer)
    : options_(std::move(options)),
      random_(std::move(random)),
      observer_(observer),
      consumer_(observer),
      next_seq_(next_seq),
      highest_seq_(next_seq - 1),
      accept_loss_(options_.accept_loss),
      history_(options_.history),
      ack_timeout_ms_(options_.ack_timeout_ms) {
  OUTBOXD_CHECK(next_seq > 0 && options_.epoch > 0);
  OUTBOXD_CHECK(options_.window_events > 0 && options_.window_bytes > 0);
  OUTBOXD_CHECK(options_.completions.size() <= kMaxCompletionRules);
}

// --- Inputs -------------------------------------------------------------------------------------

void RelaySession::connected(std::int64_t now_ms) {
  if (phase_ == Phase::kEnded) return;
  begin_greeting();
  connection_acked_seq_ = 0;
  // A broker that was refused, or that ended the last session, is not asked sooner for having been
  // reconnected to. Where another history answered, this may be the right one that is back.
  if (failures_ == 0 && reported_ != LinkState::kIncompatible) hello_due_ms_ = now_ms;
  tick(now_ms);
}

void RelaySession::disconnected(std::string reason) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kDown;
  drop_session();
  if (!is_waiting_for_people()) report(LinkState::kConnecting, std::move(reason));
}

void RelaySession::receive(std::string_view bytes, std::int64_t now_ms) {
  if (phase_ == Phase::kDown || phase_ == Phase::kEnded) return;
  heard_ms_ = now_ms;
  if (const auto version = other_version(bytes)) {
    return refuse_broker("the broker speaks version " + std::to_string(*version) +
                             " of the protocol, this daemon version " +
                             std::to_string(kProtocolVersion),
                         now_ms);
  }
  const auto frame = decode_frame(bytes, document_);
  if (!frame) {
    return greet_again("the broker sent garbage: " + frame.error().message, now_ms);
  }
  dispatch(*frame, now_ms);
  check_invariants();
}

void RelaySession::dispatch(const Frame& frame, std::int64_t now_ms) {
  if (const auto* ack = std::get_if<AckFrame>(&frame)) return on_ack(ack->seq, now_ms);
  if (const auto* welcome = std::get_if<WelcomeFrame>(&frame)) return on_welcome(*welcome, now_ms);
  if (const auto* reject = std::get_if<RejectFrame>(&frame)) return on_reject(*reject, now_ms);
  if (const auto* error = std::get_if<ErrorFrame>(&frame)) return on_error(*error, now_ms);
  if (const auto* fenced = std::get_if<FencedFrame>(&frame)) return on_fenced(*fenced, now_ms);
  if (const auto* bye = std::get_if<ByeFrame>(&frame)) return on_bye(*bye, now_ms);
  if (const auto* prove = std::get_if<ProveFrame>(&frame)) return on_prove(*prove, now_ms);
  if (const auto* conflict = std::get_if<ConflictFrame>(&frame)) {
    return on_conflict(*conflict, now_ms);
  }
  if (std::holds_alternative<PingFrame>(frame)) return queue(encode(PongFrame{}), now_ms);
  if (const auto* pong = std::get_if<PongFrame>(&frame)) return on_pong(*pong, now_ms);
  if (std::holds_alternative<UnknownFrame>(frame)) return;  // a later release's: not for us
  if (dispatch_to_consumer(frame, now_ms)) return;
  greet_again("the broker sent a frame that only a daemon sends", now_ms);
}

void RelaySession::tick(std::int64_t now_ms) {
  if (phase_ == Phase::kGreeting && now_ms >= hello_due_ms_) return say_hello(now_ms);
  if (phase_ != Phase::kStreaming) return;
  if (now_ms - heard_ms_ >= options_.silence_timeout_ms) {
    return greet_again("the broker has been silent for " + seconds(now_ms - heard_ms_), now_ms);
  }
  if (sent_seq_ > acked_seq_ && now_ms - progress_ms_ >= ack_timeout_ms_) {
    ack_timeout_ms_ = std::min(2 * ack_timeout_ms_, options_.ack_timeout_max_ms);
    return greet_again("no ACK for " + seconds(now_ms - progress_ms_), now_ms);
  }
  if (now_ms >= ping_due_ms()) {
    pinged_ms_ = now_ms;
    queue(encode(PingFrame{consumer_.sent()}), now_ms);
  }
}

void RelaySession::entries_available(domain::Seq next_seq, std::int64_t now_ms) {
  if (next_seq <= next_seq_) return;
  if (sent_seq_ + 1 == next_seq_) waiting_since_ms_ = now_ms;
  next_seq_ = next_seq;
  read_again_ms_ = now_ms;
}

void RelaySession::close() {
  closing_ = true;
  if (phase_ != Phase::kStreaming) return;
  // What was settled before is still told.
  while (auto frame = consumer_.next_frame()) frames_.push_back(std::move(*frame));
  frames_.push_back(encode(ByeFrame{"the daemon is stopping"}));
}

void RelaySession::subscribe(Subscription subscription) {
  consumer_.subscribe(std::move(subscription));
}

void RelaySession::settle(std::vector<OwnedSettlement> settlements) {
  consumer_.settle(std::move(settlements));
}

void RelaySession::fail(std::string reason) {
  end(LinkState::kOff, std::move(reason));
}

// --- Frames of the broker -----------------------------------------------------------------------

void RelaySession::on_welcome(const WelcomeFrame& welcome, std::int64_t now_ms) {
  // What was true when an earlier HELLO was answered need not be true any more.
  if (welcome.greeting != 0 && welcome.greeting < first_greeting_) return;
  if (phase_ != Phase::kGreeting) {
    // The answer to a HELLO that was repeated. Publishing goes on as it is; but the broker has
    // begun anew with the subscriptions.
    if (welcome.session > consumer_.session()) consumer_.begin(welcome.session);
    return;
  }
  if (welcome.last_seq > highest_seq_) {
    return disagree({.code = std::string(conflict_code::kBoxBehind),
                     .life = options_.life,
                     .last_seq = welcome.last_seq,
                     .history = std::string(welcome.history),
                     .message = "the broker has events of producer " + options_.producer +
                                " up to " + std::to_string(welcome.last_seq) + ", but only " +
                                std::to_string(highest_seq_) +
                                " can have been sent from here: another box uses the name, or "
                                "this box went back to older data"},
                    now_ms);
  }
  if (!is_our_broker(welcome.history, welcome.last_seq, now_ms) ||
      !has_what_we_gave_up(welcome.last_seq, now_ms))
    return;
  if (welcome.window_events == 0 || welcome.window_bytes == 0 || welcome.max_publish_events == 0 ||
      welcome.max_publish_bytes == 0 || welcome.max_envelope_bytes == 0) {
    return refuse_broker("the broker grants no room for events", now_ms);
  }
  window_events_ = clamp_to_size(welcome.window_events, options_.window_events);
  window_bytes_ = clamp_to_size(welcome.window_bytes, options_.window_bytes);
  publish_events_ = clamp_to_size(welcome.max_publish_events, kMaxPublishEvents);
  publish_bytes_ = clamp_to_size(welcome.max_publish_bytes, kMaxPublishBytes);
  max_envelope_bytes_ = clamp_to_size(welcome.max_envelope_bytes, kMaxEnvelopeBytes);
  phase_ = Phase::kStreaming;
  if (!welcome.history.empty()) {
    history_ = welcome.history;
    observer_.on_session(history_);
  }
  consumer_.begin(welcome.session);
  hellos_ = 0;
  queued_ms_ = pinged_ms_ = now_ms;
  waiting_since_ms_ = read_again_ms_ = now_ms;
  std::string reason;
  // An ACK may have overtaken it, or COMPLETED.
  const domain::Seq last_seq = std::max(welcome.last_seq, connection_acked_seq_);
  connection_acked_seq_ = last_seq;
  if (last_seq < acknowledged_seq_) {
    reason = "the broker lost events " + std::to_string(last_seq + 1) + " to " +
             std::to_string(acknowledged_seq_) + ", which it had acknowledged; sending them again";
  }
  report(LinkState::kConnected, std::move(reason));
  resume_after(last_seq);
  acknowledge(last_seq);
}

void RelaySession::on_ack(domain::Seq seq, std::int64_t now_ms) {
  if (reported_ == LinkState::kConflict) return;  // it speaks of other events than ours
  if (seq > highest_seq_) {
    return refuse_broker("the broker acknowledged event " + std::to_string(seq) + ", but only " +
                             std::to_string(highest_seq_) + " can have been sent from here",
                         now_ms);
  }
  // In kGreeting this is the ACK of an earlier session: as true as then, but WELCOME decides.
  connection_acked_seq_ = std::max(connection_acked_seq_, seq);
  acknowledge(seq);
  if (phase_ != Phase::kStreaming || seq <= acked_seq_) return;
  acked_seq_ = seq;
  if (seq + 1 >= first_kept_) accept_loss_ = false;
  sent_seq_ = std::max(sent_seq_, seq);
  while (!in_flight_.empty() && in_flight_.front().last_seq <= seq) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  withdrawn_.erase(withdrawn_.begin(), withdrawn_.upper_bound(seq));
  progress_ms_ = now_ms;
  read_again_ms_ = now_ms;
  failures_ = 0;
  ack_timeout_ms_ = options_.ack_timeout_ms;
}

void RelaySession::on_reject(const RejectFrame& reject, std::int64_t now_ms) {
  if (phase_ != Phase::kStreaming) return;  // it will be refused again when it is sent again
  domain::Seq first_new = 0;
  for (const Refusal& refusal : reject.refusals) {
    if (refusal.seq == 0 || refusal.seq > highest_seq_) {
      return refuse_broker(
          "the broker refused event " + std::to_string(refusal.seq) + ", which was never sent",
          now_ms);
    }
    if (refusal.seq <= acked_seq_ || refusal.seq > sent_seq_) continue;  // of before a rewind
    if (!withdrawn_.insert(refusal.seq).second) continue;
    first_new = first_new == 0 ? refusal.seq : std::min(first_new, refusal.seq);
    observer_.on_rejected(refusal.seq, std::string(refusal.code.substr(0, kMaxErrorTextBytes)),
                          std::string(refusal.message.substr(0, kMaxErrorTextBytes)));
  }
  if (first_new == 0) return;
  // The broker goes no further until it sees the withdrawal in the event's place.
  send_again_from(first_new);
  progress_ms_ = now_ms;
  read_again_ms_ = now_ms;
}

void RelaySession::on_error(const ErrorFrame& error, std::int64_t now_ms) {
  if (error.code == link_error::kUnsupported) return;  // the session goes on
  std::string reason = "the broker says " + std::string(error.code.substr(0, kMaxErrorTextBytes)) +
                       ": " + std::string(error.message.substr(0, kMaxErrorTextBytes));
  if (error.code == link_error::kVersion || error.code == link_error::kInvalid ||
      error.code == link_error::kTwin) {
    return refuse_broker(std::move(reason), now_ms);
  }
  greet_again(std::move(reason), now_ms);
}

void RelaySession::on_fenced(const FencedFrame& fenced, std::int64_t now_ms) {
  if (fenced.epoch <= options_.epoch) {
    return greet_again("the broker fenced epoch " + std::to_string(options_.epoch) +
                           " in favour of epoch " + std::to_string(fenced.epoch) +
                           ", which is not higher",
                       now_ms);
  }
  observer_.on_conflict({.code = std::string(conflict_code::kFenced),
                         .life = options_.life,
                         .last_seq = acknowledged_seq_,
                         .history = history_,
                         .epoch = fenced.epoch,
                         .message = "another process has a higher epoch"});
  end(LinkState::kFenced, "another process of producer " + options_.producer +
                              " took over with epoch " + std::to_string(fenced.epoch) +
                              "; this one has epoch " + std::to_string(options_.epoch));
}

void RelaySession::on_bye(const ByeFrame& bye, std::int64_t now_ms) {
  if (closing_) {  // the answer to ours: that nothing is left in flight is no news to anybody
    phase_ = Phase::kEnded;
    drop_session();
    return;
  }
  greet_again("the broker said BYE: " + std::string(bye.reason.substr(0, kMaxErrorTextBytes)),
              now_ms);
}

// Returns false when `frame` is none of a broker for consumers.
bool RelaySession::dispatch_to_consumer(const Frame& frame, std::int64_t now_ms) {
  // What of this comes without a session, or late, belongs to one that is over. That something is
  // settled or completed is true all the same.
  bool is_streaming = phase_ == Phase::kStreaming && !closing_;
  if (is_streaming && is_of_broker_to_consumers(frame)) {
    const ConsumerHalf::Arrival arrival = consumer_.arrive(place_of(frame));
    if (arrival == ConsumerHalf::Arrival::kGap) {
      greet_again("frames of the broker for consumers were lost", now_ms);
      return true;
    }
    is_streaming = arrival == ConsumerHalf::Arrival::kNext;
  }
  if (const auto* deliver = std::get_if<DeliverFrame>(&frame)) {
    if (!is_streaming) return true;
    if (auto breach = consumer_.on_deliver(*deliver)) greet_again(std::move(*breach), now_ms);
    return true;
  }
  if (const auto* settled = std::get_if<SettledFrame>(&frame)) {
    if (is_streaming) failures_ = 0;
    consumer_.on_settled(*settled);
    return true;
  }
  if (const auto* completed = std::get_if<CompletedFrame>(&frame)) {
    on_completed(*completed, now_ms);
    return true;
  }
  if (const auto* unsubscribed = std::get_if<UnsubscribedFrame>(&frame)) {
    if (is_streaming) consumer_.on_unsubscribed(*unsubscribed);
    return true;
  }
  return false;
}

void RelaySession::on_completed(const CompletedFrame& completed, std::int64_t now_ms) {
  if (reported_ == LinkState::kConflict) return;  // it speaks of other events than ours
  for (const SeqRange& range : completed.ranges) {
    if (range.last <= highest_seq_) {
      connection_acked_seq_ = std::max(connection_acked_seq_, range.last);
      continue;
    }
    return refuse_broker("the broker says that event " + std::to_string(range.last) +
                             " is completed, but only " + std::to_string(highest_seq_) +
                             " can have been sent from here",
                         now_ms);
  }
  observer_.on_completed(std::string(completed.topic.substr(0, kMaxSubscribedTopicBytes)),
                         completed.ranges);
}

void RelaySession::on_pong(const PongFrame& pong, std::int64_t now_ms) {
  if (phase_ != Phase::kStreaming || closing_ || !pong.sent) return;
  if (consumer_.has_received(*pong.sent)) return;
  greet_again("frames of the broker for consumers were lost", now_ms);
}

// --- Ways on ------------------------------------------------------------------------------------

void RelaySession::say_hello(std::int64_t now_ms) {
  HelloFrame hello{options_.producer, options_.epoch, next_seq_, options_.software_version};
  for (const auto& [topic, group] : options_.completions)
    hello.completions.push_back({topic, group});
  hello.instance = options_.instance;
  hello.greeting = ++greetings_;
  hello.store = options_.store;
  hello.life = options_.life;
  hello.base_seq = options_.base_seq;
  hello.proof_seq = proof_seq_;
  hello.proof_chain = proof_chain_;
  queue(encode(hello), now_ms);
  if (is_waiting_for_people()) {
    hello_due_ms_ = now_ms + jittered(options_.hello_retry_max_ms);
    return;
  }
  if (hellos_ == 2) {
    report(LinkState::kConnecting, "connected, but the broker does not answer HELLO");
  }
  hello_due_ms_ = now_ms + backed_off(std::max(hellos_, failures_));
  ++hellos_;
}

void RelaySession::queue(std::string frame, std::int64_t now_ms) {
  queued_ms_ = now_ms;
  frames_.push_back(std::move(frame));
}

// The session is over, the connection is not. The first HELLO goes at once, the next ones wait,
// until there is progress. While greeting already, only the reason is new.
void RelaySession::greet_again(std::string reason, std::int64_t now_ms) {
  OUTBOXD_CHECK(phase_ == Phase::kGreeting || phase_ == Phase::kStreaming);
  if (phase_ == Phase::kStreaming) {
    begin_greeting();
    hello_due_ms_ = failures_ == 0 ? now_ms : now_ms + backed_off(failures_ - 1);
    ++failures_;
  }
  if (!is_waiting_for_people()) report(LinkState::kConnecting, std::move(reason));
}

void RelaySession::refuse_broker(std::string reason, std::int64_t now_ms) {
  wait_for_people(LinkState::kIncompatible, std::move(reason), now_ms);
}

// Nothing that waiting cures: the broker is asked again, but slowly, for people may repair it, or
// the right one may come back.
void RelaySession::wait_for_people(LinkState state, std::string reason, std::int64_t now_ms) {
  OUTBOXD_CHECK(phase_ == Phase::kGreeting || phase_ == Phase::kStreaming);
  if (phase_ == Phase::kStreaming || !is_waiting_for_people()) {
    hello_due_ms_ = now_ms + jittered(options_.hello_retry_max_ms);
  }
  begin_greeting();
  report(state, std::move(reason));
}

bool RelaySession::is_waiting_for_people() const {
  return reported_ == LinkState::kIncompatible || reported_ == LinkState::kConflict;
}

void RelaySession::end(LinkState state, std::string reason) {
  phase_ = Phase::kEnded;
  drop_session();
  report(state, std::move(reason));
}

void RelaySession::begin_greeting() {
  phase_ = Phase::kGreeting;
  drop_session();
  wanted_proof_.reset();
  proof_seq_ = proof_chain_ = 0;
  hellos_ = 0;
  first_greeting_ = greetings_ + 1;
}

void RelaySession::drop_session() {
  frames_.clear();
  consumer_.end();
}

void RelaySession::report(LinkState state, std::string reason) {
  if (state == reported_ && reason == reported_reason_) return;
  reported_ = state;
  reported_reason_ = reason;
  observer_.on_link_state(state, std::move(reason));
}

// --- Outputs ------------------------------------------------------------------------------------

std::optional<std::string> RelaySession::next_frame() {
  if (frames_.empty()) return consumer_.next_frame();
  std::string frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

std::optional<std::int64_t> RelaySession::next_deadline_ms() const {
  if (phase_ == Phase::kGreeting) return hello_due_ms_;
  if (phase_ != Phase::kStreaming) return std::nullopt;
  std::int64_t due = std::min(ping_due_ms(), heard_ms_ + options_.silence_timeout_ms);
  if (sent_seq_ > acked_seq_) {
    due = std::min(due, progress_ms_ + ack_timeout_ms_);
  }
  // When the window is full, it is an ACK that lets the next batch go, not time.
  const std::int64_t batch_due =
      std::max(read_again_ms_, waiting_since_ms_ + options_.batch_age_ms);
  if (wanted(batch_due)) due = std::min(due, batch_due);
  return due;
}

bool RelaySession::drained() const {
  return closing_ && phase_ != Phase::kStreaming;
}

std::size_t RelaySession::in_flight_events() const {
  return static_cast<std::size_t>(sent_seq_ - acked_seq_);
}

std::int64_t RelaySession::ping_due_ms() const {
  // A consumer asks in the middle of the liveliest exchange, too: whether frames were lost.
  const std::int64_t quiet_since_ms = std::min(queued_ms_, std::max(heard_ms_, pinged_ms_));
  return (consumer_.has_subscriptions() ? pinged_ms_ : quiet_since_ms) + options_.ping_interval_ms;
}

std::int64_t RelaySession::backed_off(int doublings) const {
  std::int64_t ms = options_.hello_retry_ms;
  for (int i = 0; i < doublings && ms < options_.hello_retry_max_ms; ++i) ms *= 2;
  return jittered(std::min(ms, options_.hello_retry_max_ms));
}

// A quarter more or less, so that boxes that lost their broker together do not come back together.
std::int64_t RelaySession::jittered(std::int64_t ms) const {
  return static_cast<std::int64_t>(static_cast<double>(ms) * (0.75 + 0.5 * random_()));
}

void RelaySession::check_invariants() const {
  OUTBOXD_CHECK(highest_seq_ < next_seq_);
  OUTBOXD_CHECK(acknowledged_seq_ <= highest_seq_);
  if (phase_ != Phase::kStreaming) return;
  OUTBOXD_CHECK(acked_seq_ <= sent_seq_ && sent_seq_ <= highest_seq_);
  OUTBOXD_CHECK(in_flight_events() <= window_events_);
  OUTBOXD_CHECK(in_flight_.empty() == (sent_seq_ == acked_seq_));
  OUTBOXD_CHECK(in_flight_.size() <= in_flight_events());
  OUTBOXD_CHECK(withdrawn_.size() <= window_events_);
}

}  // namespace outboxd::transport
