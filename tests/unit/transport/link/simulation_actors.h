// Who acts in the simulated link: boxes, the processes on them, and the broker's disk. For the
// simulation's own .cc files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/transport/link/simulation.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {

inline constexpr std::size_t kWindowEvents = 12;
inline constexpr std::size_t kWindowBytes = 300;
inline constexpr std::size_t kMaxEventBytes = 120;
inline constexpr std::size_t kBoxes = 2;
inline constexpr std::size_t kCredit = 5;
inline constexpr int kFaultySteps = 400;
inline constexpr std::int64_t kHealingMs = 20 * 60 * 1000;

inline bool is_refused(std::string_view envelope) {
  return envelope.starts_with("bad");
}

// Refuses some events for ever.
class Simulation::Rules final : public Admission {
 public:
  std::optional<Refused> refuse(std::string_view envelope, std::string_view& topic) override {
    if (is_refused(envelope)) return Refused{reject_code::kForbiddenTopic, "no"};
    topic = envelope.substr(0, 2);
    return std::nullopt;
  }
};

// One box: what survives its crashes.
struct Simulation::Box {
  std::string producer;
  std::vector<std::string> outbox;  // entry i has seq i + 1; empty: withdrawn before it was sent
  std::set<domain::Seq> rejected;   // the observer was told
  std::uint64_t epoch = 0;
  std::vector<std::unique_ptr<Daemon>> daemons;  // the last one is the newest
};

// One process on a box, with its connection.
struct Simulation::Daemon final : LinkObserver {
  Daemon(Simulation& world, Box& owner, domain::Seq first_unwritten, bool copy)
      : simulation(world),
        box(owner),
        epoch(owner.epoch),
        is_copy(copy),
        next_seq(first_unwritten),
        session(
            {.producer = owner.producer,
             .epoch = owner.epoch,
             .instance = ++world.last_instance_,
             .completions = {{"t0", "g"}},
             .window_events = kWindowEvents,
             .window_bytes = kWindowBytes},
            first_unwritten, [&world] { return static_cast<double>(world.below(1000)) / 1000.0; },
            *this) {
    session.subscribe(
        {std::string(SimulatedGroups::kTopic), std::string(SimulatedGroups::kGroup), kCredit});
  }

  void on_link_state(LinkState state, std::string reason) override {
    // A copy is refused, or finds that the original is further.
    const bool is_expected = is_copy || reason.find("says twin") != std::string::npos;
    EXPECT_TRUE(state != LinkState::kIncompatible || is_expected) << reason;
    last_reason = std::move(reason);
  }
  void on_deliveries(std::vector<OwnedDelivery> deliveries) override {
    for (OwnedDelivery& each : deliveries) {
      EXPECT_EQ(each.envelope, std::to_string(each.seq));
      todo.push_back(std::move(each));
    }
  }
  void on_settled(std::vector<std::uint64_t> tags) override;
  void on_completed(std::string topic, std::vector<SeqRange> ranges) override;
  void on_acknowledged(domain::Seq seq) override;
  void on_rejected(domain::Seq seq, std::string, std::string) override {
    EXPECT_TRUE(is_refused(box.outbox.at(seq - 1))) << seq;
    EXPECT_GT(seq, acknowledged);
    box.rejected.insert(seq);
  }

  Simulation& simulation;
  Box& box;
  const std::uint64_t epoch;
  const bool is_copy;
  domain::Seq next_seq;  // as far as this process sees
  std::deque<OwnedDelivery> todo;
  std::string peer;  // of its connection, or empty
  domain::Seq acknowledged = 0;
  std::string last_reason;
  RelaySession session;
};

// The broker's disk: what was appended becomes durable some time later, in order.
class Simulation::Disk final : public BrokerOutput {
 public:
  struct Position {
    std::uint64_t epoch = 0;
    domain::Seq last_seq = 0;
    std::uint64_t stored = 0;
  };

  explicit Disk(Simulation& simulation) : simulation_(simulation) {}

