#include "daemon/order_settlement.h"

#include <optional>
#include <utility>

#include "daemon/payment_encoding.h"
#include "domain/payment.h"
#include "transport/link/group_name.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;

// What an event means for the order that it is about.
using Settle = Status (*)(OrderService&, const PaymentNews&, domain::UnitOfWork&);

Settle meaning_of(std::string_view type) {
  if (type == "payment.completed") {
    return [](OrderService& orders, const PaymentNews& news, domain::UnitOfWork& work) {
      return orders.payment_completed(news.order_id, news.payment_id, work);
    };
  }
  if (type == "payment.failed") {
    return [](OrderService& orders, const PaymentNews& news, domain::UnitOfWork& work) {
      return orders.payment_failed(news.order_id, news.payment_id, news.failure, work);
    };
  }
  if (type == "payment.refunded") {
    return [](OrderService& orders, const PaymentNews& news, domain::UnitOfWork& work) {
      return orders.payment_refunded(news.order_id, news.payment_id, work);
    };
  }
  return nullptr;
}

}  // namespace

void OrderSettlement::subscribe(std::size_t credit) {
  const std::string topic(domain::kPaymentsTopic);
  const std::string group = "orders." + producer_;
  inbox_.subscribe(topic, group, credit, *this);
  inbox_.subscribe(transport::dead_topic(topic, group), group, credit, *this);
}

void OrderSettlement::consume(const InboxEvent& event, DeliveryId delivery) {
  const Result<transport::Envelope> envelope =
      transport::decode_envelope(event.envelope, document_);
  if (!envelope) {
    return inbox_.bury(delivery, "the event cannot be read: " + envelope.error().message);
  }
  settle(envelope->type, envelope->data, delivery);
}

void OrderSettlement::settle(std::string_view type, std::string_view data, DeliveryId delivery) {
  const Settle meaning = meaning_of(type);
  if (meaning == nullptr) return inbox_.pass_over(delivery);
  Result<std::optional<PaymentNews>> read = read_payment_news(data);
  if (!read) return inbox_.bury(delivery, read.error().message);
  std::optional<PaymentNews> news = std::move(read).value();
  if (!news || news->source != producer_) return inbox_.pass_over(delivery);
  inbox_.commit(delivery, [this, meaning, told = *std::move(news)](domain::UnitOfWork& work) {
    return meaning(orders_, told, work);
  });
}

}  // namespace outboxd::daemon
