#include "daemon/payments/gateway_calls.h"

#include <utility>

namespace outboxd::daemon {

GatewayCalls::GatewayCalls(domain::PaymentGateway& gateway, std::size_t workers, PostToCore post)
    : gateway_(gateway), post_(std::move(post)), workers_(workers, kMaxWaiting) {}

bool GatewayCalls::start(Call call, Answered answered) {
  return workers_.post([this, call = std::move(call), answered = std::move(answered)] {
    finish({answered, call(gateway_)});
  });
}

void GatewayCalls::finish(Finished finished) {
  {
    const domain::MutexLock lock(mutex_);
    finished_.push_back(std::move(finished));
    if (finished_.size() > 1) return;  // the core thread is on its way for the one before
  }
  post_([this] { tell(); });
}

void GatewayCalls::tell() {
  std::vector<Finished> finished;
  {
    const domain::MutexLock lock(mutex_);
    finished.swap(finished_);
  }
  for (const Finished& call : finished) call.answered(call.answer);
}

}  // namespace outboxd::daemon
