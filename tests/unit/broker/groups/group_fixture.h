// A consumer group over a disk in memory, for tests that say what is on it and when.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/groups/consumer_group.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::broker {

// What survives a crash of the broker, of one topic and one group of it.
class GroupDisk final : public EventSource {
 public:
  struct Event {
    std::string producer;
    domain::Seq seq = 0;
    std::string envelope;
    std::string reason;
  };

  void apply(const GroupChange& change) {
    if (change.cursor) state.cursor = *change.cursor;
    for (const auto& [producer, seq] : change.passed) passed[producer] = seq;
    for (const Offset offset : change.done) done.insert(offset);
    for (const Offset offset : change.undone) done.erase(offset);
    for (const DeferredEvent& event : change.defer) table[event.offset] = event;
    for (const Offset offset : change.undefer) table.erase(offset);
    for (const DeadLetter& letter : change.bury) letters[next_letter++] = letter;
    for (const Offset letter : change.discard) letters.erase(letter);
  }

  [[nodiscard]] GroupState restored() const {
    GroupState found = state;
    found.passed.assign(passed.begin(), passed.end());
    found.done.assign(done.begin(), done.end());
    for (const auto& [offset, event] : table) {
      DeferredEvent& record = found.deferred.emplace_back(event);
      record.history.clear();
      record.envelope.clear();
    }
    return found;
  }

  domain::Status read(Offset from, const std::function<bool(const StoredEvent&)>& visit) override {
    if (failure) return *failure;
    ++reads;
    for (auto event = events.lower_bound(from); event != events.end(); ++event) {
      const Event& e = event->second;
      if (!visit({event->first, e.producer, e.seq, e.envelope, e.reason})) break;
    }
    return domain::ok_status();
  }

  Offset end() override { return events.empty() ? 1 : events.rbegin()->first + 1; }

  domain::Result<std::optional<DeferredEvent>> deferred(Offset offset) override {
    if (failure) return *failure;
    const auto record = table.find(offset);
    if (record == table.end()) return std::optional<DeferredEvent>();
    return std::optional(record->second);
  }

  std::map<Offset, Event> events;
  GroupState state;
  std::map<std::string, domain::Seq> passed;
  std::set<Offset> done;
  std::map<Offset, DeferredEvent> table;
  std::map<Offset, DeadLetter> letters;
  Offset next_letter = 1;
  std::size_t reads = 0;
  std::optional<domain::Error> failure;
};

class GroupFixture : public ::testing::Test {
 protected:
  static constexpr ConsumerIndex kAlice = 900;
  static constexpr ConsumerIndex kBob = 901;

  // Back-off of exactly 1 s, 2 s, 4 s …
  static GroupOptions patient() {
    GroupOptions options;
    options.policy.message_ttl_ms.reset();
    return options;
  }

  void start(GroupOptions options = patient(), const std::string& topic = "orders") {
    options_ = options;
    disk_.state.id = {topic, "payments"};
    make();
  }

  void make() {
    tags_ = std::make_unique<TagSource>(++starts_);
    names_ = std::make_unique<ProducerNames>();
    group_ = std::make_unique<ConsumerGroup>(
        disk_.state.id, options_, disk_, *names_, *tags_, [this] { return random_; }, now_ms_);
  }

  // The broker dies and comes back; what was not committed is lost.
  void restart() {
    make();
    group_->restore(disk_.restored(), now_ms_);
  }

  void subscribe(ConsumerIndex consumer, std::size_t credit) {
    group_->subscribe(consumer, credit, now_ms_);
  }

  Offset publish(std::string_view key, std::string_view producer = "shop",
                 std::optional<std::int64_t> ttl_ms = std::nullopt) {
    const domain::Seq seq = ++seqs_[std::string(producer)];
    const Offset offset = disk_.events.empty() ? 1 : disk_.events.rbegin()->first + 1;
    const auto envelope = transport::encode_envelope(
        {.topic = "orders", .key = key, .type = "t", .ttl_ms = ttl_ms, .data = "d"});
    disk_.events[offset] = {std::string(producer), seq, *envelope, ""};
    group_->wake();
    return offset;
  }

  // What is handed out now.
  std::vector<Handout> pump(std::size_t events = 1'000'000) {
    std::vector<Handout> out;
    HandoutBudget budget{events, 1 << 30};
    while (group_->pump(now_ms_, budget, out) && budget.events > 0) {
    }
    return out;
  }

  // "SEQ" of each, with "#ATTEMPT" from the second one on.
  static std::vector<std::string> texts(const std::vector<Handout>& handouts) {
    std::vector<std::string> result;
    for (const Handout& handout : handouts) {
      result.push_back(std::to_string(handout.seq) +
                       (handout.attempt > 1 ? "#" + std::to_string(handout.attempt) : ""));
    }
    return result;
  }
  std::vector<std::string> delivered() { return texts(pump()); }

  SettleResult settle(const Handout& handout, transport::Outcome outcome,
                      std::string_view reason = "") {
    return group_->settle(handout.consumer, {handout.tag, outcome, reason}, now_ms_);
  }
  SettleResult ack(const Handout& handout) { return settle(handout, transport::Outcome::kAck); }
  SettleResult retry(const Handout& handout, std::string_view reason = "not now") {
    return settle(handout, transport::Outcome::kRetry, reason);
  }
  SettleResult refuse(const Handout& handout, std::string_view reason = "never") {
    return settle(handout, transport::Outcome::kDead, reason);
  }

  // Makes everything durable that there is to be made.
  Receipts commit() {
    Receipts all;
    while (const auto change = group_->take_change(now_ms_)) {
      disk_.apply(*change);
      Receipts receipts = group_->durable(now_ms_);
      all.settled.insert(all.settled.end(), receipts.settled.begin(), receipts.settled.end());
      for (const auto& [producer, ranges] : receipts.completed) {
        for (const auto& [first, last] : ranges.ranges()) all.completed[producer].add(first, last);
      }
      all.buried += receipts.buried;
    }
    return all;
  }

  void pass(std::int64_t ms) { now_ms_ += ms; }

  GroupOptions options_;
  std::int64_t now_ms_ = 1'000;
  std::uint64_t random_ = 0;  // the shortest back-off: 80 %
  std::uint64_t starts_ = 0;
  std::map<std::string, domain::Seq> seqs_;
  GroupDisk disk_;
  std::unique_ptr<TagSource> tags_;
  std::unique_ptr<ProducerNames> names_;
  std::unique_ptr<ConsumerGroup> group_;
};

}  // namespace outboxd::broker
