// Strong identifiers: an OrderId cannot be passed where a CustomerId is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/result.h"

namespace outboxd::domain {

// Longest identifier in characters (API.md, "Transport").
inline constexpr std::size_t kMaxIdLength = 64;

// True if `text` is 1 to kMaxIdLength characters from A-Z a-z 0-9 . _ : -
bool is_valid_id(std::string_view text);

// An identifier chosen by a caller. The only way to one is `parse`, so an Id that exists is valid.
template <typename Tag>
class Id {
 public:
  // `argument` is the name that the error gives when `text` is not an identifier.
  static Result<Id> parse(std::string_view text, std::string_view argument = Tag::kArgument) {
    if (!is_valid_id(text)) {
      return bad_request(
          std::string(argument),
          std::string(argument) + " must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
    }
    return Id(std::string(text));
  }

  [[nodiscard]] const std::string& text() const { return text_; }

  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  explicit Id(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

struct OrderIdTag {
  static constexpr std::string_view kArgument = "order_id";
};
struct CustomerIdTag {
  static constexpr std::string_view kArgument = "customer_id";
};
struct PaymentIdTag {
  static constexpr std::string_view kArgument = "payment_id";
};
struct RequestIdTag {
  static constexpr std::string_view kArgument = "request_id";
};

struct UserIdTag {
  static constexpr std::string_view kArgument = "user_id";
};
struct ItemIdTag {
  static constexpr std::string_view kArgument = "item_id";
};
struct ReservationIdTag {
  static constexpr std::string_view kArgument = "reservation_id";
};
struct DepositIdTag {
  static constexpr std::string_view kArgument = "deposit_id";
};

using OrderId = Id<OrderIdTag>;
using CustomerId = Id<CustomerIdTag>;
using PaymentId = Id<PaymentIdTag>;
using RequestId = Id<RequestIdTag>;
using UserId = Id<UserIdTag>;
using ItemId = Id<ItemIdTag>;
using ReservationId = Id<ReservationIdTag>;
using DepositId = Id<DepositIdTag>;

// Outbox sequence number of one producer: 1, 2, 3 … without gaps (G3). 0 means "none yet".
using Seq = std::uint64_t;

// Sequence numbers from one to another, both included.
struct SeqRange {
  Seq first = 0;
  Seq last = 0;

  friend bool operator==(const SeqRange&, const SeqRange&) = default;
};

}  // namespace outboxd::domain
