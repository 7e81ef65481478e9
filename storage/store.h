// The outbox store: RocksDB behind the ports domain::Store and domain::DurableReader.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain/clock.h"
#include "domain/store.h"
#include "domain/store_identity.h"

namespace rocksdb {
class Env;
}

namespace outboxd::storage {

// How long a request record answers repetitions of its request (G4).
inline constexpr std::int64_t kDefaultRequestTtlMs = std::int64_t{7} * 24 * 3600 * 1000;

// How long a processed mark stays that nobody removes, in elapsed time.
inline constexpr std::int64_t kDefaultMarkTtlMs = std::int64_t{30} * 24 * 3600 * 1000;

struct StoreOptions {
  std::string path;  // the data directory; its last level is created
  // Whose outbox this is. Empty: as the directory says, or called after `host` and the store's id
  // when it is new. A directory of another producer that has delivered is refused.
  std::string producer;
  std::string host;

  // Go on after damage to acknowledged data, and report what was lost (`outboxd --repair`).
  bool repair = false;

  // Makes the entry that takes the place of a lost one when repairing, so that the sequence stays
  // gapless (G3), the broker goes on, and consumers learn of the loss. Its `seq` is set by the
  // store. Without it, the holes stay.
  std::function<domain::OutboxEntry(domain::Seq)> lost_entry;

  const domain::Clock* clock = nullptr;  // required; for the age of request records
  std::int64_t request_ttl_ms = kDefaultRequestTtlMs;
  std::int64_t mark_ttl_ms = kDefaultMarkTtlMs;

  // Told, on any thread, of damage that nobody is told of by a result: what RocksDB comes upon by
  // itself.
  std::function<void(const domain::Error&)> on_damage = {};

  // The file system of a test, or null for the system's. Must outlive the Store.
  rocksdb::Env* env = nullptr;
};

using domain::Seq;
using domain::SeqRange;

// What opening had to do about the log.
struct StoreRecovery {
  // Normal after a power cut: a group was half there, and is gone. A power cut leaves so what was
  // not acknowledged; a disk that lost what it had promised may leave the same.
  bool torn_tail_dropped = false;

  // The rest is for a repair.
  struct Damage {
    std::string file;
    std::uint64_t offset = 0;
    std::string what;  // in words

    // The events of the lost commits had these numbers. Their state is lost even where the events
    // themselves survived in a table. Nothing: the commits had no events, or the damaged part does
    // not tell.
    std::optional<SeqRange> events;

    // Nothing is left of what came behind this event: there may have been later ones. Nothing:
    // whatever was lost was between commits that are there.
    std::optional<Seq> after;
  };

  std::vector<Damage> damages;
  std::string copy_directory;          // where the files are kept as they were; may be empty
  std::vector<std::string> mended;     // files made anew without a loss, in words
  std::vector<SeqRange> lost;          // incomplete outbox entries that are gone, if repairing
  bool lost_entries_replaced = false;  // StoreOptions::lost_entry took their places

  // Events that did not follow from those before them. They stay, without a chain value.
  std::vector<domain::Seq> unchained;

  [[nodiscard]] bool repaired() const {
    return !damages.empty() || !mended.empty() || !lost.empty() || !unchained.empty();
  }
};

struct StoreStats {
  std::uint64_t disk_bytes = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t pending_entries = 0;  // durable and not complete; buried ones count until passed
  domain::TimestampMs oldest_pending_time_ms = 0;  // 0 when there is none
};

struct VerifyReport {
  std::uint64_t orders = 0;
  std::uint64_t payments = 0;
  std::uint64_t wallets = 0;
  std::uint64_t reservations = 0;
  std::uint64_t state_keys = 0;
  std::uint64_t outbox_entries = 0;
  std::uint64_t request_records = 0;
  std::uint64_t inbox_marks = 0;
  std::uint64_t dead_entries = 0;
  std::vector<std::string> problems;  // empty: all is well; bounded
  std::vector<std::string> damages;   // those of them that say that something cannot be read
};

// The store of one producer.
//
// Thread contract: the domain::Store half on the core thread, SealedGroup::write on the commit
// thread, the domain::DurableReader half and everything added here on any thread (one at a time for
// verify(), compact() and collect()). Sealed groups die before the Store.
//
// Failure: after a write that failed, every later write fails too and the process must stop (G10).
class OutboxStore : public domain::Store,
                    public domain::DurableReader,
                    public domain::IdentityKeeper {
 public:
  // Opens or creates the store, and durably takes the next epoch (G12). Errors: storage_full when
  // the disk is full; internal with a message for the operator (what is damaged, which file, what
  // to run) for everything else. A refusal changes nothing but for a copy of damaged files.
  static domain::Result<std::unique_ptr<OutboxStore>> open(StoreOptions options);

  // Number of this opening: greater than that of every earlier one.
  [[nodiscard]] virtual std::uint64_t epoch() const = 0;

  // Where the outbox stood when it was opened.
  [[nodiscard]] virtual domain::OutboxProgress progress_at_open() const = 0;

  // Where the durable outbox stands now.
  [[nodiscard]] virtual domain::OutboxProgress durable_progress() const = 0;

  // What was complete above that when it was opened.
  [[nodiscard]] virtual const std::vector<domain::SeqRange>& complete_above_at_open() const = 0;

  // Goes on from what the newest durable group was stamped with. Any thread.
  [[nodiscard]] virtual const domain::ElapsedTime& elapsed() const = 0;

  [[nodiscard]] virtual const StoreRecovery& recovery() const = 0;
  virtual domain::Result<StoreStats> stats() = 0;

  // Reads everything and checks it: checksums of all files, every record decodes, the outbox has no
  // gap between the watermark and its head, every wallet is the sum of its records, every PAID
  // reservation has its deduction, claims and holds agree with the reservations. An error means
  // that reading itself failed.
  virtual domain::Result<VerifyReport> verify() = 0;

  // Frees what is complete or expired, now and entirely. Blocks.
  virtual domain::Status compact() = 0;

  // One step of the collector; call it every second or so from a background thread (not the core
  // or the commit thread). Drops whole files of completed entries; once nothing was committed for a
  // while and there is something to gain, it does what compact() does.
  virtual domain::Status collect() = 0;

  // For a store with damaged tables: they are no longer rewritten in the background.
  virtual domain::Status stop_compacting() = 0;
};

}  // namespace outboxd::storage
