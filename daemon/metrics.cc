#include "daemon/metrics.h"

#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace outboxd::daemon {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(std::string_view name, std::string_view help, MetricType type,
                    ClientMetric metric) {
  MetricFamily family;
  family.name = "outboxd_" + std::string(name);
  family.help = help;
  family.type = type;
  family.metric.push_back(std::move(metric));
  return family;
}

MetricFamily counter(std::string_view name, std::string_view help, std::uint64_t value) {
  ClientMetric metric;
  metric.counter.value = static_cast<double>(value);
  return family(name, help, MetricType::Counter, std::move(metric));
}

MetricFamily gauge(std::string_view name, std::string_view help, double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  return family(name, help, MetricType::Gauge, std::move(metric));
}

void append(std::vector<MetricFamily>& families, const PaymentCounters& payments) {
  for (MetricFamily& counted : std::vector<MetricFamily>{
           counter("payments_approved_total", "Charges that the gateway approved",
                   payments.approved),
           counter("payments_declined_total", "Charges that it declined", payments.declined),
           counter("payments_unavailable_total", "Calls of the gateway to be made again",
                   payments.unavailable),
           counter("payments_dead_lettered_total",
                   "Payments that failed because the gateway could not be asked",
                   payments.dead_lettered),
           counter("payments_refunded_total", "Payments refunded", payments.refunded),
           counter("payments_booked_total", "Reservations booked that were paid with points",
                   payments.booked),
           counter("payments_refunds_declined_total", "Refunds that the gateway declined",
                   payments.refunds_declined),
       }) {
    families.push_back(std::move(counted));
  }
}

void append(std::vector<MetricFamily>& families, const ReservationFigures& reservations) {
  families.push_back(
      counter("reservations_sold_total", "Reservations paid since the start", reservations.sold));
  families.push_back(
      gauge("reservations_held", "Live holds", static_cast<double>(reservations.live_holds)));
  families.push_back(
      gauge("access_tokens", "Tokens to pay with", static_cast<double>(reservations.tokens)));
  families.push_back(counter("token_expiry_failures_total",
                             "Failures of what follows a sale and cannot harm it",
                             reservations.token_expiry_failures));
}

}  // namespace

struct Metrics::Histograms {
  prometheus::Histogram commit_seconds{prometheus::Histogram::BucketBoundaries{
      .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}};
  prometheus::Histogram group_events{
      prometheus::Histogram::BucketBoundaries{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}};
};

Metrics::Metrics() : histograms_(std::make_unique<Histograms>()) {}
Metrics::~Metrics() = default;

void Metrics::observe_commit(std::int64_t took_us, std::size_t entries) {
  histograms_->commit_seconds.Observe(static_cast<double>(took_us) / 1e6);
  histograms_->group_events.Observe(static_cast<double>(entries));
}

std::string Metrics::expose(const MetricsSnapshot& now) const {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  std::vector<MetricFamily> families = {
      counter("requests_total", "Requests received", now.requests),
      counter("requests_refused_total", "Requests refused before a use case ran",
              now.requests_refused),
      counter("transactions_total", "Units of work accepted", now.units_committed),
      counter("transactions_refused_total", "Units of work refused", now.units_refused),
      counter("commit_groups_total", "Durable group commits", now.groups),
      family("commit_seconds", "Time of one synced group write", MetricType::Histogram,
             histograms_->commit_seconds.Collect()),
      family("commit_group_events", "Events in one group", MetricType::Histogram,
             histograms_->group_events.Collect()),
      gauge("connections", "Open local connections", number(now.connections)),
      gauge("outbox_pending", "Events that the broker has not acknowledged",
            number(now.outbox_pending)),
      gauge("outbox_oldest_pending_seconds", "Age of the oldest of them",
            now.oldest_pending_seconds),
      gauge("outbox_dead", "Local dead letters", number(now.outbox_dead)),
      gauge("outbox_next_seq", "Sequence number of the next event", number(now.outbox_next_seq)),
      gauge("outbox_delivered_seq", "Everything up to here is durable at the broker",
            number(now.outbox_delivered_seq)),
      gauge("outbox_completed_seq", "Everything up to here is complete",
            number(now.outbox_completed_seq)),
      gauge("inbox_unsettled", "Deliveries being worked on", number(now.inbox_unsettled)),
      gauge("inbox_held", "Of these, held because there is no room for their effect",
            number(now.inbox_held)),
      counter("inbox_deliveries_total", "Deliveries received", now.inbox_deliveries),
      counter("inbox_duplicates_total", "Of these, events known already", now.inbox_duplicates),
      counter("inbox_acknowledged_total", "Deliveries acknowledged", now.inbox_acknowledged),
      counter("inbox_retried_total", "Deliveries given back for another attempt",
              now.inbox_retried),
      counter("inbox_buried_total", "Deliveries made dead letters", now.inbox_buried),
      counter("inbox_passed_over_total", "Deliveries acknowledged without effect, for their type",
              now.inbox_passed_over),
      counter("inbox_released_total", "Deliveries given back that nobody had looked at",
              now.inbox_released),
      gauge("link_connected", "1 while the broker answers", now.link_connected ? 1 : 0),
      gauge("storage_bytes", "Size of the data directory", number(now.storage_bytes)),
      gauge("storage_free_bytes", "Free space beside it", number(now.storage_free_bytes)),
      gauge("epoch", "Number of this start", number(now.epoch)),
  };
  if (now.payments) append(families, *now.payments);
  if (now.reservations) append(families, *now.reservations);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace outboxd::daemon
