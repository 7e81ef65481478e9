#include "storage/unit_of_work.h"

namespace outboxd::storage {

using domain::Result;

Result<std::optional<domain::OrderSnapshot>> Orders::find(const domain::OrderId& id) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value,
                           group_.get(Family::kState, state_key(kOrderPrefix, id.text())));
  if (!value) return std::optional<domain::OrderSnapshot>();
  OUTBOXD_ASSIGN_OR_RETURN(auto order, decode_order(id.text(), *value));
  return std::optional(std::move(order));
}

void Orders::put(const domain::OrderSnapshot& order) {
  encode(order, encoded_);
  group_.put(Family::kState, state_key(kOrderPrefix, order.order_id.text()), encoded_);
}

Result<std::optional<domain::PaymentSnapshot>> Payments::find(const domain::PaymentId& id) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value,
                           group_.get(Family::kState, state_key(kPaymentPrefix, id.text())));
  if (!value) return std::optional<domain::PaymentSnapshot>();
  OUTBOXD_ASSIGN_OR_RETURN(auto payment, decode_payment(id.text(), *value));
  return std::optional(std::move(payment));
}

void Payments::put(const domain::PaymentSnapshot& payment) {
  encode(payment, encoded_);
  group_.put(Family::kState, state_key(kPaymentPrefix, payment.payment_id.text()), encoded_);
}

Result<std::optional<domain::StateValue>> ApplicationStates::find(std::string_view key) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value,
                           group_.get(Family::kState, state_key(kApplicationPrefix, key)));
  if (!value) return std::optional<domain::StateValue>();
  OUTBOXD_ASSIGN_OR_RETURN(auto state, decode_state(key, *value));
  return std::optional(std::move(state));
}

void ApplicationStates::put(std::string_view key, const domain::StateValue& value) {
  encode(value, encoded_);
  group_.put(Family::kState, state_key(kApplicationPrefix, key), encoded_);
}

void ApplicationStates::remove(std::string_view key) {
  group_.remove(Family::kState, state_key(kApplicationPrefix, key));
}

Result<std::optional<domain::RequestRecord>> Requests::find(const domain::RequestId& id) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, group_.get(Family::kRequests, id.text()));
  if (!value) return std::optional<domain::RequestRecord>();
  OUTBOXD_ASSIGN_OR_RETURN(auto record, decode_request(id.text(), *value));
  return std::optional(std::move(record));
}

void Requests::put(const domain::RequestId& id, const domain::RequestRecord& record) {
  encode(record, encoded_);
  group_.put(Family::kRequests, id.text(), encoded_);
}

Result<bool> Marks::contains(const domain::InboxKey& key) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value,
                           group_.get(Family::kInbox, inbox_key(key.group, key.producer, key.seq)));
  return value.has_value();
}

void Marks::put(const domain::InboxKey& key, std::int64_t elapsed_ms) {
  encode_number(static_cast<std::uint64_t>(elapsed_ms), encoded_);
  group_.put(Family::kInbox, inbox_key(key.group, key.producer, key.seq), encoded_);
}

void Marks::remove(const domain::InboxKey& key) {
  group_.remove(Family::kInbox, inbox_key(key.group, key.producer, key.seq));
}

void OutboxWriter::note_complete_above(const std::vector<domain::SeqRange>& ranges) {
  OUTBOXD_CHECK(ranges.size() <= domain::kMaxRangesAbove);
  encode_ranges(ranges, encoded_);
  group_.put(Family::kMeta, kCompleteAboveKey, encoded_);
}

}  // namespace outboxd::storage
