#include "tests/bench/order_create.h"

namespace outboxd::bench {
namespace {

void pack_line(RpcPacker& packer, std::string_view sku, int quantity, int unit_price) {
  packer.pack_map(3);
  packer.pack("sku").pack(sku);
  packer.pack("quantity").pack(quantity);
  packer.pack("unit_price").pack(unit_price);
}

std::string order_create_call() {
  return prepared_call("order.create", 5, [](RpcPacker& packer) {
    packer.pack("order_id").pack("o-" + std::string(kOrderNumber));
    packer.pack("customer_id").pack("17850");
    packer.pack("payment_method").pack("pm_ok");
    packer.pack("currency").pack("GBP");
    packer.pack("lines").pack_array(2);
    pack_line(packer, "85123A", 6, 255);
    pack_line(packer, "71053", 6, 339);
  });
}

}  // namespace

OrderCreateProtocol::OrderCreateProtocol() : RpcLoad(order_create_call()) {}

}  // namespace outboxd::bench
