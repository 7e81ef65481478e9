#include "storage/store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "storage/chain.h"
#include "storage/collector.h"
#include "storage/damaged_tables.h"
#include "storage/database/database.h"
#include "storage/durable_progress.h"
#include "storage/durable_scans.h"
#include "storage/families.h"
#include "storage/group_builder.h"
#include "storage/identity.h"
#include "storage/lost_commits.h"
#include "storage/outbox_positions.h"
#include "storage/removal_filters.h"
#include "storage/unit_of_work.h"
#include "storage/verification.h"

namespace outboxd::storage {

using domain::Error;
using domain::OutboxProgress;
using domain::Page;
using domain::PageOf;
using domain::Result;
using domain::Seq;
using domain::Status;

namespace {

rocksdb::ColumnFamilyHandle* meta_family(const Database& database) {
  return database.family(static_cast<std::size_t>(Family::kMeta));
}

// The record under `key` of `meta`, or nothing.
Result<std::optional<std::string>> read_meta(const Database& database, std::string_view key) {
  std::string value;
  const auto status = database.db().Get({}, meta_family(database), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error("read the database", status);
  return std::optional(std::move(value));
}

Result<Position> read_position(const Database& database) {
  Position position;
  OUTBOXD_ASSIGN_OR_RETURN(const auto head, read_meta(database, kHeadKey));
  if (head) {
    OUTBOXD_ASSIGN_OR_RETURN(position.head, decode_head(*head));
  }
  OUTBOXD_ASSIGN_OR_RETURN(const CompletedRecord completed, read_completed(database));
  position.completed = completed.seq;
  position.completed_chain = completed.chain;
  if (position.completed > position.head.last_seq) {
    return Error{.message = fmt::format("the outbox is complete through {} but ends at {}: the "
                                        "database is damaged",
                                        position.completed, position.head.last_seq)};
  }
  return position;
}

// What was complete above the watermark. The watermark moves on without this being written again,
// so what it has covered since is left out; so is what lies behind the head, which a repair may
// have lost: forgetting it costs no more than a redelivery.
Result<std::vector<SeqRange>> read_complete_above(const Database& database,
                                                  const Position& position) {
  std::vector<SeqRange> above;
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, read_meta(database, kCompleteAboveKey));
  if (!value) return above;
  OUTBOXD_ASSIGN_OR_RETURN(above, decode_ranges(*value, kCompleteAboveKey));
  std::erase_if(above, [&](const SeqRange& range) {
    return range.last <= position.completed || range.last > position.head.last_seq;
  });
  if (!above.empty()) above.front().first = std::max(above.front().first, position.completed + 1);
  return above;
}

// Counts on from where the last start left off.
class RunningTime final : public domain::ElapsedTime {
 public:
  RunningTime(const domain::Clock& clock, std::int64_t before_ms)
      : clock_(clock), offset_ms_(before_ms - clock.monotonic_ms()) {}
  std::int64_t elapsed_ms() const override { return clock_.monotonic_ms() + offset_ms_; }

 private:
  const domain::Clock& clock_;
  const std::int64_t offset_ms_;
};

class RocksOutboxStore final : public OutboxStore {
 public:
  RocksOutboxStore(StoreOptions options, std::unique_ptr<Database> database,
                   std::shared_ptr<DurableProgress> progress, const Position& position,
                   std::vector<domain::SeqRange> complete_above, domain::StoreIdentity identity,
                   std::uint64_t epoch, StoreRecovery recovery)
      : options_(std::move(options)),
        elapsed_(*options_.clock, position.head.elapsed_ms),
        complete_above_(std::move(complete_above)),
        recovery_(std::move(recovery)),
        epoch_(epoch),
        opened_at_{position.head.last_seq + 1, position.completed},
        progress_(std::move(progress)),
        database_(std::move(database)),
        reader_(*database_, *progress_),
        collector_(*database_, *progress_, *options_.clock),
        identity_(std::move(identity)),
        builder_(*database_, *progress_, elapsed_, position, options_.on_damage),
        work_(builder_) {}

  // domain::Store
  domain::UnitOfWork& begin() override {
    builder_.begin();
    return work_;
  }
  void accept() override { builder_.accept(); }
  void discard() override { builder_.discard(); }
  std::size_t pending_bytes() const override { return builder_.pending_bytes(); }
  std::unique_ptr<domain::SealedGroup> seal() override { return builder_.seal(); }
  void retire(std::unique_ptr<domain::SealedGroup> group) override {
    builder_.retire(std::move(group));
  }