  bool send(std::string_view peer, std::string frame) override {
    check_welcome(peer, frame);
    if (simulation_.chance(simulation_.faults_.lose_frame / 4)) return false;
    simulation_.post(std::string(peer), std::move(frame), false);
    return true;
  }

  void append(const AppendRequest& request) override {
    const Box& box = box_of(request.producer);
    const domain::Seq before = appended_[box.producer];
    EXPECT_EQ(request.first_seq, before + 1) << "the log must be gapless";
    EXPECT_GE(request.epoch, durable_[box.producer].epoch) << "a fenced epoch must not append";
    auto event = request.events.begin();
    for (domain::Seq seq = request.first_seq; seq <= request.last_seq; ++seq) {
      const std::string& written = box.outbox.at(seq - 1);
      if (event != request.events.end() && event->seq == seq) {
        EXPECT_EQ(event->envelope, written);
        EXPECT_EQ(event->topic, written.substr(0, 2));
        ++event;
      } else {
        EXPECT_TRUE(written.empty() || box.rejected.contains(seq)) << "lost " << seq;
      }
    }
    EXPECT_TRUE(event == request.events.end()) << "events must be in order and in their range";
    appended_[box.producer] = request.last_seq;
    pending_.push_back({box.producer, request.epoch, request.last_seq, request.events.size()});
  }

  // Syncs some of what waits, and tells the broker.
  void sync(std::size_t batches) {
    for (; batches > 0 && !pending_.empty(); --batches) {
      const Pending first = pending_.front();
      pending_.pop_front();
      make_durable(first);
      simulation_.broker_->durable(first.producer, first.epoch, first.last_seq);
    }
  }

  // Power cut: what waits is lost, but some of it may have reached the disk with nobody told.
  void crash() {
    for (auto kept = simulation_.below(pending_.size() + 1); kept > 0; --kept) {
      make_durable(pending_.front());
      pending_.pop_front();
    }
    pending_.clear();
    for (auto& [producer, appended] : appended_) appended = durable_[producer].last_seq;
  }

  [[nodiscard]] const std::map<std::string, Position>& durable() const { return durable_; }
  [[nodiscard]] domain::Seq durable_seq(const std::string& producer) const {
    const auto entry = durable_.find(producer);
    return entry == durable_.end() ? 0 : entry->second.last_seq;
  }
  [[nodiscard]] domain::Seq appended_seq(const std::string& producer) const {
    const auto entry = appended_.find(producer);
    return entry == appended_.end() ? 0 : entry->second;
  }

 private:
  struct Pending {
    std::string producer;
    std::uint64_t epoch;
    domain::Seq last_seq;
    std::uint64_t stored;
  };

  // G12: whoever is welcomed has an epoch that no restart forgets.
  void check_welcome(std::string_view peer, const std::string& bytes) {
    if (!std::holds_alternative<WelcomeFrame>(decode_frame(bytes, document_).value())) return;
    for (const auto& box : simulation_.boxes_) {
      for (const auto& daemon : box->daemons) {
        if (daemon->peer != peer) continue;
        EXPECT_EQ(durable_[box->producer].epoch, daemon->epoch) << "welcomed too early";
      }
    }
  }

  void make_durable(const Pending& batch) {
    Position& position = durable_[batch.producer];
    position.epoch = batch.epoch;
    position.last_seq = batch.last_seq;
    position.stored += batch.stored;
  }

  [[nodiscard]] const Box& box_of(std::string_view producer) const {
    const auto box = std::find_if(simulation_.boxes_.begin(), simulation_.boxes_.end(),
                                  [&](const auto& each) { return each->producer == producer; });
    EXPECT_TRUE(box != simulation_.boxes_.end());
    return **box;
  }

  Simulation& simulation_;
  std::map<std::string, Position> durable_;
  std::map<std::string, domain::Seq> appended_;
  std::deque<Pending> pending_;
  Document document_;  // scratch
};

}  // namespace outboxd::transport
