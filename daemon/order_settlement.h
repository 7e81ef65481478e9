// The orders' ear for payments: settles this box's orders by what became of their money.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/inbox/inbox.h"
#include "daemon/services/order_service.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {

// Consumes topic `payments` as a group of its own, "orders.<producer>", for every box must hear of
// its own orders; what is about another box's is passed over. An event that cannot be understood,
// or is about an order that this box does not have, becomes a dead letter. The group's dead letters
// are consumed like the events that they were: one that died with this process, which power cuts
// may have ended as often as an event may be tried, still settles its order.
//
// Core thread only; `inbox` and `orders` outlive it.
class OrderSettlement : public EventConsumer {
 public:
  // `producer` is this box's name.
  OrderSettlement(Inbox& inbox, OrderService& orders, std::string producer)
      : inbox_(inbox), orders_(orders), producer_(std::move(producer)) {}

  // Asks for the events, up to `credit` at a time.
  void subscribe(std::size_t credit);

  void consume(const InboxEvent& event, DeliveryId delivery) override;

 private:
  void settle(std::string_view type, std::string_view data, DeliveryId delivery);

  Inbox& inbox_;
  OrderService& orders_;
  const std::string producer_;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::daemon
