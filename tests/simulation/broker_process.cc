#include "tests/simulation/broker_process.h"

#include <algorithm>
#include <variant>

#include "transport/link/frame_codec.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::simulation {
namespace {

constexpr int kMaxTurns = 4;  // at a step

// A frame's type stands behind the version byte and the array's head (PROTOCOL.md).
transport::FrameType type_of(std::string_view frame) {
  return static_cast<transport::FrameType>(frame.at(2));
}

// Gives every event a key of its own.
class KeylessEngine final : public broker::MemoryEngine {
 public:
  using broker::MemoryEngine::MemoryEngine;

  domain::Status read(std::string_view topic, broker::Offset from,
                      const std::function<bool(const broker::StoredEvent&)>& visit) const override {
    return broker::MemoryEngine::read(topic, from, [&](const broker::StoredEvent& event) {
      transport::Document document;
      transport::Envelope envelope = transport::decode_envelope(event.envelope, document).value();
      const std::string key = "key-" + std::to_string(event.offset);
      envelope.key = key;
      const std::string changed = transport::encode_envelope(envelope).value();
      broker::StoredEvent other = event;
      other.envelope = changed;
      return visit(other);
    });
  }
};

std::unique_ptr<broker::MemoryEngine> open(BrokerProcess::Disk disk, PlantedBug bug) {
  if (bug == PlantedBug::kGroupIgnoresKeys) return std::make_unique<KeylessEngine>(std::move(disk));
  return std::make_unique<broker::MemoryEngine>(std::move(disk));
}

transport::BrokerSessionOptions session_options(const broker::MemoryEngine& engine,
                                                PlantedBug bug) {
  transport::BrokerSessionOptions options;
  options.window_events = 8;
  options.window_bytes = 1'000;
  if (bug != PlantedBug::kBrokerHasNoHistory) options.history = engine.history();
  return options;
}

}  // namespace

BrokerProcess::BrokerProcess(World& world, Disk disk)
    : world_(world),
      engine_(open(std::move(disk), world.bug)),
      service_time_(world.clock, engine_->elapsed_at_open()),
      admission_([](std::string_view topic) { return topic != kSecrets; }),
      sessions_(session_options(*engine_, world.bug), admission_, *this),
      groups_({.policy = [&world](const broker::GroupId& id) { return world.policy_of(id.topic); },
               .limits = world.limits,
               .random = [&world] { return world.random.bits(); }},
              *engine_, world.clock, service_time_, *this) {
  world_.witness.watch(*engine_);
  sessions_.attach(*this);
  for (const broker::ProducerPosition& each : engine_->producers("", broker::kMaxProducers)) {
    sessions_.restore(each.producer, {each.epoch, each.last_seq, each.store, each.chain});
  }
  if (!groups_.restore()) world_.witness.violated("G10", "the groups cannot be restored");
}

void BrokerProcess::receive(const std::string& peer, const std::string& frame) {
  const transport::FrameType type = type_of(frame);
  if (type == transport::FrameType::kHello) {
    const auto decoded = transport::decode_frame(frame, document_);
    const auto hello = std::get<transport::HelloFrame>(decoded.value());
    callers_[peer] = {box_called(hello.producer), hello.epoch};
    if (world_.bug == PlantedBug::kStoresHaveNoId) {
      transport::HelloFrame anonymous = hello;
      anonymous.store = {};
      return sessions_.receive(peer, transport::encode(anonymous), world_.now_ms());
    }
  }
  const bool is_uncounted =
      type == transport::FrameType::kPing && world_.bug == PlantedBug::kLostFramesNotMissed;
  sessions_.receive(peer, is_uncounted ? transport::encode(transport::PingFrame{}) : frame,
                    world_.now_ms());
}

std::optional<domain::Seq> BrokerProcess::last_seq(std::string_view producer) const {
  const auto position = engine_->look().producers.find(producer);
  if (position == engine_->look().producers.end()) return std::nullopt;
  return position->second.last_seq;
}

void BrokerProcess::step() {
  sessions_.tick(world_.now_ms());
  if (is_writing_ && !world_.random.chance(world_.faults.slow_disk)) finish_write();
  turn();
}

void BrokerProcess::turn() {
  for (int i = 0; i < kMaxTurns && groups_.turn(); ++i) {
  }
  if (!is_writing_) start_write();
}

std::optional<std::int64_t> BrokerProcess::next_deadline_ms() const {
  const auto deadline_ms = groups_.next_deadline_ms();
  if (!deadline_ms) return std::nullopt;
  return service_time_.monotonic_ms(*deadline_ms);
}

// ---- The disk ----------------------------------------------------------------------------------

void BrokerProcess::append(const transport::AppendRequest& original) {
  transport::AppendRequest request = original;
  if (world_.bug == PlantedBug::kChainIsNotKept) request.chain = 0;
  const auto known = engine_->look().producers.find(request.producer);
  if (known != engine_->look().producers.end() && request.epoch < known->second.epoch) {
    world_.witness.violated("G12", "a fenced process appends");
  }
  building_->add(request);
}

void BrokerProcess::commit(broker::GroupChange change) {
  if (world_.bug == PlantedBug::kGroupForgetsRetries) change.defer.clear();
  if (world_.bug == PlantedBug::kGroupLosesDeadLetters) change.bury.clear();
  building_->add(std::move(change));
}

