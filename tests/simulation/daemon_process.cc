#include "tests/simulation/daemon_process.h"

#include <algorithm>
#include <iterator>

namespace outboxd::simulation {
namespace {

constexpr std::size_t kWindowEvents = 6;
constexpr std::size_t kWindowBytes = 600;

transport::RelaySessionOptions session_options(std::size_t box, std::uint64_t epoch, World& world,
                                               const BoxState& state) {
  return {.producer = std::string(kBoxNames.at(box)),
          .epoch = epoch,
          .software_version = {},
          .instance = world.random.bits(),
          .completions = {{std::string(kOrders), std::string(kPayingGroup)}},
          .store = store_id_of(box),
          .history = state.history,
          .window_events = kWindowEvents,
          .window_bytes = kWindowBytes};
}

std::vector<daemon::ConsumedBy> completion_rules(PlantedBug bug) {
  if (bug == PlantedBug::kOutboxRemovesOnAck) return {};
  return {{std::string(kOrders), std::string(kPayingGroup)}};
}

}  // namespace

DaemonProcess::DaemonProcess(World& world, std::size_t box, BoxStore& store, std::uint64_t epoch)
    : world_(world),
      box_(box),
      store_(store),
      epoch_(epoch),
      elapsed_(world.clock),
      session_(
          session_options(box, epoch, world, store.durable()), store.durable().next_seq,
          [&world] { return world.random.fraction(); }, *this),
      completion_(completion_rules(world.bug), store.durable().completed_seq,
                  store.durable().complete_above),
      knows_broker_(world.bug == PlantedBug::kBrokerHasNoHistory ||
                    !store.durable().history.empty()),
      stored_(store.durable().next_seq - 1),
      recorded_(store.durable().completed_seq),
      inbox_({.commits = store,
              .channel = *this,
              .elapsed = elapsed_,
              .admit_write = [] { return domain::ok_status(); },
              .epoch = epoch}) {
  subscribe_all();
}

DaemonProcess::~DaemonProcess() {
  cut();
}

void DaemonProcess::step() {
  use_link();
  if (is_hung_) return pump();
  if (world_.random.chance(0.7)) tell();
  work();
  inbox_.flush();
  use_disk();
  pump();
}

bool DaemonProcess::is_busy() const {
  return peer_.empty() || !report_.empty() || !jobs_.empty() || !store_.is_idle() ||
         recorded_ < completion_.completed_seq() || inbox_.removals() > 0;
}

std::int64_t DaemonProcess::next_deadline_ms() const {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  return session_.next_deadline_ms().value_or(kNever);
}

// ---- The link ----------------------------------------------------------------------------------

void DaemonProcess::use_link() {
  if (peer_.empty() && world_.random.chance(0.3)) {
    peer_ = world_.network.connect(knows_broker_);
    session_.connected(world_.now_ms());
  } else if (!peer_.empty() && world_.random.chance(world_.faults.cut_connection)) {
    cut();
  }
  if (next_deadline_ms() <= world_.now_ms()) session_.tick(world_.now_ms());
}

void DaemonProcess::cut() {
  if (peer_.empty()) return;
  world_.network.cut(peer_);
  peer_.clear();
  session_.disconnected("cut");
}

void DaemonProcess::receive(const std::string& frame) {
  session_.receive(frame, world_.now_ms());
}

void DaemonProcess::pump() {
  const BoxState& durable = store_.durable();
  session_.entries_kept_from(durable.completed_seq + 1);
  if (const auto seq = session_.wanted_proof()) {
    const auto chain = durable.chains.find(*seq);
    session_.prove(*seq, chain == durable.chains.end() ? 0 : chain->second, world_.now_ms());
  }
  while (!peer_.empty()) {
    while (auto frame = session_.next_frame()) {
      world_.network.send_to_broker(peer_, std::move(*frame), world_.now_ms());
    }
    const auto wanted = session_.wanted(world_.now_ms());
    if (!wanted) return;
    session_.publish(is_hung_ ? transport::PublishBatch{wanted->from, {}} : read(*wanted),
                     world_.now_ms());
  }
}

transport::PublishBatch DaemonProcess::read(const transport::WantedEntries& wanted) {
  const bool is_early = world_.bug == PlantedBug::kRelayPublishesEarly;
  const BoxState& state = is_early ? store_.live() : store_.durable();
  if (wanted.from <= state.completed_seq) {
    world_.witness.violated("G5", "the broker wants what was removed because it had it");
  }
  transport::PublishBatch batch{wanted.from, {}};
  for (domain::Seq seq = wanted.from;
       seq < state.next_seq && batch.envelopes.size() < wanted.max_events; ++seq) {
    const auto entry = state.outbox.find(seq);
    if (entry == state.outbox.end()) {
      unburied_.erase(seq);
      batch.envelopes.emplace_back();
    } else if (unburied_.contains(seq)) {
      break;
    } else {
      batch.envelopes.push_back(entry->second.envelope);
    }
    const auto chain = state.chains.find(seq);
    batch.chains.push_back(chain == state.chains.end() ? 0 : chain->second);
  }
  return batch;
}

void DaemonProcess::on_link_state(transport::LinkState state, std::string reason) {
  if (state == transport::LinkState::kIncompatible) world_.witness.violated("G3", reason);
  // Two brokers there are, and which one answers is for the box to see.
  if (state == transport::LinkState::kConflict && world_.faults.wrong_broker == 0 && !is_hung_) {
    world_.witness.violated("G13", "the box and its broker do not know each other: " + reason);
  }
  if (state == transport::LinkState::kFenced && !is_hung_) {
    world_.witness.violated("G12", "the newest process is fenced");
  }
}

void DaemonProcess::on_session(std::string history) {
  report_.history = std::move(history);
}

void DaemonProcess::on_acknowledged(domain::Seq seq) {
  world_.witness.on_acknowledged(box_, seq);
  report_.acknowledged = seq;
}

void DaemonProcess::on_rejected(domain::Seq seq, std::string /*code*/, std::string /*message*/) {
  unburied_.insert(seq);
  report_.rejected.push_back(seq);
}

void DaemonProcess::on_deliveries(std::vector<transport::OwnedDelivery> deliveries) {
  std::move(deliveries.begin(), deliveries.end(), std::back_inserter(report_.deliveries));
}

void DaemonProcess::on_settled(std::vector<std::uint64_t> tags) {
  report_.settled.insert(report_.settled.end(), tags.begin(), tags.end());
}

void DaemonProcess::on_completed(std::string topic, std::vector<transport::SeqRange> ranges) {
  report_.completed.emplace_back(std::move(topic), std::move(ranges));
}

// In the order that daemon/relay.cc keeps, and for its reasons.
void DaemonProcess::tell() {
  Report report = std::exchange(report_, {});
  if (!report.history.empty()) {
    store_.write([history = report.history](BoxState& state) { state.history = history; });
  }
  for (const domain::Seq seq : report.rejected) bury(seq);
  if (report.acknowledged > 0) note_acknowledged(report.acknowledged);
  for (const auto& [topic, ranges] : report.completed) {
    for (const transport::SeqRange& range : ranges) completion_.consumed(topic, range);
  }
  if (!report.settled.empty()) inbox_.settled(report.settled);
  if (!report.deliveries.empty()) inbox_.deliver(std::move(report.deliveries));
}

void DaemonProcess::subscribe(const std::string& topic, const std::string& group,
                              std::size_t credit) {
  session_.subscribe({topic, group, credit});
}

void DaemonProcess::settle(std::vector<transport::OwnedSettlement> settlements) {
  if (world_.bug == PlantedBug::kInboxDropsMarksEarly) {
    std::vector<std::uint64_t> tags;
    for (const transport::OwnedSettlement& each : settlements) tags.push_back(each.tag);
    inbox_.settled(tags);
  }
  session_.settle(std::move(settlements));
}

// ---- The outbox's account ----------------------------------------------------------------------

void DaemonProcess::use_disk() {
  Random& random = world_.random;
  if (inbox_.removals() > 0 && random.chance(0.3)) {
    store_.look([this](domain::UnitOfWork& work) { inbox_.remove_marks(work); });
  }
  if (random.chance(0.3)) record();
  if (random.chance(0.7)) store_.seal();
  if (!random.chance(world_.faults.slow_disk) && store_.sync()) note_durable();
  if (const auto from = completion_.unknown_from()) {
    for (auto entry = store_.durable().outbox.lower_bound(*from);
         entry != store_.durable().outbox.end(); ++entry) {
      completion_.note_read(entry->first, entry->second.topic);
    }
    completion_.note_read_through(store_.durable().next_seq - 1);
  }
}

void DaemonProcess::note_durable() {
  world_.witness.on_box_durable(box_);
  const BoxState& state = store_.durable();
  for (; stored_ + 1 < state.next_seq; ++stored_) {
    completion_.note_stored(stored_ + 1, state.outbox.at(stored_ + 1).topic);
  }
  session_.entries_available(state.next_seq, world_.now_ms());
}

// A dead letter that is not durable must not be passed by (G5).
void DaemonProcess::bury(domain::Seq seq) {
  ++burials_;
  completion_.note_buried(seq);
  store_.write(
      [seq](BoxState& state) {
        const auto entry = state.outbox.find(seq);
        if (entry == state.outbox.end()) return;
        state.dead[seq] = entry->second;
        state.outbox.erase(entry);
      },
      [this] {
        if (--burials_ == 0) note_acknowledged(std::exchange(acknowledged_later_, 0));
      });
}

void DaemonProcess::note_acknowledged(domain::Seq seq) {
  if (burials_ > 0) {
    acknowledged_later_ = std::max(acknowledged_later_, seq);
  } else {
    completion_.delivered_through(seq);
  }
}

void DaemonProcess::record() {
  constexpr std::size_t kMostRanges = 4;
  const domain::Seq completed = completion_.completed_seq();
  std::vector<transport::SeqRange> above = completion_.above(kMostRanges);
  if (completed == recorded_ && above == recorded_above_) return;
  recorded_ = completed;
  recorded_above_ = above;
  store_.write([completed, above = std::move(above)](BoxState& state) {
    state.completed_seq = std::max(state.completed_seq, completed);
    state.complete_above = above;
    state.outbox.erase(state.outbox.begin(), state.outbox.upper_bound(completed));
    state.chains.erase(state.chains.begin(), state.chains.lower_bound(completed));
  });
}

}  // namespace outboxd::simulation
