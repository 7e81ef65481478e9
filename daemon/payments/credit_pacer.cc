#include "daemon/payments/credit_pacer.h"

#include <algorithm>
#include <utility>

namespace outboxd::daemon {
namespace {

constexpr std::size_t kFactor = 4;
static_assert(kFactor < CreditPacer::kLongRoundMs / CreditPacer::kShortRoundMs, "it would swing");

}  // namespace

bool CreditPacer::done(std::int64_t now_ms) {
  if (!began_ms_) return begin_round(now_ms, credit_);
  ++done_;
  const std::int64_t took_ms = now_ms - *began_ms_;
  if (took_ms > kLongRoundMs) return begin_round(now_ms, std::max(credit_ / kFactor, least_));
  if (done_ < credit_) return false;
  return begin_round(now_ms,
                     took_ms < kShortRoundMs ? std::min(credit_ * kFactor, most_) : credit_);
}

bool CreditPacer::begin_round(std::int64_t now_ms, std::size_t credit) {
  began_ms_ = now_ms;
  done_ = 0;
  return std::exchange(credit_, credit) != credit;
}

}  // namespace outboxd::daemon
