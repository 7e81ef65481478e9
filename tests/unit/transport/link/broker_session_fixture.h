// The broker's sessions without a broker: what they send and append, as words.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "transport/link/broker_session.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {

inline std::string describe(const Frame& frame) {
  if (const auto* welcome = std::get_if<WelcomeFrame>(&frame)) {
    return "WELCOME after " + std::to_string(welcome->last_seq);
  }
  if (const auto* fenced = std::get_if<FencedFrame>(&frame)) {
    return "FENCED by " + std::to_string(fenced->epoch);
  }
  if (const auto* ack = std::get_if<AckFrame>(&frame)) return "ACK " + std::to_string(ack->seq);
  if (const auto* reject = std::get_if<RejectFrame>(&frame)) {
    std::string text = "REJECT";
    for (const Refusal& refusal : reject->refusals) {
      text += " " + std::to_string(refusal.seq) + " " + std::string(refusal.code);
    }
    return text;
  }
  if (const auto* error = std::get_if<ErrorFrame>(&frame)) {
    return "ERROR " + std::string(error->code) + ": " + std::string(error->message);
  }
  if (const auto* pong = std::get_if<PongFrame>(&frame)) {
    if (!pong->sent || pong->sent->frames == 0) return "PONG";
    return "PONG after " + std::to_string(pong->sent->frames);
  }
  if (const auto* refused = std::get_if<UnsubscribedFrame>(&frame)) {
    return "UNSUBSCRIBED " + std::string(refused->topic) + " " + std::string(refused->group) + " " +
           std::string(refused->code);
  }
  if (const auto* prove = std::get_if<ProveFrame>(&frame)) {
    return "PROVE " + std::to_string(prove->seq);
  }
  if (const auto* conflict = std::get_if<ConflictFrame>(&frame)) {
    return "CONFLICT " + std::string(conflict->code) + " life " + std::to_string(conflict->life) +
           " after " + std::to_string(conflict->last_seq);
  }
  if (std::holds_alternative<SettledFrame>(frame)) return "SETTLED";
  if (std::holds_alternative<DeliverFrame>(frame)) return "DELIVER";
  if (std::holds_alternative<ByeFrame>(frame)) return "BYE";
  return "something else";
}

// Keeps what the sessions ask for, as text.
class Output final : public BrokerOutput {
 public:
  bool send(std::string_view peer, std::string frame) override {
    if (peer == unreachable) return false;
    Document document;
    sent.push_back(std::string(peer) + " <- " + describe(decode_frame(frame, document).value()));
    return true;
  }

  void append(const AppendRequest& request) override {
    epochs[std::string(request.producer)] = request.epoch;
    if (request.last_seq < request.first_seq) {
      EXPECT_TRUE(request.events.empty());
      epochs_taken.push_back(std::string(request.producer) + "/" + std::to_string(request.epoch));
      return;
    }
    std::string text = std::string(request.producer) + "/" + std::to_string(request.epoch) + " " +
                       std::to_string(request.first_seq) + "-" + std::to_string(request.last_seq);
    for (const AcceptedEvent& event : request.events) {
      text += " " + std::to_string(event.seq) + ":" + std::string(event.envelope) + "@" +
              std::string(event.topic);
    }
    appended.push_back(std::move(text));
  }

  std::vector<std::string> take_sent() { return std::exchange(sent, {}); }
  std::vector<std::string> take_appended() { return std::exchange(appended, {}); }

  std::string unreachable;
  std::vector<std::string> sent;
  std::vector<std::string> appended;
  std::vector<std::string> epochs_taken;        // by positions without events
  std::map<std::string, std::uint64_t> epochs;  // as appended, by producer
};

class RefusesBad final : public Admission {
 public:
  std::optional<Refused> refuse(std::string_view envelope, std::string_view& topic) override {
    if (envelope.starts_with("bad")) return Refused{"forbidden_topic", "no"};
    topic = envelope.substr(0, 1);
    return std::nullopt;
  }
};

class BrokerSessionTest : public testing::Test {
 protected:
  void SetUp() override { restart({}); }

  void restart(BrokerSessionOptions options) {
    output_.take_sent();
    output_.take_appended();
    sessions_ = std::make_unique<BrokerSessions>(options, admission_, output_);
  }

  void receive(std::string_view peer, const std::string& frame) {
    sessions_->receive(peer, frame, now_);
  }
  void hello(std::string_view peer, std::string_view producer, std::uint64_t epoch,
             std::uint64_t instance = 0) {
    receive(peer, encode(HelloFrame{producer, epoch, 1, "test", {}, instance}));
    // The disk is quick, unless events are under way: a test that has some says when they are
    // there.
    if (!output_.epochs_taken.empty() && output_.appended.empty())
      durable(producer, position_of(producer).last_seq);
  }
  void durable(std::string_view producer, domain::Seq last_seq) {
    output_.epochs_taken.clear();
    sessions_->durable(producer, output_.epochs.at(std::string(producer)), last_seq);
  }
  ProducerStatus position_of(std::string_view name) {
    for (ProducerStatus& each : sessions_->producers("", 100)) {
      if (each.producer == name) return std::move(each);
    }
    return {};
  }
  void publish(std::string_view peer, domain::Seq first_seq,
               const std::vector<std::string>& envelopes) {
    std::size_t bytes = 0;
    for (const std::string& envelope : envelopes) bytes += envelope.size();
    PublishEncoder encoder(first_seq, envelopes.size(), bytes);
    for (const std::string& envelope : envelopes) encoder.add(envelope);
    receive(peer, std::move(encoder).finish());
  }

  std::int64_t now_ = 1'000'000;
  RefusesBad admission_;
  Output output_;
  std::unique_ptr<BrokerSessions> sessions_;
};

}  // namespace outboxd::transport
