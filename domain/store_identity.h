// Which store this is, and whose broker it knows (G13).
#pragma once

#include <cstdint>
#include <string>

#include "domain/ids.h"
#include "domain/result.h"

namespace outboxd::domain {

// What a store remembers for ever, in its own directory. A copy of the directory has the same.
struct StoreIdentity {
  std::string store_id;    // of the directory; made with it
  std::string producer;    // whose outbox it is
  std::uint64_t life = 0;  // of the producer (domain/origin.h)
  Seq base_seq = 0;        // the life's events are those behind it
  std::string history;     // id of the broker's store that it was connected to last; empty: none

  friend bool operator==(const StoreIdentity&, const StoreIdentity&) = default;
};

// Port to it. Core thread only; every change waits for the disk. They are rare: another broker, or
// a decision of people.
class IdentityKeeper {
 public:
  virtual ~IdentityKeeper() = default;

  [[nodiscard]] virtual const StoreIdentity& identity() const = 0;

  // Durable when it returns ok, with `decision`: what people decided, in a sentence; empty when
  // nobody did. An error means that the outcome is unknown: the caller must stop the process (G10).
  virtual Status remember(const StoreIdentity& identity, std::string_view decision) = 0;

  // An epoch higher than `above` and than every one before, durable. Error: as for remember.
  virtual Result<std::uint64_t> take_epoch_above(std::uint64_t above) = 0;

  // What people decided so far, the last one first; bounded.
  [[nodiscard]] virtual Result<std::string> decisions() const = 0;
};

}  // namespace outboxd::domain
