// A payment gateway that moves no money: for trying out, demonstrations and tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domain/mutex.h"
#include "domain/payment_gateway.h"

namespace outboxd::daemon {

// The payment method decides what becomes of a charge or a refund:
//
//   pm_ok…       approved
//   pm_decline…  declined
//   pm_flaky_N…  unavailable N times for each idempotency key, then approved
//   pm_down…     unavailable
//
// and every other method is declined. How often a flaky key was asked for is forgotten with the
// process, and past kMaxFlakyKeys keys for the oldest.
class SimulatedGateway : public domain::PaymentGateway {
 public:
  static constexpr std::size_t kMaxFlakyKeys = 100'000;

  // Every answer takes `latency`.
  explicit SimulatedGateway(std::chrono::milliseconds latency = {}) : latency_(latency) {}

  domain::GatewayAnswer charge(const domain::ChargeRequest& request) override;
  domain::GatewayAnswer refund(const domain::RefundRequest& request) override;

 private:
  domain::GatewayAnswer answer(std::string_view payment_method, const std::string& key);
  domain::GatewayAnswer answer_flaky(std::string_view failures, const std::string& key);

  const std::chrono::milliseconds latency_;

  domain::Mutex mutex_;
  std::unordered_map<std::string, std::uint32_t> asked_ OUTBOXD_GUARDED_BY(mutex_);  // by key
  std::deque<std::string> oldest_ OUTBOXD_GUARDED_BY(mutex_);
};

}  // namespace outboxd::daemon
