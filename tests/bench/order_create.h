// `order.create` under load: an order of two lines.
#pragma once

#include "tests/bench/rpc_load.h"

namespace outboxd::bench {

class OrderCreateProtocol : public RpcLoad {
 public:
  OrderCreateProtocol();
};

}  // namespace outboxd::bench
