#include "daemon/payments/simulated_gateway.h"

#include <charconv>
#include <system_error>
#include <thread>

namespace outboxd::daemon {
namespace {

using domain::GatewayAnswer;
using Verdict = GatewayAnswer::Verdict;

GatewayAnswer approved(const std::string& key) {
  return {Verdict::kApproved, {}, "sim-" + key};
}

}  // namespace

GatewayAnswer SimulatedGateway::charge(const domain::ChargeRequest& request) {
  return answer(request.payment_method, request.idempotency_key);
}

GatewayAnswer SimulatedGateway::refund(const domain::RefundRequest& request) {
  return answer(request.payment_method, request.idempotency_key);
}

GatewayAnswer SimulatedGateway::answer(std::string_view payment_method, const std::string& key) {
  constexpr std::string_view kFlaky = "pm_flaky_";
  if (latency_.count() > 0) {
    // lint: allow(banned_calls): the latency of a gateway is what is simulated, on a worker thread
    std::this_thread::sleep_for(latency_);
  }
  if (payment_method.starts_with("pm_ok")) return approved(key);
  if (payment_method.starts_with("pm_decline")) {
    return {
        Verdict::kDeclined, "the simulated gateway declines " + std::string(payment_method), {}};
  }
  if (payment_method.starts_with("pm_down")) {
    return {Verdict::kUnavailable, "the simulated gateway is down", {}};
  }
  if (payment_method.starts_with(kFlaky)) {
    return answer_flaky(payment_method.substr(kFlaky.size()), key);
  }
  return {Verdict::kDeclined, "unknown payment method " + std::string(payment_method), {}};
}

GatewayAnswer SimulatedGateway::answer_flaky(std::string_view failures, const std::string& key) {
  std::uint32_t limit = 0;
  if (std::from_chars(failures.data(), failures.data() + failures.size(), limit).ec !=
      std::errc()) {
    return {Verdict::kDeclined, "pm_flaky_ must be followed by how often it fails", {}};
  }
  const domain::MutexLock lock(mutex_);
  const auto [entry, is_new] = asked_.try_emplace(key, 0);
  if (is_new) oldest_.push_back(key);
  std::uint32_t& asked = entry->second;
  if (asked >= limit) return approved(key);
  ++asked;
  GatewayAnswer answer{Verdict::kUnavailable,
                       "the simulated gateway is unavailable for time " + std::to_string(asked) +
                           " of " + std::to_string(limit),
                       {}};
  if (oldest_.size() > kMaxFlakyKeys) {
    asked_.erase(oldest_.front());
    oldest_.pop_front();
  }
  return answer;
}

}  // namespace outboxd::daemon
