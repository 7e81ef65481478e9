#include "daemon/outbox_publisher.h"

#include <string>
#include <utility>

#include "daemon/order_encoding.h"
#include "daemon/payment_encoding.h"
#include "daemon/reservation_encoding.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

struct PayloadEncoder {
  std::string operator()(const domain::OrderSnapshot& order) const {
    std::string data;
    transport::Writer writer(data);
    write_order(writer, order);
    return data;
  }
  std::string operator()(const domain::PaymentSnapshot& payment) const {
    std::string data;
    transport::Writer writer(data);
    write_payment(writer, payment);
    return data;
  }
  std::string operator()(const domain::ReservationSnapshot& reservation) const {
    std::string data;
    transport::Writer writer(data);
    write_reservation(writer, reservation);
    return data;
  }
  std::string operator()(const domain::OpaquePayload& payload) const { return payload.bytes; }
};

domain::Result<domain::OutboxEntry> to_entry(const domain::DomainEvent& event) {
  const std::string data = std::visit(PayloadEncoder{}, event.payload);
  OUTBOXD_ASSIGN_OR_RETURN(std::string envelope,
                           transport::encode_envelope({.time_ms = event.time_ms,
                                                       .topic = event.topic,
                                                       .key = event.key,
                                                       .type = event.type,
                                                       .ttl_ms = event.ttl_ms,
                                                       .traceparent = event.traceparent,
                                                       .data = data}));
  return domain::OutboxEntry{.seq = 0,
                             .time_ms = event.time_ms,
                             .ttl_ms = event.ttl_ms,
                             .topic = event.topic,
                             .envelope = std::move(envelope)};
}

}  // namespace

domain::Result<std::vector<domain::Seq>> OutboxPublisher::publish(
    std::vector<domain::DomainEvent> events, domain::UnitOfWork& work) {
  if (!events.empty() && backlog_.entries >= backlog_.max_entries) {
    return domain::Error{domain::ErrorCode::kOutboxFull,
                         "the outbox holds " + std::to_string(backlog_.entries) +
                             " undelivered events, its limit (outbox.max_backlog_events)",
                         {}};
  }
  std::vector<domain::Seq> seqs;
  seqs.reserve(events.size());
  for (const domain::DomainEvent& event : events) {
    OUTBOXD_ASSIGN_OR_RETURN(domain::OutboxEntry entry, to_entry(event));
    seqs.push_back(work.outbox().append(std::move(entry)));
  }
  return seqs;
}

}  // namespace outboxd::daemon
