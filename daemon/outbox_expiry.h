// Events that could not be published in time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/group_commit.h"
#include "daemon/services/order_service.h"
#include "domain/clock.h"
#include "domain/store.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {

struct OutboxExpiryOptions {
  std::optional<std::int64_t> order_ttl_ms;  // of an order.created without a ttl_ms of its own
  std::size_t max_tracked = 65'536;          // events with a ttl_ms that are kept in memory
  std::size_t max_per_step = 512;            // entries read, and entries buried, in one step
};

struct OutboxExpiryParts {
  GroupCommit& commits;
  domain::DurableReader& reader;
  OrderService& orders;
  const domain::Clock& clock;
  const domain::ElapsedTime& elapsed;
  std::function<void(domain::Seq)> buried;  // a unit of work that buries it was accepted
};

// Moves entries whose time to live has passed without an acknowledgement to the dead letters; an
// order whose order.created is among them expires in the same unit of work. Time is elapsed time,
// so neither a clock that jumps nor time without power expires anything.
//
// Entries stand in the order of their time, so one cursor finds the orders that are due, and reads
// each entry once. Events with a ttl_ms of their own are kept by deadline, those due first, in
// bounded memory; the rest are looked for again when the first of them is due. Core thread only.
class OutboxExpiry {
 public:
  // What is in the store already is found by and by.
  OutboxExpiry(OutboxExpiryParts parts, OutboxExpiryOptions options);

  // Entry is durable.
  void note_stored(const domain::OutboxEntry& entry);

  // Does a bounded piece of what is to be done about entries above `delivered_seq`. True when there
  // is more to do at once.
  bool step(domain::Seq delivered_seq, domain::Seq stored_seq);

  // True when an entry above `delivered_seq` may expire one day.
  [[nodiscard]] bool is_waiting(domain::Seq delivered_seq, domain::Seq stored_seq) const;

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  void track(const domain::OutboxEntry& entry);
  bool look_for_tracked(domain::Seq delivered_seq, domain::Seq stored_seq);
  bool expire_tracked(domain::Seq delivered_seq);
  bool expire_orders(domain::Seq delivered_seq);
  [[nodiscard]] bool is_order_without_ttl(const domain::OutboxEntry& entry);
  bool expire(const domain::OutboxEntry& entry, std::int64_t ttl_ms);

  const OutboxExpiryParts parts_;
  const OutboxExpiryOptions options_;

  domain::Seq order_cursor_ = 0;  // every order.created up to here was looked at
  domain::Seq search_from_ = 1;   // entries from here to search_end_ may have a ttl_ms
  domain::Seq search_end_ = 0;    // 0: not known yet
  std::set<std::pair<std::int64_t, domain::Seq>> tracked_;  // by deadline
  std::int64_t untracked_deadline_ms_ = kNever;             // the first of those that were not kept
  transport::Document document_;                            // scratch
};

}  // namespace outboxd::daemon
