// The business that the simulated boxes do: what is on the events, and what is to become of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/ids.h"

namespace outboxd::simulation {

// A till creates orders, an office pays them, the till settles them. Both write notes, which both
// read, as competing consumers. Some notes are about what the broker does not take.
inline constexpr std::size_t kTill = 0;
inline constexpr std::size_t kOffice = 1;
inline constexpr std::array<std::string_view, 2> kBoxNames = {"till", "office"};

inline constexpr std::string_view kOrders = "orders";      // complete when the office is done
inline constexpr std::string_view kPayments = "payments";  // complete at the broker, like notes
inline constexpr std::string_view kNotes = "notes";
inline constexpr std::string_view kSecrets = "secrets";  // refused by the broker, for ever

inline constexpr std::string_view kPayingGroup = "payments";
inline constexpr std::string_view kDeadOrders = "dead:orders:payments";
inline constexpr std::string_view kSettlingGroup = "orders";
inline constexpr std::string_view kDeadPayments = "dead:payments:orders";
inline constexpr std::string_view kReadingGroup = "readers";

// What a consumer does with an event; the same each time that it gets it.
enum class Fate : std::uint8_t {
  kFine,
  kFailsTwice,    // gives it back two times
  kAlwaysFails,   // gives it back each time
  kRefused,       // wants never to see it again
  kKillsConsumer  // crashes on it
};

struct Event {
  std::uint64_t serial = 0;  // over all boxes; never used twice, unlike the sequence numbers of
                             // commits that a crash undid
  std::size_t box = 0;
  std::string_view topic;
  std::string key;
  Fate fate = Fate::kFine;
  std::int64_t amount = 0;  // of an order
  std::uint64_t order = 0;  // of a payment: the serial of its order
  bool is_paid = false;     // of a payment: or given up
};

}  // namespace outboxd::simulation
