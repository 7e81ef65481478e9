#include "tests/simulation/simulation.h"

#include <algorithm>
#include <limits>
#include <variant>

#include "transport/link/frame_codec.h"

namespace outboxd::simulation {
namespace {

constexpr int kFaultySteps = 150;
// Longer than any back-off, deadline and time to live together, for a chain of events.
constexpr std::int64_t kHealingMs = 60 * 60 * 1000;
constexpr std::int64_t kMostIdleMs = 5'000;  // a second is when the broker looks for silent peers
constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;

broker::RetryPolicy draw_policy(Random& random) {
  broker::RetryPolicy policy;
  policy.backoff_base_ms = 200;
  policy.backoff_max_ms = 2'000;
  policy.message_ttl_ms = random.chance(0.3) ? std::optional<std::int64_t>(20'000) : std::nullopt;
  return policy;
}

// Small, so that a few events meet all of them.
broker::GroupLimits draw_limits(Random& random) {
  broker::GroupLimits limits;
  limits.cached_events = 2 + random.below(8);
  limits.read_events = 1 + random.below(6);
  limits.reads = 1 + random.below(3);
  limits.deferred = 4 + random.below(16);
  limits.dirty = 2 + random.below(8);
  limits.backlog = 4 + random.below(30);
  limits.scan_events = 4 + random.below(16);
  limits.window = 8 + random.below(32);
  limits.buried_events = 1 + random.below(3);
  return limits;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, PlantedBug bug)
    : random_(seed),
      faults_(Faults::draw(random_)),
      policy_(draw_policy(random_)),
      witness_({&boxes_[kTill].store, &boxes_[kOffice].store}, policy_),
      world_{random_, faults_, clock_, network_, witness_, policy_, draw_limits(random_), bug} {
  for (Box& box : boxes_) {
    box.store.forgets_marks = bug == PlantedBug::kInboxForgetsMarks;
    box.store.tells_early = bug == PlantedBug::kInboxSettlesEarly;
  }
  broker_ = std::make_unique<BrokerProcess>(world_, BrokerProcess::Disk{});
  for (std::size_t name = 0; name < boxes_.size(); ++name) start(name);
}

Outcome Simulation::run() {
  for (int i = 0; i < kFaultySteps && !witness_.violation(); ++i) {
    for (std::size_t name = 0; name < boxes_.size(); ++name) {
      write_something(boxes_.at(name), name);
    }
    misbehave();
    step();
  }
  stop_faults();
  const std::int64_t deadline_ms = clock_.monotonic_ms() + kHealingMs;
  std::optional<std::string> unfinished = witness_.unfinished();
  while (unfinished && !witness_.violation() && clock_.monotonic_ms() < deadline_ms) {
    step();
    unfinished = witness_.unfinished();
  }
  Outcome outcome{witness_.violation(), steps_, witness_.events().size()};
  if (!outcome.violation && unfinished) outcome.violation = "liveness: " + *unfinished;
  return outcome;
}

void Simulation::step() {
  ++steps_;
  pass_time();
  deliver();
  broker_->step();
  if (stranger_) stranger_->step();
  for (std::size_t name = 0; name < boxes_.size(); ++name) {
    Box& box = boxes_.at(name);
    for (const auto& hung : box.hung) hung->step();
    if (box.process == nullptr) {
      if (random_.chance(0.2)) start(name);
      continue;
    }
    box.process->step();
    if (box.process->is_dying()) crash(name);
  }
}

void Simulation::pass_time() {
  if (is_busy()) return clock_.advance_ms(1 + static_cast<std::int64_t>(random_.below(20)));
  // While nothing happens, time flies to when something will.
  std::int64_t next_ms = std::min(network_.next_arrival_ms(), clock_.monotonic_ms() + kMostIdleMs);
  if (const auto deadline_ms = broker_->next_deadline_ms()) {
    next_ms = std::min(next_ms, *deadline_ms);
  }
  for (const Box& box : boxes_) {
    if (box.process) next_ms = std::min(next_ms, box.process->next_deadline_ms());
  }
  clock_.advance_ms(std::max<std::int64_t>(1, next_ms - clock_.monotonic_ms()));
}

bool Simulation::is_busy() const {
  return broker_->is_busy() || std::any_of(boxes_.begin(), boxes_.end(), [](const Box& box) {
           return box.process == nullptr || box.process->is_busy();
         });
}

void Simulation::deliver() {
  for (const Network::Arrival& arrival : network_.arrived(clock_.monotonic_ms())) {
    if (arrival.to_broker && arrival.is_misled) {
      answer_as_wrong_broker(arrival);
      continue;
    }
    if (stranger_ && stranger_->peer() == arrival.peer && !arrival.to_broker) {
      stranger_->receive(arrival.frame);
      continue;
    }
    if (arrival.to_broker) {
      broker_->receive(arrival.peer, arrival.frame);
      continue;
    }
    for (const Box& box : boxes_) {
      if (box.process && box.process->peer() == arrival.peer) box.process->receive(arrival.frame);
      for (const auto& hung : box.hung) {
        if (hung->peer() == arrival.peer) hung->receive(arrival.frame);
      }
    }
  }
}

void Simulation::write_something(Box& box, std::size_t name) {
  if (box.process == nullptr) return;
  if (name == kTill && random_.chance(0.08)) box.process->write_order();
  if (random_.chance(0.04)) box.process->write_note(random_.chance(0.1) ? kSecrets : kNotes);
}

// ---- Faults ------------------------------------------------------------------------------------

void Simulation::misbehave() {
  for (std::size_t name = 0; name < boxes_.size(); ++name) {
    if (boxes_.at(name).process && random_.chance(faults_.crash_daemon)) crash(name);
  }
  copy_stores();
  if (random_.chance(faults_.stranger)) send_stranger(random_.below(boxes_.size()));
  if (random_.chance(faults_.crash_broker)) crash_broker();
  if (random_.chance(faults_.partition)) {
    network_.partition(clock_.monotonic_ms() + static_cast<std::int64_t>(random_.below(40'000)));
  }
  if (random_.chance(0.01)) {
    clock_.set_wall_ms(static_cast<std::int64_t>(random_.below(60)) * kYearMs);
  }
  if (random_.chance(0.01)) clock_.advance_ms(static_cast<std::int64_t>(random_.below(30'000)));
}

void Simulation::stop_faults() {
  faults_ = {};
  network_.heal();
  stranger_.reset();
  for (Box& box : boxes_) {
    box.hung.clear();
    if (box.process && network_.is_misled(box.process->peer())) box.process->cut();
  }
}

void Simulation::copy_stores() {
  for (Box& box : boxes_) {
    if (random_.chance(0.03)) box.copy = box.store.durable();
  }
}

// Comes under the name of the box. A copy is another history once the broker has an event that it
// does not have.
void Simulation::send_stranger(std::size_t name) {
  constexpr std::uint64_t kLastEpoch = std::numeric_limits<std::uint64_t>::max();
  const Box& box = boxes_.at(name);
  const std::optional<domain::Seq> at_broker = broker_->last_seq(kBoxNames.at(name));
  if (!at_broker) return;  // the first who has a name has it
  auto kind = static_cast<Stranger::Kind>(random_.below(3));
  if (!box.copy || box.copy->next_seq > *at_broker)
    kind = std::max(kind, Stranger::Kind::kOtherStore);
  BoxState state = kind == Stranger::Kind::kCopy ? *box.copy : BoxState();
  for (std::uint64_t own = random_.below(6) + random_.below(2) * *at_broker; own > 0; --own) {
    Stranger::append_own_event(state);
  }
  const std::uint64_t epoch = kind == Stranger::Kind::kCopy ? box.epoch + 1'000 : kLastEpoch;
  stranger_.reset();
  stranger_ = std::make_unique<Stranger>(world_, name, kind, std::move(state), epoch);
}

// Another broker behind the same address: it has some events of everybody, and takes all that it is
// sent.
void Simulation::answer_as_wrong_broker(const Network::Arrival& arrival) {
  const auto frame = transport::decode_frame(arrival.frame, document_);
  if (!frame) return;
  const auto answer = [&](std::string bytes) {
    (void)network_.send_to_daemon(arrival.peer, std::move(bytes), clock_.monotonic_ms());
  };
  if (const auto* hello = std::get_if<transport::HelloFrame>(&*frame)) {
    answer(transport::encode(transport::WelcomeFrame{
        .session = 1,
        .last_seq = random_.below(hello->next_seq),
        .window_events = 8,
        .window_bytes = 1'000,
        .max_publish_events = 8,
        .max_publish_bytes = 1'000,
        .max_envelope_bytes = 1'000,
        .greeting = hello->greeting,
        .history = world_.bug == PlantedBug::kBrokerHasNoHistory ? "" : "of another broker"}));
  } else if (const auto* publish = std::get_if<transport::PublishFrame>(&*frame)) {
    answer(
        transport::encode(transport::AckFrame{publish->first_seq + publish->envelopes.size() - 1}));
  }
}

void Simulation::start(std::size_t name) {
  Box& box = boxes_.at(name);
  box.process = std::make_unique<DaemonProcess>(world_, name, box.store, ++box.epoch);
}

void Simulation::crash(std::size_t name) {
  Box& box = boxes_.at(name);
  witness_.on_death(name, box.epoch);
  box.store.crash(random_.chance(0.5));
  if (random_.chance(faults_.hung_daemon)) {
    box.process->hang();
    box.hung.push_back(std::move(box.process));
  }
  box.process.reset();
  witness_.on_box_durable(name);
}

void Simulation::crash_broker() {
  BrokerProcess::Disk disk = broker_->die(random_.chance(0.5));
  for (const Box& box : boxes_) {
    if (box.process) box.process->cut();
    for (const auto& hung : box.hung) hung->cut();
  }
  broker_ = std::make_unique<BrokerProcess>(world_, std::move(disk));
}

}  // namespace outboxd::simulation
