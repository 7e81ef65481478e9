#include "transport/link/broker_session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "domain/check.h"
#include "domain/origin.h"
#include "transport/link/frame_codec.h"
#include "transport/link/group_name.h"

namespace outboxd::transport {
namespace {

std::string range_text(domain::Seq first_seq, domain::Seq last_seq) {
  return std::to_string(first_seq) + " to " + std::to_string(last_seq);
}

bool are_valid(const std::vector<CompletionRule>& rules) {
  return std::all_of(rules.begin(), rules.end(), [](const CompletionRule& rule) {
    return domain::is_valid_id(rule.topic) && is_valid_group(rule.group);
  });
}

}  // namespace

BrokerSessions::BrokerSessions(BrokerSessionOptions options, Admission& admission,
                               BrokerOutput& output)
    : options_(std::move(options)), admission_(admission), output_(output) {
  OUTBOXD_CHECK(options_.window_events > 0 && options_.window_bytes > 0);
}

void BrokerSessions::attach(ConsumerHandler& consumers) {
  OUTBOXD_CHECK(peers_.empty());
  consumers_ = &consumers;
}

void BrokerSessions::restore(std::string_view origin, const ProducerPlace& place) {
  OUTBOXD_CHECK(peers_.empty());
  const domain::Origin named = domain::split_origin(origin);
  const auto [entry, added] = producers_.try_emplace(std::string(named.producer));
  Producer& producer = entry->second;
  if (!added && producer.life > named.life) return;
  OUTBOXD_CHECK(added || producer.life < named.life);
  producer.name = entry->first;
  producer.life = named.life;
  producer.origin = origin;
  producer.store = place.store;
  producer.chain = place.chain;
  producer.epoch = place.epoch;
  producer.durable_epoch = place.epoch;
  producer.accepted_seq = place.last_seq;
  producer.durable_seq = place.last_seq;
}

BrokerSessions::Peer* BrokerSessions::find_or_add(std::string_view id) {
  if (const auto known = peers_.find(id); known != peers_.end()) return &known->second;
  if (peers_.size() >= options_.max_peers) return nullptr;
  const auto entry = peers_.try_emplace(std::string(id)).first;
  entry->second.id = entry->first;
  return &entry->second;
}

void BrokerSessions::receive(std::string_view peer_id, std::string_view bytes,
                             std::int64_t now_ms) {
  Peer* peer = find_or_add(peer_id);
  if (peer == nullptr) return;
  peer->heard_ms = now_ms;
  if (peer->producer != nullptr) peer->producer->heard_ms = now_ms;
  if (const auto version = other_version(bytes)) {
    refuse(*peer, link_error::kVersion,
           "this broker speaks version " + std::to_string(kProtocolVersion) +
               " of the protocol, not " + std::to_string(*version));
    return;
  }
  const auto frame = decode_frame(bytes, document_);
  if (!frame) {
    refuse(*peer, link_error::kMalformed, frame.error().message);
    return;
  }
  dispatch(*peer, *frame, now_ms);
}

void BrokerSessions::dispatch(Peer& peer, const Frame& frame, std::int64_t now_ms) {
  if (const auto* hello = std::get_if<HelloFrame>(&frame)) return on_hello(peer, *hello, now_ms);
  if (peer.producer == nullptr) return ask_for_hello(peer, now_ms);
  if (const auto* publish = std::get_if<PublishFrame>(&frame)) return on_publish(peer, *publish);
  if (const auto* ping = std::get_if<PingFrame>(&frame)) return on_ping(peer, *ping);
  if (std::holds_alternative<PongFrame>(frame)) return;  // that it was heard is all there is to it
  if (std::holds_alternative<ByeFrame>(frame)) return on_bye(peer);
  if (dispatch_to_consumers(peer, frame)) return;
  if (const auto* unknown = std::get_if<UnknownFrame>(&frame)) {
    ++counters_.errors_sent;
    return send(peer,
                encode(ErrorFrame{link_error::kUnsupported, "this broker has no frame of type " +
                                                                std::to_string(unknown->type)}));
  }
  refuse(peer, link_error::kMalformed, "only a broker sends such a frame");
}

BrokerSessions::Producer* BrokerSessions::find_or_add_producer(std::string_view name) {
  auto entry = producers_.find(name);
  if (entry == producers_.end()) {
    if (producers_.size() >= options_.max_producers) return nullptr;
    entry = producers_.try_emplace(std::string(name)).first;
    entry->second.name = entry->first;
    entry->second.origin = name;
  }
  return &entry->second;
}

// The producer that is in the life that `origin` names, or nothing.
BrokerSessions::Producer* BrokerSessions::find_origin(std::string_view origin) {
  const auto entry = producers_.find(domain::split_origin(origin).producer);
  return entry != producers_.end() && entry->second.origin == origin ? &entry->second : nullptr;
}

void BrokerSessions::on_hello(Peer& peer, const HelloFrame& hello, std::int64_t now_ms) {
  if (closing_) return send(peer, encode(ByeFrame{"the broker is stopping"}));
  if (!domain::is_producer_name(hello.producer) || hello.epoch == 0 || hello.next_seq == 0 ||
      hello.base_seq >= hello.next_seq || !domain::origin_name(hello.producer, hello.life)) {
    return refuse(peer, link_error::kInvalid,
                  "HELLO needs a producer (1 to 64 characters from A-Z a-z 0-9 . _ : -, with its "
                  "life, and not ending in :life- and a number), an epoch, and a next_seq of 1 or "
                  "more that is behind its base_seq");
  }
  if (!are_valid(hello.completions)) {
    return refuse(peer, link_error::kInvalid, "a completion rule names no topic or no group");
  }
  Producer* const producer = find_or_add_producer(hello.producer);
  if (producer == nullptr) {
    return refuse(peer, link_error::kBusy, "this broker has no room for another producer");
  }
  if (!is_of_one_history(peer, *producer, hello)) return;
  if (hello.life == producer->life && hello.epoch < producer->epoch) {
    ++counters_.fenced;
    end_session(peer);
    return send(peer, encode(FencedFrame{producer->epoch}));
  }
  if (is_twin(*producer, hello, now_ms)) {
    ++counters_.twins;
    return refuse(peer, link_error::kTwin,
                  "another process of producer " + std::string(producer->name) + " has epoch " +
                      std::to_string(hello.epoch) +
                      " too, and is connected: is its data directory a copy of this one's?");
  }
  producer->heard_ms = now_ms;
  begin_session(peer, *producer, hello);
}

// Two processes with one epoch come from two copies of a data directory. As long as the first one
// lives, what the second one sends would pass for a repetition of the first one's events.
bool BrokerSessions::is_twin(const Producer& producer, const HelloFrame& hello,
                             std::int64_t now_ms) const {
  return hello.life == producer.life && hello.epoch == producer.epoch && hello.instance != 0 &&
         producer.instance != 0 && hello.instance != producer.instance &&
         now_ms - producer.heard_ms < options_.peer_timeout_ms;
}

void BrokerSessions::begin_session(Peer& peer, Producer& producer, const HelloFrame& hello) {
  if (peer.producer != &producer) end_session(peer);
  if (hello.life != producer.life) begin_life(peer, producer, hello);
  const bool is_other_process =
      hello.epoch > producer.epoch ||
      (hello.instance != 0 && producer.instance != 0 && hello.instance != producer.instance);
  const bool is_new_session = producer.peer != &peer || is_other_process;
  // The same process on a new connection: its old one is just forgotten.
  if (Peer* older = producer.peer; older != nullptr && older != &peer) {
    detach(*older);
    if (hello.epoch > producer.epoch) {
      ++counters_.fenced;
      send(*older, encode(FencedFrame{hello.epoch}));
    }
  }
  if (is_new_session) ++counters_.sessions;
  producer.peer = &peer;
  peer.producer = &producer;
  peer.told_ms.reset();
  peer.leaving = false;
  producer.instance = hello.instance;
  producer.greeting = hello.greeting;
  producer.awaits_withdrawal = false;
  producer.completions.clear();
  for (const CompletionRule& rule : hello.completions) {
    producer.completions.emplace_back(rule.topic, rule.group);
  }
  // While accepted positions are on their way to the disk, "the last durable one" would make the
  // relay send events twice: the answer waits for them.
  producer.welcome_due = true;
  if (is_other_process && producer.epoch > 0) end_consumer(producer, SessionEnd::kDied);
  if (!hello.store.empty()) producer.store = hello.store;
  if (hello.epoch > producer.epoch) take_epoch(producer, hello.epoch);
  if (producer.undurable.empty()) welcome(producer);
}

// Were the epoch only kept with the events that follow, a broker that restarts before the first of
// them would let the fenced process in again.
void BrokerSessions::take_epoch(Producer& producer, std::uint64_t epoch) {
  producer.epoch = epoch;
  await_disk(producer, 0);
  accepted_.clear();
  output_.append({producer.origin, epoch, producer.accepted_seq + 1, producer.accepted_seq,
                  accepted_, producer.store, producer.chain});
}

void BrokerSessions::welcome(Producer& producer) {
  producer.welcome_due = false;
  producer.session = ++last_session_;
  producer.frames_received = 0;
  producer.frames_sent = 0;
  producer.subscriptions.clear();
  const auto completions = std::exchange(producer.completions, {});
  send(*producer.peer, encode(WelcomeFrame{.session = producer.session,
                                           .last_seq = producer.durable_seq,
                                           .window_events = options_.window_events,
                                           .window_bytes = options_.window_bytes,
                                           .max_publish_events = kMaxPublishEvents,
                                           .max_publish_bytes = kMaxPublishBytes,
                                           .max_envelope_bytes = kMaxEnvelopeBytes,
                                           .software = options_.software_version,
                                           .greeting = producer.greeting,
                                           .history = options_.history}));
  if (producer.peer == nullptr || consumers_ == nullptr) return;
  producer.is_consumer = true;
  std::vector<CompletionRule> rules;
  for (const auto& [topic, group] : completions) rules.push_back({topic, group});
  consumers_->on_session(producer.origin, producer.epoch, rules);
}

void BrokerSessions::ask_for_hello(Peer& peer, std::int64_t now_ms) {
  // A relay that has not noticed yet has a whole window on the way: one answer is enough.
  if (peer.told_ms && now_ms - *peer.told_ms < options_.error_interval_ms) return;
  refuse(peer, link_error::kHelloFirst, "this connection has no session; say HELLO");
  peer.told_ms = now_ms;
}

void BrokerSessions::on_publish(Peer& peer, const PublishFrame& publish) {
  Producer& producer = *peer.producer;
  if (closing_ || producer.welcome_due) return;  // it will be sent again after WELCOME
  const std::uint64_t events = publish.envelopes.size();
  const domain::Seq last_seq = publish.first_seq + events - 1;
  if (last_seq <= producer.accepted_seq) {
    counters_.events_duplicate += events;
    if (last_seq <= producer.durable_seq) send(peer, encode(AckFrame{producer.durable_seq}));
    return;
  }
  if (held_) {
    counters_.events_held += events;
    return;
  }
  const domain::Seq expected_seq = producer.accepted_seq + 1;
  if (publish.first_seq > expected_seq) {
    // What was under way when an event was refused comes again, behind that one's withdrawal.
    if (producer.awaits_withdrawal) return;
    ++counters_.gaps;
    return refuse(peer, link_error::kGap,
                  "expected event " + std::to_string(expected_seq) + ", got " +
                      range_text(publish.first_seq, last_seq));
  }
  const std::uint64_t skip = expected_seq - publish.first_seq;
  counters_.events_duplicate += skip;
  accept(producer, publish, static_cast<std::size_t>(skip));
}

void BrokerSessions::accept(Producer& producer, const PublishFrame& publish, std::size_t skip) {
  accepted_.clear();
  std::vector<std::pair<domain::Seq, Refused>> refused;
  std::size_t bytes = 0;
  std::uint64_t withdrawn = 0;
  domain::Seq last_seq = producer.accepted_seq;  // of what precedes the first refused event
  for (std::size_t i = skip; i < publish.envelopes.size(); ++i) {
    const domain::Seq seq = publish.first_seq + i;
    const std::string_view envelope = publish.envelopes[i];
    std::string_view topic;
    if (!envelope.empty()) {
      // Behind a refused event nothing is accepted, but all that is refused is told at once.
      if (auto refusal = admission_.refuse(envelope, topic)) {
        refused.emplace_back(seq, std::move(*refusal));
      }
    }
    if (!refused.empty()) continue;
    last_seq = seq;
    bytes += envelope.size();
    envelope.empty() ? void(++withdrawn) : accepted_.push_back({seq, topic, envelope});
  }

  const std::uint64_t undurable = producer.accepted_seq - producer.durable_seq;
  if (undurable > 0 && (last_seq - producer.durable_seq > options_.window_events ||
                        producer.undurable_bytes + bytes > options_.window_bytes)) {
    return refuse(*producer.peer, link_error::kWindow, "more is in flight than WELCOME granted");
  }
  counters_.events_accepted += accepted_.size();
  counters_.events_withdrawn += withdrawn;
  counters_.events_refused += refused.size();
  const auto last = static_cast<std::size_t>(last_seq - publish.first_seq);
  const std::uint64_t chain = last < publish.chains.size() ? publish.chains[last] : 0;
  if (last_seq > producer.accepted_seq) append(producer, last_seq, chain, bytes);
  producer.awaits_withdrawal = !refused.empty();
  if (refused.empty()) return;
  RejectFrame reject;
  for (const auto& [seq, refusal] : refused) {
    reject.refusals.push_back({seq, refusal.code, refusal.message});
  }
  send(*producer.peer, encode(reject));
}

void BrokerSessions::append(Producer& producer, domain::Seq last_seq, std::uint64_t chain,
                            std::size_t bytes) {
  const domain::Seq first_seq = producer.accepted_seq + 1;
  producer.accepted_seq = last_seq;
  producer.chain = chain;
  await_disk(producer, bytes);
  output_.append(
      {producer.origin, producer.epoch, first_seq, last_seq, accepted_, producer.store, chain});
}

// The producer's position as it is now waits for the disk.
void BrokerSessions::await_disk(Producer& producer, std::size_t bytes) {
  if (producer.undurable.empty()) ++undurable_producers_;
  producer.undurable.push_back({producer.epoch, producer.accepted_seq, bytes});
  producer.undurable_bytes += bytes;
  check_invariants(producer);
}

void BrokerSessions::durable(std::string_view origin, std::uint64_t epoch, domain::Seq last_seq) {
  Producer* const found = find_origin(origin);
  if (found == nullptr) return;  // of a life that is over
  Producer& producer = *found;
  OUTBOXD_CHECK(epoch >= producer.durable_epoch && epoch <= producer.epoch);
  OUTBOXD_CHECK(last_seq >= producer.durable_seq && last_seq <= producer.accepted_seq);
  OUTBOXD_CHECK(!producer.undurable.empty());
  const bool has_news = last_seq > producer.durable_seq;
  producer.durable_epoch = epoch;
  producer.durable_seq = last_seq;
  while (!producer.undurable.empty() && producer.undurable.front().epoch <= epoch &&
         producer.undurable.front().last_seq <= last_seq) {
    producer.undurable_bytes -= producer.undurable.front().bytes;
    producer.undurable.pop_front();
  }
  const bool all = producer.undurable.empty();
  if (all) --undurable_producers_;
  check_invariants(producer);
  Peer* peer = producer.peer;
  if (peer == nullptr) return;
  if (producer.welcome_due) {
    if (all && !closing_) welcome(producer);
    return;
  }
  if (has_news) send(*peer, encode(AckFrame{last_seq}));
  if (all && peer->leaving) on_bye(*peer);
}

void BrokerSessions::on_bye(Peer& peer) {
  if (peer.producer == nullptr) return;
  peer.leaving = true;
  peer.producer->instance = 0;  // it makes room for whoever comes next
  end_consumer(*peer.producer, SessionEnd::kLeft);
  if (!peer.producer->undurable.empty()) return;  // answered when the last ACK is out
  end_session(peer);
  send(peer, encode(ByeFrame{"drained"}));
}

void BrokerSessions::send(Peer& peer, std::string frame) {
  if (!output_.send(peer.id, std::move(frame))) end_session(peer);
}

void BrokerSessions::refuse(Peer& peer, std::string_view code, std::string_view message) {
  ++counters_.errors_sent;
  end_session(peer);
  send(peer, encode(ErrorFrame{code, message}));
}

void BrokerSessions::end_session(Peer& peer) {
  Producer* const producer = peer.producer;
  if (producer == nullptr) return;
  detach(peer);
  end_consumer(*producer, SessionEnd::kLost);
}

void BrokerSessions::detach(Peer& peer) {
  OUTBOXD_CHECK(peer.producer->peer == &peer);
  peer.producer->peer = nullptr;
  peer.producer->welcome_due = false;
  peer.producer = nullptr;
}

void BrokerSessions::tick(std::int64_t now_ms) {
  for (auto entry = peers_.begin(); entry != peers_.end();) {
    if (now_ms - entry->second.heard_ms < options_.peer_timeout_ms) {
      ++entry;
    } else {
      end_session(entry->second);
      entry = peers_.erase(entry);
    }
  }
}

void BrokerSessions::close() {
  closing_ = true;
  for (auto& [name, producer] : producers_) {
    if (producer.peer != nullptr) send(*producer.peer, encode(ByeFrame{"the broker is stopping"}));
  }
}

std::vector<ProducerStatus> BrokerSessions::producers(std::string_view after,
                                                      std::size_t limit) const {
  std::vector<ProducerStatus> statuses;
  for (auto entry = producers_.upper_bound(after);
       entry != producers_.end() && statuses.size() < limit; ++entry) {
    const Producer& producer = entry->second;
    statuses.push_back({entry->first, producer.life, producer.store, producer.epoch,
                        producer.durable_seq, producer.peer != nullptr});
  }
  return statuses;
}

void BrokerSessions::check_invariants(const Producer& producer) {
  OUTBOXD_CHECK(producer.durable_seq <= producer.accepted_seq);
  OUTBOXD_CHECK(producer.durable_epoch <= producer.epoch);
  OUTBOXD_CHECK(producer.undurable.empty() == (producer.durable_seq == producer.accepted_seq &&
                                               producer.durable_epoch == producer.epoch));
  OUTBOXD_CHECK(!producer.undurable.empty() || producer.undurable_bytes == 0);
}

}  // namespace outboxd::transport