void BrokerProcess::start_write() {
  if (building_->empty()) return;
  std::swap(building_, writing_);
  writing_->set_elapsed(service_time_.elapsed_ms());
  is_writing_ = true;
  has_arrived_ = false;
  const bool is_epoch_alone = writing_->batch().events.empty();
  if (world_.bug == PlantedBug::kBrokerAcksEarly ||
      (world_.bug == PlantedBug::kBrokerForgetsEpoch && is_epoch_alone)) {
    report_positions();
  }
  if (world_.bug == PlantedBug::kGroupSettlesEarly) report_groups();
}

// First the batch is on the disk, some time later the broker learns of it.
void BrokerProcess::finish_write() {
  if (!has_arrived_) {
    if (world_.bug == PlantedBug::kBrokerSkipsSync) before_last_ = engine_->contents();
    world_.witness.on_append(writing_->batch(), world_.now_ms());
    if (!engine_->append(writing_->batch())) world_.witness.violated("G10", "the disk failed");
    has_arrived_ = true;
    if (world_.random.chance(0.3)) return;
  }
  const bool is_epoch_alone = writing_->batch().events.empty();
  if (world_.bug != PlantedBug::kBrokerAcksEarly &&
      !(world_.bug == PlantedBug::kBrokerForgetsEpoch && is_epoch_alone)) {
    report_positions();
  }
  if (world_.bug != PlantedBug::kGroupSettlesEarly) report_groups();
  for (const std::string& topic : writing_->topics()) groups_.appended(topic);
  writing_->clear();
  is_writing_ = false;
}

void BrokerProcess::report_positions() {
  for (const broker::ProducerPosition& position : writing_->batch().positions) {
    sessions_.durable(position.producer, position.epoch, position.last_seq);
  }
}

void BrokerProcess::report_groups() {
  std::vector<broker::GroupId> changed;
  for (const broker::GroupChange& change : writing_->batch().groups) changed.push_back(change.id);
  groups_.durable(changed);
}

BrokerProcess::Disk BrokerProcess::die(bool arrived) {
  if (is_writing_ && !has_arrived_ && arrived) {
    world_.witness.on_append(writing_->batch(), world_.now_ms());
    (void)engine_->append(writing_->batch());
  } else if (before_last_ && world_.bug == PlantedBug::kBrokerSkipsSync) {
    return *before_last_;
  }
  return engine_->contents();
}

// ---- The link ----------------------------------------------------------------------------------

bool BrokerProcess::send(std::string_view peer, std::string frame) {
  const auto caller = callers_.find(peer);
  if (caller != callers_.end()) testify(caller->second, frame);
  const bool is_uncounted = type_of(frame) == transport::FrameType::kPong &&
                            world_.bug == PlantedBug::kLostFramesNotMissed;
  if (is_uncounted) frame = transport::encode(transport::PongFrame{});
  return world_.network.send_to_daemon(peer, std::move(frame), world_.now_ms());
}

// What the broker says must be true when it says it.
void BrokerProcess::testify(const Caller& to, const std::string& frame) {
  Witness& witness = world_.witness;
  switch (type_of(frame)) {
    case transport::FrameType::kWelcome: return witness.on_welcome(to.box, to.epoch);
    case transport::FrameType::kDeliver:
    case transport::FrameType::kSettled:
    case transport::FrameType::kCompleted: break;
    default: return;
  }
  const auto decoded = transport::decode_frame(frame, document_);
  if (const auto* deliver = std::get_if<transport::DeliverFrame>(&*decoded)) {
    for (const auto& each : deliver->deliveries) {
      witness.on_deliver(to.box, to.epoch, each, world_.now_ms());
    }
  } else if (const auto* settled = std::get_if<transport::SettledFrame>(&*decoded)) {
    for (const std::uint64_t tag : settled->tags) witness.on_settled(tag);
  } else if (const auto* completed = std::get_if<transport::CompletedFrame>(&*decoded)) {
    for (const auto& range : completed->ranges) {
      witness.on_completed(to.box, completed->topic, range);
    }
  }
}

bool BrokerProcess::send_to(std::string_view producer, std::string frame) {
  return sessions_.send_to(producer, std::move(frame));
}

void BrokerProcess::on_session(std::string_view producer, std::uint64_t epoch,
                               const std::vector<transport::CompletionRule>& completions) {
  groups_.on_session(producer, epoch, completions);
}

void BrokerProcess::on_session_end(std::string_view producer, transport::SessionEnd why) {
  using transport::SessionEnd;
  if (world_.bug == PlantedBug::kOutageCounts && why == SessionEnd::kLost) why = SessionEnd::kDied;
  if (world_.bug == PlantedBug::kDeathDoesNotCount && why == SessionEnd::kDied) {
    why = SessionEnd::kLeft;
  }
  groups_.on_session_end(producer, why);
}

std::optional<transport::Refused> BrokerProcess::on_subscribe(
    std::string_view producer, const transport::SubscribeFrame& subscribe) {
  return groups_.on_subscribe(producer, subscribe);
}

void BrokerProcess::on_settle(std::string_view producer, const transport::SettleFrame& settle) {
  groups_.on_settle(producer, settle);
}

void BrokerProcess::fail(const domain::Error& error) {
  world_.witness.violated("G10", error.message);
}

}  // namespace outboxd::simulation
