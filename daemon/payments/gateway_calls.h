// Calls of the payment gateway, beside the core thread.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "daemon/worker_pool.h"
#include "domain/mutex.h"
#include "domain/payment_gateway.h"

namespace outboxd::daemon {

// The gateway blocks, so its calls run on worker threads, and what it answers comes back to the
// core thread: all answers that are there at once, in one turn, so that they commit in one group.
//
// start() on the core thread. The destructor drops the calls that have not begun and waits for
// those at hand; no answer is told after it.
class GatewayCalls {
 public:
  // Any thread: makes the call.
  using Call = std::function<domain::GatewayAnswer(domain::PaymentGateway&)>;
  // Core thread: takes the answer.
  using Answered = std::function<void(const domain::GatewayAnswer&)>;
  // Any thread: runs its argument on the core thread, later.
  using PostToCore = std::function<void(std::function<void()>)>;

  static constexpr std::size_t kMaxWaiting = 65'536;

  // `gateway` outlives it, and so does what `post` posts to.
  GatewayCalls(domain::PaymentGateway& gateway, std::size_t workers, PostToCore post);

  // False when kMaxWaiting calls wait already: nothing happens then.
  bool start(Call call, Answered answered);

 private:
  struct Finished {
    Answered answered;
    domain::GatewayAnswer answer;
  };

  void finish(Finished finished);
  void tell();

  domain::PaymentGateway& gateway_;
  const PostToCore post_;

  domain::Mutex mutex_;
  std::vector<Finished> finished_ OUTBOXD_GUARDED_BY(mutex_);

  WorkerPool workers_;  // last: its jobs use everything above
};

}  // namespace outboxd::daemon
