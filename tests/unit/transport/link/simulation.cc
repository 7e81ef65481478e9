#include "tests/unit/transport/link/simulation.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace outboxd::transport {
namespace {

constexpr std::size_t kWindowEvents = 12;
constexpr std::size_t kWindowBytes = 300;
constexpr std::size_t kMaxEventBytes = 120;
constexpr std::size_t kBoxes = 2;
constexpr int kFaultySteps = 400;
constexpr std::int64_t kHealingMs = 20 * 60 * 1000;

bool is_refused(std::string_view envelope) {
  return envelope.starts_with("bad");
}

}  // namespace

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
  Daemon(Simulation& world, Box& owner)
      : simulation(world),
        box(owner),
        next_seq(owner.outbox.size() + 1),
        session(
            {.producer = owner.producer,
             .epoch = owner.epoch,
             .window_events = kWindowEvents,
             .window_bytes = kWindowBytes},
            owner.outbox.size() + 1,
            [&world] { return static_cast<double>(world.below(1000)) / 1000.0; }, *this) {}

  void on_link_state(LinkState state, std::string reason) override {
    EXPECT_NE(state, LinkState::kIncompatible) << reason;
    last_reason = std::move(reason);
  }
  void on_acknowledged(domain::Seq seq) override;
  void on_rejected(domain::Seq seq, std::string, std::string) override {
    EXPECT_TRUE(is_refused(box.outbox.at(seq - 1))) << seq;
    EXPECT_GT(seq, acknowledged);
    box.rejected.insert(seq);
  }

  Simulation& simulation;
  Box& box;
  domain::Seq next_seq;  // as far as this process sees
  std::string peer;      // of its connection, or empty
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
};

void Simulation::Daemon::on_acknowledged(domain::Seq seq) {
  EXPECT_GT(seq, acknowledged) << "acknowledged twice";
  EXPECT_LE(seq, simulation.disk_->durable_seq(box.producer)) << "acknowledged, but not durable";
  acknowledged = seq;
}

Simulation::Simulation(std::uint64_t seed) : random_(seed) {
  const auto some = [&](double most) {
    return chance(0.3) ? 0.0 : most * static_cast<double>(below(1000)) / 1000.0;
  };
  faults_ = {.lose_frame = some(0.2),
             .repeat_frame = some(0.2),
             .delay_frame = some(0.3),
             .garble_frame = some(0.03),
             .cut_connection = some(0.03),
             .partition = some(0.01),
             .crash_daemon = some(0.02),
             .twin_daemon = some(0.01),
             .crash_broker = some(0.02)};
  disk_ = std::make_unique<Disk>(*this);
  rules_ = std::make_unique<Rules>();
  for (std::size_t i = 0; i < kBoxes; ++i) {
    boxes_.push_back(std::make_unique<Box>());
    boxes_.back()->producer = "box-" + std::to_string(i);
  }
  start_broker();
  for (const auto& box : boxes_) start_daemon(*box);
}

Simulation::~Simulation() = default;

void Simulation::run() {
  for (int i = 0; i < kFaultySteps && !testing::Test::HasFailure(); ++i) {
    for (const auto& box : boxes_) write_events(*box);
    misbehave();
    step();
  }
  faults_ = {};
  partition_ends_ms_ = 0;
  // What an older process of a box does no longer matters, but it may still be there.
  const std::int64_t deadline_ms = now_ms_ + kHealingMs;
  while (!has_arrived() && now_ms_ < deadline_ms && !testing::Test::HasFailure()) step();
  check_arrived();
  const BrokerCounters& last = broker_->counters();
  counters_.events_duplicate += last.events_duplicate;
  counters_.events_refused += last.events_refused;
  counters_.fenced += last.fenced;
  counters_.gaps += last.gaps;
}

