// The payment aggregate: one decision about the money of one order, or one entry in the books about
// the points of one reservation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/event.h"
#include "domain/payment_snapshot.h"
#include "domain/result.h"

namespace outboxd::domain {

inline constexpr std::string_view kPaymentsTopic = "payments";

// Why a payment failed (API.md, "Entities").
inline constexpr std::string_view kFailureDeclined = "declined";
inline constexpr std::string_view kFailureDeadLettered = "dead_lettered";

// Longest texts of others that a payment keeps; what is longer is cut.
inline constexpr std::size_t kMaxFailureDetailBytes = 256;
inline constexpr std::size_t kMaxGatewayReferenceBytes = 128;

// The payment of `order_id` of producer `source`: "pay_" and 32 hexadecimal digits, the same on
// every box and in every attempt, so that one order cannot have two payments.
PaymentId payment_id_of(std::string_view source, const OrderId& order_id);

// The payment of a reservation: never that of an order which has the same id.
PaymentId payment_id_of(std::string_view source, const ReservationId& reservation_id);

// What is to be paid.
struct PaymentDue {
  std::string source;  // the order's producer, an identifier
  OrderId order_id;
  MinorUnits amount = 0;
  Currency currency;
  std::string payment_method;
};

// What was paid already: the points of a reservation that is PAID.
struct PointsSpent {
  std::string source;  // the reservation's producer, an identifier
  ReservationId reservation_id;
  Points points = 0;
};

// A payment with its rules. It begins with its decision, COMPLETED or FAILED, and then:
//
//   FAILED -> COMPLETED     a charge that was given up for failed turns out to be approved. It goes
//                           on record, so that the order's side can ask the money back
//   COMPLETED -> REFUNDED
//
// That of a reservation is COMPLETED from the beginning and stays it: its points went with the
// reservation, and no gateway could give them back.
//
// Records an event for every change. Not thread-safe; lives for one use case.
class Payment {
 public:
  // `attempts` counts the deliveries that it took.
  static Payment completed(PaymentDue due, std::uint32_t attempts, std::string_view reference,
                           TimestampMs now_ms);
  static Payment failed(PaymentDue due, std::uint32_t attempts, std::string_view failure,
                        std::string_view detail, TimestampMs now_ms);
  static Payment booked(PointsSpent spent, std::uint32_t attempts, TimestampMs now_ms);

  // The payment that a repository returned.
  explicit Payment(PaymentSnapshot stored) : snapshot_(std::move(stored)) {}

  // FAILED -> COMPLETED, with `payment.completed` recorded. Error: invalid_state.
  Status complete_after_all(std::uint32_t attempts, std::string_view reference, TimestampMs now_ms);

  // COMPLETED -> REFUNDED, with `payment.refunded` recorded. Error: invalid_state, also for the
  // payment of a reservation.
  Status refund(TimestampMs now_ms);

  // Records the event of its state once more, for who has lost what it knew of it. Nothing changes.
  void tell_again();

  [[nodiscard]] const PaymentSnapshot& snapshot() const { return snapshot_; }

  // Tells the payment the sequence number that its last recorded event was given.
  void note_published(Seq seq);

  [[nodiscard]] EventArchive& events() { return events_; }

 private:
  void record(std::string_view type);

  PaymentSnapshot snapshot_;
  EventArchive events_;
};

}  // namespace outboxd::domain
