// The daemon's figures as Prometheus reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/payments/payment_counters.h"
#include "daemon/reservations_module.h"

namespace outboxd::daemon {

// What is counted or measured elsewhere, at one moment.
struct MetricsSnapshot {
  std::uint64_t requests = 0;
  std::uint64_t requests_refused = 0;
  std::uint64_t units_committed = 0;
  std::uint64_t units_refused = 0;
  std::uint64_t groups = 0;
  std::uint64_t connections = 0;
  std::uint64_t outbox_pending = 0;
  std::uint64_t outbox_dead = 0;
  std::uint64_t outbox_next_seq = 0;
  std::uint64_t outbox_delivered_seq = 0;
  std::uint64_t outbox_completed_seq = 0;
  std::uint64_t inbox_unsettled = 0;
  std::uint64_t inbox_held = 0;
  std::uint64_t inbox_deliveries = 0;
  std::uint64_t inbox_duplicates = 0;
  std::uint64_t inbox_acknowledged = 0;
  std::uint64_t inbox_retried = 0;
  std::uint64_t inbox_buried = 0;
  std::uint64_t inbox_passed_over = 0;
  std::uint64_t inbox_released = 0;
  double oldest_pending_seconds = 0;
  bool link_connected = false;
  std::uint64_t storage_bytes = 0;
  std::uint64_t storage_free_bytes = 0;
  std::uint64_t epoch = 0;
  std::optional<PaymentCounters> payments;         // nothing: the module does not run
  std::optional<ReservationFigures> reservations;  // the same
};

// Core thread only.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // A group was written in `took_us`, with `entries` outbox entries.
  void observe_commit(std::int64_t took_us, std::size_t entries);

  // Text exposition format 0.0.4.
  [[nodiscard]] std::string expose(const MetricsSnapshot& now) const;

 private:
  struct Histograms;
  std::unique_ptr<Histograms> histograms_;
};

}  // namespace outboxd::daemon
