// What goes wrong in the simulated link.
#include <utility>

#include "tests/unit/transport/link/simulation_actors.h"

namespace outboxd::transport {

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
    } else if (box->daemons.size() < 3 && chance(faults_.copy_daemon)) {
      start_copy(*box);
    }
  }
}

// A process on a copy of the box's data directory. It writes nothing new: two histories of one
// producer cannot both be kept, and nothing that the broker does could change that.
void Simulation::start_copy(Box& box) {
  const domain::Seq next_seq = disk_->durable_seq(box.producer) + 1;
  box.daemons.insert(box.daemons.end() - 1, std::make_unique<Daemon>(*this, box, next_seq, true));
}

void Simulation::end_copies() {
  for (const auto& box : boxes_) {
    std::erase_if(box->daemons, [this](const auto& daemon) {
      if (daemon->is_copy) cut(*daemon);
      return daemon->is_copy;
    });
  }
}

void Simulation::cut(Daemon& daemon) {
  if (daemon.peer.empty()) return;
  std::erase_if(network_, [&](const Travelling& each) { return each.peer == daemon.peer; });
  daemon.peer.clear();
  daemon.session.disconnected("cut");
}

}  // namespace outboxd::transport
