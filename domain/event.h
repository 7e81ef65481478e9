// Domain events and the archive in which a domain object records them.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "domain/clock.h"
#include "domain/order_snapshot.h"
#include "domain/payment_snapshot.h"
#include "domain/reservation_snapshot.h"

namespace outboxd::domain {

// The data of an application's own event: one encoded value that outboxd carries and never looks
// into.
struct OpaquePayload {
  std::string bytes;

  friend bool operator==(const OpaquePayload&, const OpaquePayload&) = default;
};

// What an event says. Those of orders, payments and reservations carry the entity as it was after
// the change.
using EventPayload =
    std::variant<OrderSnapshot, PaymentSnapshot, ReservationSnapshot, OpaquePayload>;

// The time to live of an event that neither the outbox nor the broker may give up on.
inline constexpr std::int64_t kNeverExpires = std::numeric_limits<std::int64_t>::max();

// Something that happened. It has no sequence number yet: the outbox gives that at commit.
struct DomainEvent {
  std::string topic;
  std::string key;   // events of one (topic, key) keep their order (G7)
  std::string type;  // such as "order.created"
  TimestampMs time_ms = 0;
  std::optional<std::int64_t> ttl_ms;  // the caller's wish; nothing: the topic's default
  std::string traceparent;             // W3C trace context, or empty
  EventPayload payload;
};

// Collects the events of one domain object, or of one use case, until they are published.
class EventArchive {
 public:
  void record(DomainEvent event) { events_.push_back(std::move(event)); }

  // Hands the recorded events over, in the order in which they were recorded, and is empty
  // afterwards.
  std::vector<DomainEvent> take() { return std::exchange(events_, {}); }

 private:
  std::vector<DomainEvent> events_;
};

}  // namespace outboxd::domain
