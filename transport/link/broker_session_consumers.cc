// The consumers' half of the broker's sessions: subscriptions, settlements, and what is sent to
// them.
#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "domain/check.h"
#include "transport/link/broker_session.h"
#include "transport/link/frame_codec.h"
#include "transport/link/group_name.h"

namespace outboxd::transport {

bool BrokerSessions::dispatch_to_consumers(Peer& peer, const Frame& frame) {
  const auto* subscribe = std::get_if<SubscribeFrame>(&frame);
  const auto* settle = std::get_if<SettleFrame>(&frame);
  if (subscribe == nullptr && settle == nullptr) return false;
  // Subscriptions are sent again after WELCOME; what was delivered before it has lost its tags.
  if (closing_ || peer.producer->welcome_due || peer.leaving) return true;
  if (!arrive(peer, place_of(frame))) return true;
  if (consumers_ == nullptr) {
    ++counters_.errors_sent;
    send(peer, encode(ErrorFrame{link_error::kUnsupported, "this broker has no consumer groups"}));
    return true;
  }
  subscribe != nullptr ? on_subscribe(peer, *subscribe) : on_settle(peer, *settle);
  return true;
}

// Counts the frame. False when it came before or belongs to an earlier session, and when others of
// its session were lost, which ends that.
bool BrokerSessions::arrive(Peer& peer, const FramePlace& place) {
  Producer& producer = *peer.producer;
  if (place && (place->session != producer.session || place->frames <= producer.frames_received)) {
    return false;
  }
  if (place && place->frames > producer.frames_received + 1) {
    refuse_lost(peer, *place);
    return false;
  }
  ++producer.frames_received;
  return true;
}

void BrokerSessions::refuse_lost(Peer& peer, const SentCount& sent) {
  const Producer& producer = *peer.producer;
  ++counters_.frames_lost;
  refuse(peer, link_error::kLost,
         std::to_string(producer.frames_received) + " frames of session " +
             std::to_string(producer.session) + " have arrived, not " +
             std::to_string(sent.frames) + " of session " + std::to_string(sent.session));
}

void BrokerSessions::on_subscribe(Peer& peer, const SubscribeFrame& subscribe) {
  Producer& producer = *peer.producer;
  std::pair<std::string, std::string> name(subscribe.topic, subscribe.group);
  std::optional<Refused> refused;
  if (!is_consumable_topic(subscribe.topic)) {
    refused = Refused{subscription_code::kInvalidTopic,
                      "a group can consume a topic without ':', or dead:<topic>:<group>"};
  } else if (!is_valid_group(subscribe.group)) {
    refused = Refused{subscription_code::kInvalidGroup,
                      "a group has 1 to 128 characters from A-Z a-z 0-9 . _ : -"};
  } else if (subscribe.credit == 0) {
    if (producer.subscriptions.erase(name) == 0) return;
    refused = consumers_->on_subscribe(producer.origin, subscribe);
  } else if (!producer.subscriptions.contains(name) &&
             producer.subscriptions.size() >= kMaxSubscriptions) {
    refused =
        Refused{subscription_code::kTooMany,
                "one session may have " + std::to_string(kMaxSubscriptions) + " subscriptions"};
  } else {
    const auto entry = producer.subscriptions.insert(std::move(name)).first;
    const std::uint64_t credit = std::min<std::uint64_t>(subscribe.credit, kMaxCredit);
    refused = consumers_->on_subscribe(producer.origin, {subscribe.topic, subscribe.group, credit});
    if (refused) producer.subscriptions.erase(entry);
  }
  // The handler may have used the session for deliveries, and lost it.
  if (!refused || peer.producer == nullptr) return;
  const SentCount place{producer.session, ++producer.frames_sent};
  send(peer, placed(encode(UnsubscribedFrame{subscribe.topic, subscribe.group, refused->code,
                                             refused->message}),
                    place));
}

void BrokerSessions::on_settle(Peer& peer, const SettleFrame& settle) {
  consumers_->on_settle(peer.producer->origin, settle);
}

// PING and PONG tell how much was sent, because a consumer frame that is lost is missed by nobody:
// there is no number that a later one would have to continue.
void BrokerSessions::on_ping(Peer& peer, const PingFrame& ping) {
  const Producer& producer = *peer.producer;
  if (closing_ || producer.welcome_due || peer.leaving) return send(peer, encode(PongFrame{}));
  if (ping.sent &&
      (ping.sent->session != producer.session || ping.sent->frames != producer.frames_received)) {
    return refuse_lost(peer, *ping.sent);
  }
  send(peer, encode(PongFrame{SentCount{producer.session, producer.frames_sent}}));
}

bool BrokerSessions::send_to(std::string_view origin, std::string frame) {
  Producer* const found = find_origin(origin);
  if (found == nullptr) return false;  // a life that is over
  Producer& producer = *found;
  Peer* const peer = producer.peer;
  const bool is_open = peer != nullptr && !producer.welcome_due && !peer->leaving;
  const SentCount place{producer.session, producer.frames_sent + 1};
  if (is_open && output_.send(peer->id, placed(std::move(frame), place))) {
    ++producer.frames_sent;
    return true;
  }
  producer.is_consumer = false;
  if (is_open) detach(*peer);
  return false;
}

void BrokerSessions::end_consumer(Producer& producer, SessionEnd why) {
  const bool was_consumer = std::exchange(producer.is_consumer, false);
  producer.subscriptions.clear();
  if (consumers_ != nullptr && (was_consumer || why == SessionEnd::kDied)) {
    consumers_->on_session_end(producer.origin, why);
  }
}

}  // namespace outboxd::transport