  // domain::DurableReader
  Result<PageOf<domain::OrderSnapshot>> list_orders(std::optional<domain::OrderStatus> status,
                                                    const Page& page) override {
    return reader_.list_orders(status, page);
  }
  Result<PageOf<domain::PaymentSnapshot>> list_payments(std::optional<domain::PaymentStatus> status,
                                                        const Page& page) override {
    return reader_.list_payments(status, page);
  }
  Result<PageOf<domain::ReservationSnapshot>> list_reservations(
      std::optional<domain::ReservationStatus> status, const Page& page) override {
    return reader_.list_reservations(status, page);
  }
  Result<PageOf<domain::WalletSnapshot>> list_wallets(const Page& page) override {
    return reader_.list_wallets(page);
  }
  Status scan_holds(std::int64_t from_elapsed_ms,
                    const std::function<bool(const domain::LiveHold&)>& visit) override {
    return reader_.scan_holds(from_elapsed_ms, visit);
  }
  Result<PageOf<domain::NamedState>> list_state(std::string_view prefix,
                                                const Page& page) override {
    return reader_.list_state(prefix, page);
  }
  Status scan_positions(Seq from,
                        const std::function<bool(const domain::OutboxPosition&)>& visit) override {
    return reader_.scan_positions(from, visit);
  }
  Result<std::uint64_t> chain_at(Seq seq) override { return reader_.chain_at(seq); }
  Status scan_dead(Seq from, const std::function<bool(const domain::DeadEntry&)>& visit) override {
    return reader_.scan_dead(from, visit);
  }
  Result<std::uint64_t> count_dead() override { return progress_->dead(); }

  // domain::IdentityKeeper
  const domain::StoreIdentity& identity() const override { return identity_; }
  Status remember(const domain::StoreIdentity& identity, std::string_view decision) override;
  Result<std::uint64_t> take_epoch_above(std::uint64_t above) override {
    return take_epoch(*database_, identity_, above);
  }
  Result<std::string> decisions() const override { return read_decisions(*database_); }

  // OutboxStore
  std::uint64_t epoch() const override { return epoch_; }
  OutboxProgress progress_at_open() const override { return opened_at_; }
  OutboxProgress durable_progress() const override {
    // The watermark first: it never passes a head that is read after it.
    const Seq completed = progress_->completed();
    return {progress_->last_seq() + 1, completed};
  }
  const std::vector<domain::SeqRange>& complete_above_at_open() const override {
    return complete_above_;
  }
  const domain::ElapsedTime& elapsed() const override { return elapsed_; }
  const StoreRecovery& recovery() const override { return recovery_; }
  Result<StoreStats> stats() override;
  Result<VerifyReport> verify() override { return verify_store(*database_, *progress_); }
  Status compact() override { return collector_.collect_all(); }
  Status collect() override { return collector_.step(); }
  Status stop_compacting() override { return database_->stop_compacting(); }

 private:
  // Constant after construction.
  const StoreOptions options_;
  const RunningTime elapsed_;
  const std::vector<domain::SeqRange> complete_above_;
  const StoreRecovery recovery_;
  const std::uint64_t epoch_;
  const OutboxProgress opened_at_;

  // Any thread.
  const std::shared_ptr<DurableProgress> progress_;
  const std::unique_ptr<Database> database_;
  const DurableScans reader_;

  Collector collector_;  // one background thread

  // Core thread only.
  domain::StoreIdentity identity_;
  GroupBuilder builder_;
  UnitOfWork work_;
};

Status RocksOutboxStore::remember(const domain::StoreIdentity& identity,
                                  std::string_view decision) {
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  put_identity(*database_, identity, batch);
  if (!decision.empty()) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string before, read_decisions(*database_));
    put_decision(*database_, before, decision, batch);
  }
  OUTBOXD_TRY(database_->write_synced(batch));
  identity_ = identity;
  return domain::ok_status();
}

Result<StoreStats> RocksOutboxStore::stats() {
  const DatabaseSizes sizes = database_->sizes();
  const OutboxProgress durable = durable_progress();
  StoreStats stats{.disk_bytes = sizes.disk_bytes,
                   .log_bytes = sizes.log_bytes,
                   .memory_bytes = sizes.memory_bytes,
                   .pending_entries = durable.next_seq - 1 - durable.completed_seq};
  const Status status = scan_outbox(0, [&](const domain::OutboxEntry& oldest) {
    stats.oldest_pending_time_ms = oldest.time_ms;
    return false;
  });
  // The other figures are right where the outbox is damaged.
  if (!status && status.error().code != domain::ErrorCode::kDamaged) return status.error();
  return stats;
}