void Simulation::step() {
  ++steps_;
  now_ms_ += chance(0.02) ? static_cast<std::int64_t>(below(20'000))
                          : static_cast<std::int64_t>(below(30));
  deliver_due();
  if (chance(0.6)) disk_->sync(below(4));
  if (chance(0.1)) broker_->tick(now_ms_);
  for (const auto& box : boxes_) {
    for (const auto& daemon : box->daemons) {
      if (daemon->peer.empty() && chance(0.2)) connect(*daemon);
      if (const auto due = daemon->session.next_deadline_ms(); due && *due <= now_ms_) {
        daemon->session.tick(now_ms_);
      }
      pump(*daemon);
    }
  }
  check_memory();
}

void Simulation::misbehave() {
  if (chance(faults_.partition)) {
    partition_ends_ms_ = now_ms_ + static_cast<std::int64_t>(below(40'000));
  }
  if (chance(faults_.crash_broker)) {
    disk_->crash();
    for (const auto& box : boxes_) {
      for (const auto& daemon : box->daemons) cut(*daemon);
    }
    start_broker();
  }
  for (const auto& box : boxes_) {
    for (const auto& daemon : box->daemons) {
      if (chance(faults_.cut_connection)) cut(*daemon);
    }
    if (chance(faults_.crash_daemon)) {
      for (const auto& daemon : box->daemons) cut(*daemon);
      box->daemons.clear();
      start_daemon(*box);
    } else if (box->daemons.size() < 3 && chance(faults_.twin_daemon)) {
      start_daemon(*box);
    }
  }
}

void Simulation::write_events(Box& box) {
  if (!chance(0.3)) return;
  for (auto events = below(4); events > 0; --events) {
    std::string envelope;
    if (chance(0.03)) {
      envelope = "bad" + std::to_string(box.outbox.size());
    } else if (!chance(0.03)) {
      envelope = "t" + std::to_string(below(3)) + std::string(below(kMaxEventBytes - 2), 'x');
    }
    box.outbox.push_back(std::move(envelope));
  }
  // An older process of the box has lost the database's lock: it sees nothing new.
  Daemon& newest = *box.daemons.back();
  newest.next_seq = box.outbox.size() + 1;
  newest.session.entries_available(newest.next_seq, now_ms_);
}

void Simulation::start_daemon(Box& box) {
  ++box.epoch;
  box.daemons.push_back(std::make_unique<Daemon>(*this, box));
}

void Simulation::start_broker() {
  if (broker_ != nullptr) {
    counters_.events_duplicate += broker_->counters().events_duplicate;
    counters_.events_refused += broker_->counters().events_refused;
    counters_.fenced += broker_->counters().fenced;
    counters_.gaps += broker_->counters().gaps;
  }
  BrokerSessionOptions options;
  options.window_events = kWindowEvents;
  options.window_bytes = kWindowBytes;
  broker_ = std::make_unique<BrokerSessions>(options, *rules_, *disk_);
  for (const auto& [producer, position] : disk_->durable()) {
    broker_->restore(producer, position.epoch, position.last_seq);
  }
}

void Simulation::connect(Daemon& daemon) {
  daemon.peer = "peer-" + std::to_string(++last_peer_);
  daemon.session.connected(now_ms_);
}

void Simulation::cut(Daemon& daemon) {
  if (daemon.peer.empty()) return;
  std::erase_if(network_, [&](const Travelling& each) { return each.peer == daemon.peer; });
  daemon.peer.clear();
  daemon.session.disconnected("cut");
}

void Simulation::pump(Daemon& daemon) {
  if (daemon.peer.empty()) return;
  while (true) {
    while (auto frame = daemon.session.next_frame()) {
      post(daemon.peer, std::move(*frame), true);
    }
    const auto wanted = daemon.session.wanted(now_ms_);
    if (!wanted) return;
    EXPECT_LE(wanted->max_events, kWindowEvents);
    EXPECT_LE(wanted->max_bytes, kWindowBytes);
    PublishBatch batch{wanted->from, {}};
    // A source may give less than there is, or more than was asked for, at its whim.
    const std::size_t most = chance(0.1) ? below(wanted->max_events + 1) : wanted->max_events + 2;
    for (std::size_t i = wanted->from - 1; i + 1 < daemon.next_seq && batch.envelopes.size() < most;
         ++i) {
      batch.envelopes.push_back(daemon.box.outbox[i]);
    }
    daemon.session.publish(batch, now_ms_);
  }
}

void Simulation::post(std::string peer, std::string frame, bool to_broker) {
  if (now_ms_ < partition_ends_ms_ || chance(faults_.lose_frame)) return;
  // Cut off or no frame at all. (A changed byte in an event is TCP's to find: there is no
  // checksum.)
  if (chance(faults_.garble_frame)) {
    frame = chance(0.5) ? frame.substr(0, below(frame.size())) : '\xC1' + frame;
  }
  const auto travel_ms = [&] {
    return 1 + static_cast<std::int64_t>(chance(faults_.delay_frame) ? below(3000) : 0);
  };
  if (chance(faults_.repeat_frame)) {
    network_.push_back({now_ms_ + travel_ms(), peer, frame, to_broker});
  }
  network_.push_back({now_ms_ + travel_ms(), std::move(peer), std::move(frame), to_broker});
}

void Simulation::deliver_due() {
  std::vector<Travelling> due;
  std::erase_if(network_, [&](Travelling& each) {
    if (each.due_ms > now_ms_) return false;
    due.push_back(std::move(each));
    return true;
  });
  for (const Travelling& each : due) {
    if (each.to_broker) {
      broker_->receive(each.peer, each.frame, now_ms_);
      continue;
    }
    for (const auto& box : boxes_) {
      for (const auto& daemon : box->daemons) {
        if (daemon->peer == each.peer) daemon->session.receive(each.frame, now_ms_);
      }
    }
  }
}

void Simulation::check_memory() {
  for (const auto& box : boxes_) {
    for (const auto& daemon : box->daemons) {
      EXPECT_LE(daemon->session.in_flight_events(), kWindowEvents);
      EXPECT_LE(daemon->session.in_flight_bytes(), kWindowBytes);
    }
    EXPECT_LE(disk_->appended_seq(box->producer),
              disk_->durable_seq(box->producer) + kWindowEvents);
  }
}

bool Simulation::has_arrived() const {
  return std::all_of(boxes_.begin(), boxes_.end(), [](const auto& box) {
    return box->daemons.back()->acknowledged == box->outbox.size();
  });
}

void Simulation::check_arrived() {
  for (const auto& box : boxes_) {
    const Daemon& newest = *box->daemons.back();
    EXPECT_EQ(newest.acknowledged, box->outbox.size())
        << "not everything arrived; last: " << newest.last_reason;
    std::uint64_t expected = 0;
    for (const std::string& envelope : box->outbox) {
      expected += !envelope.empty() && !is_refused(envelope) ? 1 : 0;
    }
    const auto position = disk_->durable().find(box->producer);
    const bool has_position = position != disk_->durable().end();
    EXPECT_EQ(has_position ? position->second.stored : 0, expected) << "every event once";
  }
}

std::uint64_t Simulation::events_delivered() const {
  std::uint64_t events = 0;
  for (const auto& [producer, position] : disk_->durable()) events += position.stored;
  return events;
}

bool Simulation::chance(double probability) {
  return probability > 0 && std::uniform_real_distribution<double>(0.0, 1.0)(random_) < probability;
}

std::uint64_t Simulation::below(std::uint64_t bound) {
  return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
}

}  // namespace outboxd::transport
