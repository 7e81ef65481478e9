#include "tests/simulation/network.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace outboxd::simulation {
namespace {

constexpr std::uint64_t kMostDelayMs = 3'000;
constexpr std::uint64_t kMostLatencyMs = 2'000;

}  // namespace

std::string Network::connect(bool may_be_misled) {
  std::string peer = "peer-" + std::to_string(++last_connection_);
  const bool is_slow = random_.chance(faults_.slow_connection);
  connections_[peer].latency_ms =
      1 + static_cast<std::int64_t>(is_slow ? random_.below(kMostLatencyMs) : 0);
  connections_[peer].is_misled = may_be_misled && random_.chance(faults_.wrong_broker);
  return peer;
}

bool Network::is_misled(std::string_view peer) const {
  const auto connection = connections_.find(peer);
  return connection != connections_.end() && connection->second.is_misled;
}

void Network::cut(const std::string& peer) {
  connections_.erase(peer);
  std::erase_if(travelling_, [&](const Arrival& each) { return each.peer == peer; });
}

bool Network::send_to_daemon(std::string_view peer, std::string frame, std::int64_t now_ms) {
  const auto connection = connections_.find(peer);
  if (connection == connections_.end()) return false;
  post(connection->first, std::move(frame), false, now_ms);
  return true;
}

void Network::post(const std::string& peer, std::string frame, bool to_broker,
                   std::int64_t now_ms) {
  const auto entry = connections_.find(peer);
  if (entry == connections_.end()) return;
  if (now_ms < partition_ends_ms_ || random_.chance(faults_.lose_frame)) return;
  Connection& connection = entry->second;
  std::int64_t& last_ms = to_broker ? connection.last_to_broker_ms : connection.last_to_daemon_ms;
  const auto due_ms = [&] {
    if (random_.chance(faults_.delay_frame)) {
      return now_ms + connection.latency_ms +
             static_cast<std::int64_t>(random_.below(kMostDelayMs));
    }
    last_ms = std::max(last_ms, now_ms + connection.latency_ms);
    return last_ms;
  };
  if (random_.chance(faults_.repeat_frame))
    travelling_.push_back({due_ms(), peer, frame, to_broker, connection.is_misled});
  travelling_.push_back({due_ms(), peer, std::move(frame), to_broker, connection.is_misled});
}

void Network::heal() {
  partition_ends_ms_ = 0;
  for (auto& [peer, connection] : connections_) connection.latency_ms = 1;
}

std::vector<Network::Arrival> Network::arrived(std::int64_t now_ms) {
  const auto due = std::stable_partition(travelling_.begin(), travelling_.end(),
                                         [&](const Arrival& each) { return each.due_ms > now_ms; });
  std::vector<Arrival> arrivals(std::make_move_iterator(due),
                                std::make_move_iterator(travelling_.end()));
  travelling_.erase(due, travelling_.end());
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.due_ms < b.due_ms; });
  return arrivals;
}

std::int64_t Network::next_arrival_ms() const {
  std::int64_t next_ms = std::numeric_limits<std::int64_t>::max();
  for (const Arrival& each : travelling_) next_ms = std::min(next_ms, each.due_ms);
  return next_ms;
}

}  // namespace outboxd::simulation
