#include "tests/bench/payment_rows.h"

#include <algorithm>

#include "tests/bench/offered_load.h"
#include "tests/bench/rabbitmq_consumer.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kOfferedPerSecond = 1'000;
// As many as PostgreSQL commits together at its best; more of them only wait for each other.
constexpr std::uint32_t kPeerTransactions = 16;

double milliseconds(const std::vector<std::uint64_t>& sorted, double share) {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(index, sorted.size() - 1)]) / 1e6;
}

// From an order's reply to the durable event of the order side that says it is paid.
Figures offered(RunContext& context) {
  Appliance appliance(context);
  appliance.start_broker();
  appliance.start_daemon();
  appliance.start_payments();
  appliance.wait_until_connected();
  std::vector<std::uint64_t> took =
      measure_offered(appliance.daemon_socket(), kOfferedPerSecond, 2 * context.settings.window);
  std::sort(took.begin(), took.end());
  return {2 * context.settings.window.count(),
          {{"p50_ms", milliseconds(took, 0.5)}, {"p99_ms", milliseconds(took, 0.99)}}};
}

// Orders as fast as they are answered, until all of them are paid.
Figures sustained(RunContext& context) {
  Appliance appliance(context);
  appliance.start_broker();
  appliance.start_daemon();
  appliance.start_payments();
  appliance.wait_until_connected();
  const std::uint64_t orders = context.settings.backlog_events / 10;
  const auto begin = Clock::now();
  appliance.commit_count(orders);
  appliance.wait_until_last_seq(2 * orders);  // created and paid
  const std::chrono::duration<double> took = Clock::now() - begin;
  return {took.count(), {{"per_second", static_cast<double>(orders) / took.count()}}};
}

// A backlog at the broker, consumed by a payment side that just comes.
Figures consumed(RunContext& context) {
  Appliance appliance(context);
  appliance.start_broker();
  appliance.start_daemon();
  const std::uint64_t orders = context.settings.backlog_events / 10;
  appliance.commit_count(orders);
  appliance.wait_until_broker_has(orders);
  appliance.kill_daemon();
  const auto begin = Clock::now();
  appliance.start_payments();
  appliance.wait_until_paid(orders);
  const std::chrono::duration<double> took = Clock::now() - begin;
  return {took.count(), {{"per_second", static_cast<double>(orders) / took.count()}}};
}

Figures consumed_by_rabbitmq(RunContext& context) {
  const LoadResult result = measure_rabbitmq_consumer(
      context.settings, context.settings.backlog_events / 10, kPeerTransactions);
  return {result.seconds, {{"per_second", result.per_second()}}};
}

}  // namespace

std::vector<Side> payment_sides() {
  return {{"payments", "offered", "outboxd", offered},
          {"payments", "sustained", "outboxd", sustained},
          {"consume", "", "outboxd", consumed},
          {"consume", "", "rabbitmq", consumed_by_rabbitmq}};
}

}  // namespace outboxd::bench
