#include "tests/simulation/stranger.h"

#include <limits>
#include <utility>

#include "storage/chain.h"
#include "transport/msgpack/envelope.h"
#include "transport/msgpack/writer.h"

namespace outboxd::simulation {
namespace {

transport::RelaySessionOptions options_of(std::size_t box, Stranger::Kind kind, std::uint64_t epoch,
                                          Random& random) {
  transport::RelaySessionOptions options{.producer = std::string(kBoxNames.at(box)),
                                         .epoch = epoch,
                                         .software_version = {},
                                         .instance = random.bits()};
  if (kind == Stranger::Kind::kCopy) options.store = store_id_of(box);
  if (kind == Stranger::Kind::kOtherStore) options.store = "of a stranger";
  return options;
}

}  // namespace

Stranger::Stranger(World& world, std::size_t box, Kind kind, BoxState state, std::uint64_t epoch)
    : world_(world),
      state_(std::move(state)),
      session_(
          options_of(box, kind, epoch, world.random), state_.next_seq,
          [&world] { return world.random.fraction(); }, *this) {
  session_.entries_kept_from(state_.completed_seq + 1);
}

Stranger::~Stranger() {
  cut();
}

void Stranger::append_own_event(BoxState& state) {
  constexpr std::uint64_t kNobodys = std::numeric_limits<std::uint64_t>::max();
  std::string data;
  transport::Writer(data).unsigned_integer(kNobodys);
  StoredEntry entry{
      kNobodys, kNotes,
      transport::encode_envelope({.topic = kNotes, .key = "stranger", .type = "note", .data = data})
          .value()};
  state.chain = storage::chain_after(state.chain, state.next_seq, entry.envelope);
  state.chains[state.next_seq] = state.chain;
  state.outbox[state.next_seq++] = std::move(entry);
}

void Stranger::step() {
  if (peer_.empty() && world_.random.chance(0.5)) {
    peer_ = world_.network.connect();
    session_.connected(world_.now_ms());
  }
  const auto due_ms = session_.next_deadline_ms();
  if (due_ms && *due_ms <= world_.now_ms()) session_.tick(world_.now_ms());
  if (const auto seq = session_.wanted_proof()) {
    const auto chain = state_.chains.find(*seq);
    session_.prove(*seq, chain == state_.chains.end() ? 0 : chain->second, world_.now_ms());
  }
  while (!peer_.empty()) {
    auto frame = session_.next_frame();
    if (!frame) return;
    world_.network.send_to_broker(peer_, std::move(*frame), world_.now_ms());
  }
}

void Stranger::cut() {
  if (peer_.empty()) return;
  world_.network.cut(peer_);
  peer_.clear();
  session_.disconnected("cut");
}

void Stranger::on_link_state(transport::LinkState state, std::string /*reason*/) {
  if (state == transport::LinkState::kConnected) {
    world_.witness.violated("G13", "a stranger is taken for the box whose name it has");
  }
}

void Stranger::on_acknowledged(domain::Seq /*seq*/) {
  world_.witness.violated("G13", "a stranger is told that its events were delivered");
}

}  // namespace outboxd::simulation
