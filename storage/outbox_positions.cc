#include "storage/outbox_positions.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "storage/chain.h"
#include "storage/families.h"
#include "storage/slices.h"

namespace outboxd::storage {

using domain::Error;
using domain::OutboxPosition;
using domain::Result;
using domain::Seq;
using domain::Status;

namespace {

// Few enough to cost little when a scan stops early, enough to keep a disk busy when it does not.
constexpr std::size_t kReadaheadBytes = std::size_t{256} << 10;

rocksdb::ColumnFamilyHandle* family_in(const Database& database, Family family) {
  return database.family(static_cast<std::size_t>(family));
}

Result<std::optional<std::string>> read(const Database& database, Family family,
                                        std::string_view key) {
  std::string value;
  const auto status = database.db().Get({}, family_in(database, family), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error("read the outbox", status);
  return std::optional(std::move(value));
}

// The chain value that a record among the dead letters has.
Result<std::uint64_t> chain_of_letter(Seq seq, std::string_view bytes) {
  if (is_removed_letter(bytes)) return kNoChain;
  domain::DeadEntry dead;
  OUTBOXD_TRY(decode_dead(seq, bytes, dead));
  return dead.entry.chain;
}

// One scan.
class Walk {
 public:
  using Visit = std::function<bool(const OutboxPosition&)>;

  Walk(Database& database, const DurableProgress& progress, const Visit& visit)
      : database_(database), progress_(progress), visit_(visit) {}

  Status run(Seq from) {
    // Read before the iterator is made, so that it sees everything up to there.
    const Seq last = progress_.last_seq();
    const SeqKey lower(std::max(from, progress_.completed() + 1) - 1);
    const rocksdb::Slice lower_bound(lower.view());
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_bound;
    options.readahead_size = kReadaheadBytes;
    options.fill_cache = false;  // read once; the cache is for the state
    const std::unique_ptr<rocksdb::Iterator> positions(
        database_.db().NewIterator(options, family_in(database_, Family::kOutbox)));
    // Read after it was made: whatever the collector took before lies up to there.
    next_ = std::max(from, progress_.completed() + 1);
    const Seq before_first = next_ - 1;
    for (positions->Seek(SeqKey(before_first).view()); positions->Valid(); positions->Next()) {
      const Seq seq = seq_of_key(view_of(positions->key()));
      if (seq == before_first) {
        look_at_predecessor(seq, view_of(positions->value()));
        continue;
      }
      OUTBOXD_ASSIGN_OR_RETURN(const bool go_on, take(seq, view_of(positions->value())));
      if (!go_on) return domain::ok_status();
    }
    if (!positions->status().ok()) return to_error("read the outbox", positions->status());
    OUTBOXD_TRY(explain_through(last));
    return domain::ok_status();
  }

 private:
  // For its chain alone. It may be complete, and then may be anything.
  void look_at_predecessor(Seq seq, std::string_view value) {
    if (const auto kind = decode_outbox(seq, value, entry_)) (void)check_.follow(entry_, *kind);
  }

  Result<bool> take(Seq seq, std::string_view value) {
    OUTBOXD_ASSIGN_OR_RETURN(const bool go_on, explain_through(seq - 1));
    if (!go_on) return false;
    OUTBOXD_ASSIGN_OR_RETURN(const OutboxKind kind, decode_outbox(seq, value, entry_));
    OUTBOXD_TRY(check_.follow(entry_, kind));
    next_ = seq + 1;
    const bool is_withdrawn = kind == OutboxKind::kWithdrawn;
    return visit_({.seq = seq, .chain = entry_.chain, .entry = is_withdrawn ? nullptr : &entry_});
  }

  // Positions from next_ to `last` that `outbox` does not have. Error: nothing explains one.
  Result<bool> explain_through(Seq last) {
    if (next_ > last) return true;
    const std::unique_ptr<rocksdb::Iterator> letters(
        database_.db().NewIterator({}, family_in(database_, Family::kDead)));
    letters->Seek(SeqKey(next_).view());
    while (next_ <= last) {
      const Seq letter = letters->Valid() ? seq_of_key(view_of(letters->key())) : last + 1;
      if (!letters->status().ok()) return to_error("read the dead letters", letters->status());
      std::uint64_t chain = kNoChain;
      if (letter == next_) {
        OUTBOXD_ASSIGN_OR_RETURN(chain, chain_of_letter(letter, view_of(letters->value())));
        letters->Next();
      } else {
        // A letter goes once its number is complete, which the disk knows a moment before
        // `progress_` does.
        OUTBOXD_ASSIGN_OR_RETURN(const CompletedRecord completed, read_completed(database_));
        if (completed.seq < next_) {
          return Error{.code = domain::ErrorCode::kDamaged,
                       .message = missing_events(next_, std::min(letter - 1, last))};
        }
      }
      if (!visit_({.seq = next_++, .chain = chain})) return false;
    }
    return true;
  }

  Database& database_;
  const DurableProgress& progress_;
  const Visit& visit_;
  Seq next_ = 0;
  ChainCheck check_;
  domain::OutboxEntry entry_;
};

}  // namespace

Status ChainCheck::follow(const domain::OutboxEntry& position, OutboxKind kind) {
  const bool is_next = chain_ != kNoChain && position.seq == seq_ + 1;
  // Of a withdrawn one the envelope is gone, and with it what could be checked.
  const bool is_known = position.chain != kNoChain && kind != OutboxKind::kWithdrawn;
  const bool follows = !is_next || !is_known ||
                       position.chain == chain_after(chain_, position.seq, position.envelope);
  seq_ = position.seq;
  chain_ = kind == OutboxKind::kSubstitute ? kNoChain : position.chain;
  if (follows) return domain::ok_status();
  return Error{.code = domain::ErrorCode::kDamaged,
               .message = fmt::format("event {0} does not follow from event {1} in the outbox: one "
                                      "of them is not what was committed; stop the daemon and run "
                                      "outboxd --repair",
                                      position.seq, position.seq - 1)};
}

Result<CompletedRecord> read_completed(const Database& database) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, read(database, Family::kMeta, kCompletedKey));
  if (!value) return CompletedRecord{};
  return decode_completed(*value);
}

Status scan_positions(Database& database, const DurableProgress& progress, Seq from,
                      const std::function<bool(const OutboxPosition&)>& visit) {
  return Walk(database, progress, visit).run(from);
}

Result<std::uint64_t> chain_at(const Database& database, Seq seq) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto position,
                           read(database, Family::kOutbox, SeqKey(seq).view()));
  if (position) {
    domain::OutboxEntry entry;
    OUTBOXD_TRY(decode_outbox(seq, *position, entry));
    return entry.chain;
  }
  OUTBOXD_ASSIGN_OR_RETURN(const CompletedRecord completed, read_completed(database));
  if (seq == completed.seq) return completed.chain;
  if (seq < completed.seq) return kNoChain;
  OUTBOXD_ASSIGN_OR_RETURN(const auto letter, read(database, Family::kDead, SeqKey(seq).view()));
  return letter ? chain_of_letter(seq, *letter) : Result<std::uint64_t>(kNoChain);
}

std::string missing_events(Seq first, Seq last) {
  return fmt::format(
      "events {} to {} are missing from the outbox: the database is damaged; stop the daemon and "
      "run outboxd --repair",
      first, last);
}

}  // namespace outboxd::storage
