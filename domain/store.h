// The store as the application sees it: units of work gathered into groups, each one atomic and
// durable commit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/outbox_entry.h"
#include "domain/payment_snapshot.h"
#include "domain/unit_of_work.h"

namespace outboxd::domain {

// A group that takes no more units of work. Built on the core thread, written on the commit thread,
// given back to the core thread; owned by one of them at a time.
class SealedGroup {
 public:
  virtual ~SealedGroup() = default;

  // 1, 2, 3 … since the store was opened.
  virtual std::uint64_t number() const = 0;

  // The outbox entries of the group in order of their sequence numbers, for the relay. Valid until
  // the group dies.
  virtual const std::vector<OutboxEntry>& entries() const = 0;

  // Writes the group and returns when it is on the disk. Commit thread only, once. An error means
  // that the outcome is unknown: the caller must stop the process (G10).
  virtual Status write() = 0;
};

// Port to the store's writing side. Core thread only. At most one group is sealed and not yet
// retired.
class Store {
 public:
  virtual ~Store() = default;

  // Starts a unit of work on the group being built. End it with accept() or discard() before the
  // next begins.
  virtual UnitOfWork& begin() = 0;

  // The unit of work's writes join the group.
  virtual void accept() = 0;

  // The group is as it was before begin().
  virtual void discard() = 0;

  // Size of the group being built, in bytes of its batch; 0 when it has no writes.
  virtual std::size_t pending_bytes() const = 0;

  // Takes the group being built, or nothing when it has no writes.
  virtual std::unique_ptr<SealedGroup> seal() = 0;

  // Tells the store that `group` is durable: reads no longer need its memory.
  virtual void retire(std::unique_ptr<SealedGroup> group) = 0;
};

// Where the outbox stands.
struct OutboxProgress {
  Seq next_seq = 1;       // of the next event
  Seq completed_seq = 0;  // every entry up to here is complete
};

// Bounds of one page of a list. `limit` counts entries returned.
struct Page {
  std::string after;  // last key of the page before, or empty
  std::size_t limit = 100;
};

template <typename Entry>
struct PageOf {
  std::vector<Entry> entries;
  std::optional<std::string> next;  // what to pass as `after`, or nothing at the end
};

struct NamedState {
  std::string key;
  StateValue value;
};

// A hold that may end by itself, as the order of expiry knows it.
struct LiveHold {
  std::int64_t expires_elapsed_ms = 0;
  ReservationId reservation_id;

  friend bool operator==(const LiveHold&, const LiveHold&) = default;
};

// Port to durable state, read without a unit of work. Callable from any thread. Only what is
// durable is seen.
class DurableReader {
 public:
  virtual ~DurableReader() = default;

  // Orders by order_id; with a status, only those in it. A page may hold fewer than `limit` entries
  // and still have a `next`: the scan of one call is bounded.
  virtual Result<PageOf<OrderSnapshot>> list_orders(std::optional<OrderStatus> status,
                                                    const Page& page) = 0;

  // Payments by payment_id; with a status, only those in it. As for orders, a page may hold fewer
  // than `limit` entries and still have a `next`. Must not be asked of a store that keeps none.
  virtual Result<PageOf<PaymentSnapshot>> list_payments(std::optional<PaymentStatus> /*status*/,
                                                        const Page& /*page*/) {
    OUTBOXD_CHECK(false);
  }

  // The same for reservations by reservation_id, and for wallets by user_id.
  virtual Result<PageOf<ReservationSnapshot>> list_reservations(
      std::optional<ReservationStatus> /*status*/, const Page& /*page*/) {
    OUTBOXD_CHECK(false);
  }
  virtual Result<PageOf<WalletSnapshot>> list_wallets(const Page& /*page*/) {
    OUTBOXD_CHECK(false);
  }

  // Calls `visit` with the live holds that are over at `from_elapsed_ms` or later, the first to end
  // first, until it returns false or there are no more. Where the caller knows that earlier ones
  // are settled, a later `from_elapsed_ms` saves walking over what they left behind.
  virtual Status scan_holds(std::int64_t /*from_elapsed_ms*/,
                            const std::function<bool(const LiveHold&)>& /*visit*/) {
    OUTBOXD_CHECK(false);
  }

  // Application keys that start with `prefix`, in byte order.
  virtual Result<PageOf<NamedState>> list_state(std::string_view prefix, const Page& page) = 0;

  // Calls `visit` with the positions of the outbox from `from` on, in order, until it returns false
  // or there are no more. Completed ones are not visited, and none of the others is passed over: a
  // number that is not accounted for, and an entry that does not follow from the one before it, are
  // damage, an error that names them, after what stands before them was visited. `visit` may be
  // given the same entry object again with other contents.
  virtual Status scan_positions(Seq from,
                                const std::function<bool(const OutboxPosition&)>& visit) = 0;

  // The same for those that were not withdrawn.
  Status scan_outbox(Seq from, const std::function<bool(const OutboxEntry&)>& visit) {
    return scan_positions(from, [&](const OutboxPosition& position) {
      return position.entry == nullptr || visit(*position.entry);
    });
  }

  // The chain value of a position from the watermark up to the newest durable event (G13); 0 when
  // it has none, or there is no such position.
  virtual Result<std::uint64_t> chain_at(Seq seq) = 0;

  // The same for the dead letters.
  virtual Status scan_dead(Seq from, const std::function<bool(const DeadEntry&)>& visit) = 0;

  // How many dead letters there are.
  virtual Result<std::uint64_t> count_dead() = 0;
};

}  // namespace outboxd::domain