// The chain goes on from the newest position. Where that cannot be read, it starts anew: the store
// opens, and whoever reads the outbox comes upon the damage.
std::uint64_t newest_chain(const Database& database, const Position& position) {
  if (position.head.last_seq == position.completed) return position.completed_chain;
  const Result<std::uint64_t> chain = chain_at(database, position.head.last_seq);
  return chain ? *chain : kNoChain;
}

// Also sets `position` right, which has counted what the lost commits did to the dead letters.
Result<StoreRecovery> finish_recovery(Database& database, const StoreOptions& options,
                                      Position& position) {
  const RecoveryReport& report = database.recovery();
  StoreRecovery recovery{.torn_tail_dropped = report.torn_tail_dropped, .mended = report.mended};
  if (!options.repair) return recovery;
  OUTBOXD_TRY(check_tables(database));
  recovery.copy_directory = report.copy_directory;
  for (const LogDamage& damage : report.lost) {
    const bool is_end = damage.batch_after.empty();
    recovery.damages.push_back(
        {.file = damage.file,
         .offset = damage.offset,
         .what = damage.what,
         .events = events_between(database, damage, is_end ? position.head.last_seq : 0),
         .after = is_end ? std::optional(position.head.last_seq) : std::nullopt});
  }
  OUTBOXD_ASSIGN_OR_RETURN(std::vector<SeqRange> holes, find_holes(database, position));
  OUTBOXD_ASSIGN_OR_RETURN(UnsoundPositions unsound, find_unsound(database, position));
  recovery.lost = merge(std::move(holes), unsound.undecodable);
  recovery.unchained = std::move(unsound.breaks);
  OUTBOXD_TRY(forget_chains(database, recovery.unchained));
  OUTBOXD_TRY(count_dead_again(database, position.head));
  if (options.lost_entry) {
    const auto stamped_entry = [&](Seq seq) {
      domain::OutboxEntry entry = options.lost_entry(seq);
      entry.elapsed_ms = position.head.elapsed_ms;
      return entry;
    };
    OUTBOXD_TRY(fill_holes(database, recovery.lost, stamped_entry));
    recovery.lost_entries_replaced = !recovery.lost.empty();
  }
  return recovery;
}

}  // namespace

Result<std::unique_ptr<OutboxStore>> OutboxStore::open(StoreOptions options) {
  OUTBOXD_CHECK(options.clock != nullptr);
  auto progress = std::make_shared<DurableProgress>();
  DatabaseOptions database_options{.path = options.path,
                                   .format_name = "outboxd",
                                   .env = options.env,
                                   .repair = options.repair,
                                   .on_damage = options.on_damage};
  for (const char* name : kFamilyNames) database_options.families.push_back({.name = name});
  database_options.families[static_cast<std::size_t>(Family::kState)].kinds = true;
  auto& outbox = database_options.families[static_cast<std::size_t>(Family::kOutbox)];
  outbox.queue = true;
  outbox.filter = completed_entries_filter(progress);
  auto& requests = database_options.families[static_cast<std::size_t>(Family::kRequests)];
  requests.filter = expired_requests_filter(*options.clock, options.request_ttl_ms);
  database_options.families[static_cast<std::size_t>(Family::kInbox)].filter =
      expired_marks_filter(progress, options.mark_ttl_ms);
  database_options.families[static_cast<std::size_t>(Family::kDead)].filter =
      removed_letters_filter(progress);

  OUTBOXD_ASSIGN_OR_RETURN(auto database, Database::open(std::move(database_options)));
  OUTBOXD_ASSIGN_OR_RETURN(
      domain::StoreIdentity identity,
      settle_identity(*database, options.path, {options.producer, options.host}));
  OUTBOXD_ASSIGN_OR_RETURN(Position position, read_position(*database));
  OUTBOXD_ASSIGN_OR_RETURN(std::vector<domain::SeqRange> complete_above,
                           read_complete_above(*database, position));
  OUTBOXD_ASSIGN_OR_RETURN(StoreRecovery recovery, finish_recovery(*database, options, position));
  position.chain = newest_chain(*database, position);
  OUTBOXD_ASSIGN_OR_RETURN(const std::uint64_t epoch, take_epoch(*database, identity, 0));
  progress->publish(position.head.last_seq, position.completed, position.head.dead,
                    position.head.elapsed_ms);
  return std::unique_ptr<OutboxStore>(std::make_unique<RocksOutboxStore>(
      std::move(options), std::move(database), std::move(progress), position,
      std::move(complete_above), std::move(identity), epoch, std::move(recovery)));
}

}  // namespace outboxd::storage
