// A relay session without a broker: its frames as words, and what it found out as a diary.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/link/frame_codec.h"
#include "transport/link/relay_session.h"

namespace outboxd::transport {

// What the session found out, as text, in order.
class Diary final : public LinkObserver {
 public:
  void on_link_state(LinkState state, std::string reason) override {
    entries.push_back(std::string(name_of(state)) + (reason.empty() ? "" : ": ") + reason);
  }
  void on_conflict(LinkConflict conflict) override {
    entries.push_back("conflict " + conflict.code + " after " + std::to_string(conflict.last_seq));
  }
  void on_acknowledged(domain::Seq seq) override {
    entries.push_back("acknowledged " + std::to_string(seq));
  }
  void on_rejected(domain::Seq seq, std::string code, std::string message) override {
    entries.push_back("rejected " + std::to_string(seq) + " " + code + " " + message);
  }
  void on_deliveries(std::vector<OwnedDelivery> deliveries) override {
    for (const OwnedDelivery& each : deliveries) {
      entries.push_back("delivered " + std::to_string(each.tag));
    }
  }
  void on_settled(std::vector<std::uint64_t> tags) override {
    for (const std::uint64_t tag : tags) entries.push_back("settled " + std::to_string(tag));
  }
  void on_completed(std::string topic, std::vector<SeqRange> ranges) override {
    std::string text = "completed " + topic;
    for (const SeqRange& range : ranges) {
      text += " " + std::to_string(range.first) + "-" + std::to_string(range.last);
    }
    entries.push_back(std::move(text));
  }
  void on_subscription_refused(std::string topic, std::string group, std::string code,
                               std::string) override {
    entries.push_back("refused " + topic + " " + group + " " + code);
  }
  std::string last() const { return entries.empty() ? "" : entries.back(); }

  std::vector<std::string> entries;
};

inline WelcomeFrame welcome_after(domain::Seq last_seq) {
  return {.session = 1,
          .last_seq = last_seq,
          .window_events = 1000,
          .window_bytes = 100'000,
          .max_publish_events = 10,
          .max_publish_bytes = 10'000,
          .max_envelope_bytes = 5'000,
          .software = "test"};
}

// A session of epoch 3 whose outbox holds events 1 to 100, each "event <seq>". Its jitter is none.
class RelaySessionTest : public testing::Test {
 protected:
  void SetUp() override { restart({}); }

  void restart(RelaySessionOptions options) {
    options.producer = "till-1";
    options.epoch = 3;
    diary_.entries.clear();
    session_ = std::make_unique<RelaySession>(
        options, 101, [] { return 0.5; }, diary_);
  }

  // The frames that the session has for the broker, decoded into words.
  std::vector<std::string> sent() {
    std::vector<std::string> words;
    while (auto bytes = session_->next_frame()) words.push_back(describe(*bytes));
    return words;
  }

  static std::string describe(const std::string& bytes) {
    Document document;
    const Frame frame = decode_frame(bytes, document).value();
    if (const auto* hello = std::get_if<HelloFrame>(&frame)) {
      return "HELLO " + std::string(hello->producer) + " epoch " + std::to_string(hello->epoch) +
             " next " + std::to_string(hello->next_seq);
    }
    if (const auto* publish = std::get_if<PublishFrame>(&frame)) {
      std::string text = "PUBLISH " + std::to_string(publish->first_seq) + "+" +
                         std::to_string(publish->envelopes.size());
      for (std::size_t i = 0; i < publish->envelopes.size(); ++i) {
        if (publish->envelopes[i].empty()) {
          text += " without " + std::to_string(publish->first_seq + i);
        }
      }
      return text;
    }
    if (const auto* ping = std::get_if<PingFrame>(&frame)) {
      const bool counts = ping->sent && ping->sent->frames > 0;
      return counts ? "PING after " + std::to_string(ping->sent->frames) : "PING";
    }
    if (const auto* subscribe = std::get_if<SubscribeFrame>(&frame)) {
      return "SUBSCRIBE " + std::string(subscribe->topic) + " " + std::string(subscribe->group) +
             " " + std::to_string(subscribe->credit);
    }
    if (const auto* settle = std::get_if<SettleFrame>(&frame)) {
      std::string text = "SETTLE";
      for (const Settlement& each : settle->settlements) text += " " + std::to_string(each.tag);
      return text;
    }
    if (std::holds_alternative<PongFrame>(frame)) return "PONG";
    if (std::holds_alternative<ByeFrame>(frame)) return "BYE";
    return "something else";
  }

  template <typename T>
  void receive(const T& frame) {
    session_->receive(encode(frame), now_);
  }

  void connect_and_welcome(domain::Seq last_seq) {
    session_->connected(now_);
    EXPECT_THAT(sent(), testing::ElementsAre(testing::HasSubstr("HELLO")));
    receive(welcome_after(last_seq));
  }

  // Publishes what the session wants, up to the end of the outbox.
  std::vector<std::string> publish_all() {
    std::vector<std::string> frames;
    while (const auto wanted = session_->wanted(now_)) {
      session_->publish(read(*wanted), now_);
      for (std::string& frame : sent()) frames.push_back(std::move(frame));
    }
    return frames;
  }

  PublishBatch read(const WantedEntries& wanted) const {
    PublishBatch batch{wanted.from, {}};
    for (domain::Seq seq = wanted.from;
         seq < outbox_next_ && batch.envelopes.size() < wanted.max_events; ++seq) {
      batch.envelopes.push_back("event " + std::to_string(seq));
    }
    return batch;
  }

  void advance_to_deadline() {
    ASSERT_TRUE(session_->next_deadline_ms().has_value());
    now_ = std::max(now_, *session_->next_deadline_ms());
    session_->tick(now_);
  }

  std::int64_t now_ = 1'000'000;
  domain::Seq outbox_next_ = 101;
  Diary diary_;
  std::unique_ptr<RelaySession> session_;
};

}  // namespace outboxd::transport
