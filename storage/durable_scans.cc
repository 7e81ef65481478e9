#include "storage/durable_scans.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "storage/outbox_positions.h"
#include "storage/points_records.h"
#include "storage/records.h"
#include "storage/slices.h"

namespace outboxd::storage {

using domain::Page;
using domain::PageOf;
using domain::Result;
using domain::Seq;
using domain::Status;

namespace {

// What one call of a list may walk over and give back. Behind a filter that nothing passes, the
// caller gets an empty page with a `next` and asks again; a list never holds a thread for long, and
// its answer fits a message.
constexpr std::size_t kMaxScannedEntries = 2000;
constexpr std::size_t kMaxPageBytes = std::size_t{384} << 10;

// The least string that is greater than every one that starts with `prefix`; `prefix` does not
// consist of 0xff bytes alone.
std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  OUTBOXD_CHECK(!prefix.empty());
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// Walks the state keys under `prefix` behind `page.after`. `read` gets each key (without the first
// byte, which says whose it is) and value, and returns the entry to list, nothing to pass over it,
// or an error.
template <typename Entry, typename Read>
Result<PageOf<Entry>> list(Database& database, char owner, std::string_view prefix,
                           const Page& page, Read read) {
  const std::string first = state_key(owner, prefix);
  const std::string end = end_of_prefix(first);
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> entries(database.db().NewIterator(
      options, database.family(static_cast<std::size_t>(Family::kState))));

  // The least key behind `after` is `after` and a zero byte.
  const std::string resume = state_key(owner, page.after) + '\0';
  entries->Seek(page.after.empty() ? first : std::max(first, resume));
  PageOf<Entry> result;
  std::size_t scanned = 0;
  std::size_t bytes = 0;
  std::string last;
  for (; entries->Valid(); entries->Next()) {
    if (result.entries.size() >= page.limit || scanned >= kMaxScannedEntries ||
        bytes >= kMaxPageBytes) {
      result.next = std::move(last);
      break;
    }
    ++scanned;
    last.assign(view_of(entries->key()).substr(1));
    OUTBOXD_ASSIGN_OR_RETURN(std::optional<Entry> entry, read(last, view_of(entries->value())));
    if (!entry) continue;
    bytes += entries->value().size();
    result.entries.push_back(*std::move(entry));
  }
  if (!entries->status().ok()) return to_error("read the state", entries->status());
  return result;
}

}  // namespace

Result<PageOf<domain::OrderSnapshot>> DurableScans::list_orders(
    std::optional<domain::OrderStatus> status, const Page& page) const {
  using Listed = std::optional<domain::OrderSnapshot>;
  return list<domain::OrderSnapshot>(
      database_, kOrderPrefix, "", page,
      [&](std::string_view id, std::string_view value) -> Result<Listed> {
        OUTBOXD_ASSIGN_OR_RETURN(auto order, decode_order(id, value));
        if (status && order.status != *status) return Listed();
        return Listed(std::move(order));
      });
}

Result<PageOf<domain::PaymentSnapshot>> DurableScans::list_payments(
    std::optional<domain::PaymentStatus> status, const Page& page) const {
  using Listed = std::optional<domain::PaymentSnapshot>;
  return list<domain::PaymentSnapshot>(
      database_, kPaymentPrefix, "", page,
      [&](std::string_view id, std::string_view value) -> Result<Listed> {
        OUTBOXD_ASSIGN_OR_RETURN(auto payment, decode_payment(id, value));
        if (status && payment.status != *status) return Listed();
        return Listed(std::move(payment));
      });
}

Result<PageOf<domain::ReservationSnapshot>> DurableScans::list_reservations(
    std::optional<domain::ReservationStatus> status, const Page& page) const {
  using Listed = std::optional<domain::ReservationSnapshot>;
  return list<domain::ReservationSnapshot>(
      database_, kReservationPrefix, "", page,
      [&](std::string_view id, std::string_view value) -> Result<Listed> {
        OUTBOXD_ASSIGN_OR_RETURN(auto reservation, decode_reservation(id, value));
        if (status && reservation.status != *status) return Listed();
        return Listed(std::move(reservation));
      });
}

Result<PageOf<domain::WalletSnapshot>> DurableScans::list_wallets(const Page& page) const {
  using Listed = std::optional<domain::WalletSnapshot>;
  return list<domain::WalletSnapshot>(
      database_, kWalletPrefix, "", page,
      [](std::string_view id, std::string_view value) -> Result<Listed> {
        OUTBOXD_ASSIGN_OR_RETURN(auto wallet, decode_wallet(id, value));
        return Listed(std::move(wallet));
      });
}

Status DurableScans::scan_holds(std::int64_t from_elapsed_ms,
                                const std::function<bool(const domain::LiveHold&)>& visit) const {
  const std::string first = hold_key(std::max<std::int64_t>(from_elapsed_ms, 0), "");
  const std::string end = end_of_prefix(std::string(1, kHoldPrefix));
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> entries(database_.db().NewIterator(
      options, database_.family(static_cast<std::size_t>(Family::kState))));
  for (entries->Seek(first); entries->Valid(); entries->Next()) {
    OUTBOXD_ASSIGN_OR_RETURN(const auto hold, decode_hold(view_of(entries->key()).substr(1)));
    if (!visit(hold)) return domain::ok_status();
  }
  if (!entries->status().ok()) return to_error("read the holds", entries->status());
  return domain::ok_status();
}

Result<PageOf<domain::NamedState>> DurableScans::list_state(std::string_view prefix,
                                                            const Page& page) const {
  using Listed = std::optional<domain::NamedState>;
  return list<domain::NamedState>(
      database_, kApplicationPrefix, prefix, page,
      [](std::string_view key, std::string_view value) -> Result<Listed> {
        OUTBOXD_ASSIGN_OR_RETURN(auto state, decode_state(key, value));
        return Listed(domain::NamedState{std::string(key), std::move(state)});
      });
}

Status DurableScans::scan_positions(
    Seq from, const std::function<bool(const domain::OutboxPosition&)>& visit) const {
  return storage::scan_positions(database_, progress_, from, visit);
}

Result<std::uint64_t> DurableScans::chain_at(Seq seq) const {
  return storage::chain_at(database_, seq);
}

Status DurableScans::scan_dead(Seq from,
                               const std::function<bool(const domain::DeadEntry&)>& visit) const {
  const SeqKey first(from);
  const rocksdb::Slice lower_bound(first.view());
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_bound;
  options.fill_cache = false;  // read once; the cache is for the state
  const std::unique_ptr<rocksdb::Iterator> letters(database_.db().NewIterator(
      options, database_.family(static_cast<std::size_t>(Family::kDead))));
  domain::DeadEntry dead;
  for (letters->Seek(lower_bound); letters->Valid(); letters->Next()) {
    if (is_removed_letter(view_of(letters->value()))) continue;
    OUTBOXD_TRY(decode_dead(seq_of_key(view_of(letters->key())), view_of(letters->value()), dead));
    if (!visit(dead)) return domain::ok_status();
  }
  if (!letters->status().ok()) return to_error("read the dead letters", letters->status());
  return domain::ok_status();
}

}  // namespace outboxd::storage
