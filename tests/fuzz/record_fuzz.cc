// Values of the store, as a damaged disk may give them. The first byte chooses the decoder.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/check.h"
#include "storage/families.h"
#include "storage/points_records.h"
#include "storage/records.h"

namespace outboxd::storage {
namespace {

// What was decoded, encoded again, is decoded to the same bytes again.
template <typename Decode>
void round_trip(std::string_view bytes, const Decode& decode) {
  const auto value = decode(bytes);
  if (!value) {
    OUTBOXD_CHECK(!value.error().message.empty());
    return;
  }
  std::string once;
  encode(*value, once);
  const auto again = decode(once);
  OUTBOXD_CHECK(again.ok());
  std::string twice;
  encode(*again, twice);
  OUTBOXD_CHECK(once == twice);
}

domain::Result<domain::OutboxEntry> outbox(std::string_view bytes) {
  domain::OutboxEntry entry;
  OUTBOXD_TRY(decode_outbox(7, bytes, entry));
  return entry;
}

domain::Result<domain::DeadEntry> dead(std::string_view bytes) {
  domain::DeadEntry entry;
  OUTBOXD_TRY(decode_dead(7, bytes, entry));
  return entry;
}

void numbers_and_texts(std::string_view bytes) {
  std::string encoded;
  if (const auto number = decode_number(bytes, "number")) {
    encode_number(*number, encoded);
    OUTBOXD_CHECK(*decode_number(encoded, "number") == *number);
  }
  if (const auto text = decode_text(bytes, "text")) {
    encode_text(*text, encoded);
    OUTBOXD_CHECK(*decode_text(encoded, "text") == *text);
  }
}

void ranges(std::string_view bytes) {
  const auto decoded = decode_ranges(bytes, "ranges");
  if (!decoded) return;
  std::string encoded;
  encode_ranges(*decoded, encoded);
  OUTBOXD_CHECK(*decode_ranges(encoded, "ranges") == *decoded);
  OUTBOXD_CHECK(is_removed_letter(bytes) == decoded->empty());
}

void points(std::uint8_t choice, std::string_view bytes) {
  switch (choice) {
    case 0: round_trip(bytes, [](std::string_view b) { return decode_wallet("ada", b); }); break;
    case 1: round_trip(bytes, [](std::string_view b) { return decode_deposit("d-1", b); }); break;
    case 2: round_trip(bytes, [](std::string_view b) { return decode_deduction("r-1", b); }); break;
    case 3:
      round_trip(bytes, [](std::string_view b) { return decode_reservation("r-1", b); });
      break;
    default:
      if (const auto claim = decode_claim("seat-1", bytes)) {
        std::string encoded;
        encode_claim(*claim, encoded);
        OUTBOXD_CHECK(*decode_claim("seat-1", encoded) == *claim);
      }
      if (const auto hold = decode_hold(bytes)) {
        OUTBOXD_CHECK(hold_key(hold->expires_elapsed_ms, hold->reservation_id.text()).substr(1) ==
                      bytes);
      }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 14) {
    case 0: round_trip(bytes, decode_head); break;
    case 1: round_trip(bytes, [](std::string_view b) { return decode_order("order-1", b); }); break;
    case 2: round_trip(bytes, [](std::string_view b) { return decode_state("key", b); }); break;
    case 3: round_trip(bytes, [](std::string_view b) { return decode_request("r-1", b); }); break;
    case 4: round_trip(bytes, outbox); break;
    case 5: round_trip(bytes, dead); break;
    case 7: round_trip(bytes, [](std::string_view b) { return decode_payment("pay-1", b); }); break;
    case 8: ranges(bytes); break;
    case 9:
    case 10:
    case 11:
    case 12:
    case 13: points(static_cast<std::uint8_t>(data[0] % 14 - 9), bytes); break;
    default: numbers_and_texts(bytes);
  }
  static_cast<void>(decode_request_time(bytes).ok());
  return 0;
}

}  // namespace outboxd::storage
