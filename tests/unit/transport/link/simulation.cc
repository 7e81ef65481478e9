#include "tests/unit/transport/link/simulation.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/transport/link/simulation_actors.h"

namespace outboxd::transport {

void Simulation::Daemon::on_acknowledged(domain::Seq seq) {
  EXPECT_GT(seq, acknowledged) << "acknowledged twice";
  EXPECT_LE(seq, simulation.disk_->durable_seq(box.producer)) << "acknowledged, but not durable";
  acknowledged = seq;
}

void Simulation::Daemon::on_settled(std::vector<std::uint64_t> tags) {
  for (const std::uint64_t tag : tags) EXPECT_TRUE(simulation.groups_->is_acknowledged(tag));
}

void Simulation::Daemon::on_completed(std::string topic, std::vector<SeqRange> ranges) {
  EXPECT_EQ(topic, "t0");
  for (const SeqRange& range : ranges) {
    EXPECT_LE(range.last, simulation.disk_->durable_seq(box.producer));
  }
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
             .copy_daemon = some(0.01),
             .crash_broker = some(0.02)};
  disk_ = std::make_unique<Disk>(*this);
  rules_ = std::make_unique<Rules>();
  groups_ = std::make_unique<SimulatedGroups>(
      [this](const std::string& producer) { return disk_->durable_seq(producer); });
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
    if (chance(0.2)) groups_->add_job();
    misbehave();
    step();
  }
  faults_ = {};
  partition_ends_ms_ = 0;
  end_copies();  // people found them
  // What an older process of a box does no longer matters, but it may still be there.
  const std::int64_t deadline_ms = now_ms_ + kHealingMs;
  while (!has_arrived() && now_ms_ < deadline_ms && !testing::Test::HasFailure()) step();
  check_arrived();
  const BrokerCounters& last = broker_->counters();
  counters_.events_duplicate += last.events_duplicate;
  counters_.events_refused += last.events_refused;
  counters_.fenced += last.fenced;
  counters_.gaps += last.gaps;
  counters_.twins += last.twins;
  counters_.frames_lost += last.frames_lost;
}

void Simulation::step() {
  ++steps_;
  // While nothing travels, time flies.
  const std::uint64_t most_ms = chance(0.02) ? 20'000 : network_.empty() ? 500 : 30;
  now_ms_ += static_cast<std::int64_t>(below(most_ms));
  deliver_due();
  if (chance(0.6)) disk_->sync(below(4));
  if (chance(0.1)) broker_->tick(now_ms_);
  if (chance(0.5)) groups_->deliver();
  for (const auto& box : boxes_) {
    for (const auto& daemon : box->daemons) {
      if (daemon->peer.empty() && chance(0.2)) connect(*daemon);
      if (const auto due = daemon->session.next_deadline_ms(); due && *due <= now_ms_) {
        daemon->session.tick(now_ms_);
      }
      work(*daemon);
      pump(*daemon);
    }
  }
  check_memory();
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
  box.daemons.push_back(std::make_unique<Daemon>(*this, box, box.outbox.size() + 1, false));
}

// Some of what was delivered is done and acknowledged; some is given back; the rest waits.
void Simulation::work(Daemon& daemon) {
  while (!daemon.todo.empty() && chance(0.5)) {
    const OwnedDelivery delivery = std::move(daemon.todo.front());
    daemon.todo.pop_front();
    const bool is_done = chance(0.8);
    if (is_done) groups_->note_effect(delivery.seq);
    daemon.session.settle({{delivery.tag, is_done ? Outcome::kAck : Outcome::kRetry, "busy"}});
  }
  EXPECT_LE(daemon.session.unsettled(), kCredit);
}

void Simulation::start_broker() {
  if (broker_ != nullptr) {
    counters_.events_duplicate += broker_->counters().events_duplicate;
    counters_.events_refused += broker_->counters().events_refused;
    counters_.fenced += broker_->counters().fenced;
    counters_.gaps += broker_->counters().gaps;
    counters_.twins += broker_->counters().twins;
    counters_.frames_lost += broker_->counters().frames_lost;
  }
  BrokerSessionOptions options;
  options.window_events = kWindowEvents;
  options.window_bytes = kWindowBytes;
  broker_ = std::make_unique<BrokerSessions>(options, *rules_, *disk_);
  groups_->start(*broker_);
  for (const auto& [producer, position] : disk_->durable()) {
    broker_->restore(producer, {position.epoch, position.last_seq});
  }
}

void Simulation::connect(Daemon& daemon) {
  daemon.peer = "peer-" + std::to_string(++last_peer_);
  daemon.session.connected(now_ms_);
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
  return groups_->all_done() && std::all_of(boxes_.begin(), boxes_.end(), [](const auto& box) {
           return box->daemons.back()->acknowledged == box->outbox.size();
         });
}

void Simulation::check_arrived() {
  EXPECT_TRUE(groups_->all_done()) << "not every job was done";
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
