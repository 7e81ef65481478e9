#include "storage/database/database.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/listener.h>

#include "storage/database/log_watch.h"
#include "storage/database/manifest_recovery.h"
#include "storage/database/preallocated_logs.h"
#include "storage/database/store_file.h"
#include "storage/database/tuning.h"
#include "storage/database/wal_recovery.h"
#include "storage/database/wal_scan.h"

namespace outboxd::storage {

using domain::Error;
using domain::Result;
using domain::Status;

namespace {

constexpr std::string_view kFormatKey = "format";

// RocksDB's tag and the length, before the mark in a batch.
constexpr std::size_t kMarkHeaderBytes = 2;

std::string format_record(const DatabaseOptions& options) {
  return fmt::format("{} {}", options.format_name, options.format_version);
}

// The first of RocksDB's or our own files in `directory` that only a database in use has, or
// nothing. A MANIFEST alone is none: a power cut during the creation leaves one.
Result<std::optional<std::string>> find_trace_of_use(rocksdb::Env& env,
                                                     const std::string& directory) {
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name.ends_with(".sst") || name == kStoreFileName) return std::optional(name);
  }
  OUTBOXD_ASSIGN_OR_RETURN(const bool has_log, has_logged_anything(env, directory));
  return has_log ? std::optional<std::string>("a log with writes") : std::nullopt;
}

// Why the lock could not be taken, in words that begin with "; ". RocksDB keeps no error number.
std::string_view why_not_locked(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (says("Read-only file system")) {
    return "; the file system is mounted read-only, as the kernel does after an error of the disk";
  }
  if (says("Permission denied")) return "; the user of this process may not write there";
  if (status.IsNoSpace()) return "";
  if (says("lock hold by current process") || says("While lock file") || says("lock is held")) {
    return "; another process has it open";
  }
  return "";
}

// RocksDB syncs its own directory but not the one that holds its name.
rocksdb::Status sync_parent(rocksdb::Env& env, const std::string& path) {
  const auto parent = std::filesystem::absolute(path).lexically_normal().parent_path();
  std::unique_ptr<rocksdb::Directory> directory;
  auto status = env.NewDirectory(parent.string(), &directory);
  return status.ok() ? directory->Fsync() : status;
}

// The MANIFEST in use, and how much of it is synced.
Result<KnownManifest> live_manifest(rocksdb::DB& db) {
  std::vector<std::string> files;
  KnownManifest manifest;
  const auto status = db.GetLiveFiles(files, &manifest.bytes, /*flush_memtable=*/false);
  if (!status.ok()) return to_error("ask for the MANIFEST", status);
  for (const std::string& file : files) {
    manifest.number = std::max(
        manifest.number, manifest_number(file.substr(file.find_first_not_of('/'))).value_or(0));
  }
  return manifest;
}

}  // namespace

Error to_error(std::string_view doing, const rocksdb::Status& status) {
  Error error{.message = fmt::format("cannot {}: {}", doing, status.ToString())};
  if (status.IsNoSpace()) error.code = domain::ErrorCode::kStorageFull;
  if (status.IsCorruption()) error.code = domain::ErrorCode::kDamaged;
  return error;
}

// Remembers the first failure, and keeps RocksDB from getting over it by itself: what was written
// around it may be there or not, and only a reopening finds out.
class FailureLatch : public rocksdb::EventListener {
 public:
  explicit FailureLatch(std::function<void(const Error&)> on_damage)
      : on_damage_(std::move(on_damage)) {}

  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_.store(true, std::memory_order_release);
  }

  Status state() const {
    if (!failed_.load(std::memory_order_acquire)) return domain::ok_status();
    const std::lock_guard lock(mutex_);
    return *error_;
  }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    // A compaction that comes upon damage has written nothing that counts: the tables are as they
    // were, and the log can be written.
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption() &&
        on_damage_) {
      on_damage_(to_error("rewrite the tables", *status));
      *status = rocksdb::Status::OK();
      return;
    }
    fail(to_error("go on writing", *status));
  }

  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  const std::function<void(const Error&)> on_damage_;
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

Database::Database(DatabaseOptions options)
    : options_(std::move(options)),
      own_env_(options_.env != nullptr ? nullptr
                                       : rocksdb::NewCompositeEnv(with_preallocated_logs(
                                             rocksdb::Env::Default()->GetFileSystem()))),
      env_(own_env_ ? own_env_.get() : options_.env),
      log_watch_(std::make_shared<LogWatch>()),
      watched_env_(watch_logs(env_, log_watch_)),
      failure_(std::make_shared<FailureLatch>(options_.on_damage)) {}

Database::~Database() {
  if (db_) {
    // A clean close: nothing that was acknowledged may be missing when the next start comes. If
    // this cannot be said, the next start knows less, and no harm is done.
    if (store_file_ && failure_->state()) static_cast<void>(write_store());
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
    db_.reset();
  }
  if (lock_ != nullptr) env_->UnlockFile(lock_).PermitUncheckedError();
}

Result<std::unique_ptr<Database>> Database::open(DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  OUTBOXD_TRY(database->lock_directory());
  OUTBOXD_ASSIGN_OR_RETURN(const bool is_there, database->find_database());
  if (is_there) OUTBOXD_TRY(database->recover());
  if (!database->store_file_) {
    OUTBOXD_ASSIGN_OR_RETURN(StoreFile fresh, new_store_file());
    database->store_file_ = std::make_unique<StoreFile>(std::move(fresh));
  }
  database->mark_ = mark_in_batch(*database->store_file_);
  OUTBOXD_TRY(database->open_families());
  // Only now: a directory with STORE and without RocksDB's files is one that has lost them. And a
  // repair is over only when what it went on with is open.
  if (!database->has_store_file_ || database->options_.repair) OUTBOXD_TRY(database->write_store());
  OUTBOXD_TRY(database->check_format());
  return database;
}

// RocksDB locks the directory too, but only after we have read and maybe mended its log.
Status Database::lock_directory() {
  const std::string& path = options_.path;
  if (!env_->FileExists(path).ok()) {
    auto status = env_->CreateDirIfMissing(path);
    if (status.ok()) status = sync_parent(*env_, path);
    if (!status.ok()) return to_error("create " + path, status);
  }
  if (const auto status = env_->LockFile(path + "/owner.lock", &lock_); !status.ok()) {
    Error error = to_error("lock " + path, status);
    error.message += why_not_locked(status);
    return error;
  }
  return domain::ok_status();
}

// False if nothing was ever committed in the directory, be it because a power cut hit its creation.
// Mends CURRENT when that is possible and allowed.
Result<bool> Database::find_database() {
  const std::string& path = options_.path;
  OUTBOXD_ASSIGN_OR_RETURN(const bool usable, is_current_usable(*env_, path));
  if (usable) return true;
  const bool exists = !env_->FileExists(path + "/CURRENT").IsNotFound();
  OUTBOXD_ASSIGN_OR_RETURN(const auto trace, find_trace_of_use(*env_, path));
  if (!exists && !trace) return false;
  const std::string problem =
      exists ? fmt::format("{}/CURRENT is damaged: it names no MANIFEST that is there", path)
             : fmt::format("{} has {}, but no file CURRENT", path, *trace);
  OUTBOXD_ASSIGN_OR_RETURN(const auto manifest, find_whole_manifest(*env_, path));
  if (!manifest) {
    return Error{.message = problem +
                            ", and no MANIFEST is whole. It was damaged from outside; "
                            "restore a backup. Nothing was changed."};
  }
  if (!options_.repair) {
    return Error{.message =
                     fmt::format("{}. {} is whole: run with --repair to write CURRENT anew "
                                 "and to see whether something is lost. Nothing was changed.",
                                 problem, *manifest)};
  }
  OUTBOXD_TRY(write_current(*env_, path, *manifest));
  recovery_.mended.push_back("CURRENT was written anew and names " + *manifest);
  return true;
}

Status Database::read_store() {
  OUTBOXD_ASSIGN_OR_RETURN(StoreFileOnDisk found, read_store_file(*env_, options_.path));
  has_store_file_ = found.exists;
  if (!found.exists) return domain::ok_status();
  if (found.content) {
    store_file_ = std::make_unique<StoreFile>(*std::move(found.content));
    return domain::ok_status();
  }
  if (!options_.repair) {
    return Error{.message =
                     fmt::format("{}/{} is damaged. It says which log files must be there, so "
                                 "a missing one would not be noticed now. Restore a backup, "
                                 "or run with --repair to go on with the logs that are "
                                 "there. Nothing was changed.",
                                 options_.path, kStoreFileName)};
  }
  recovery_.mended.push_back(fmt::format(
      "{} was written anew; whether a log file is missing could not be told", kStoreFileName));
  return domain::ok_status();
}

Status Database::recover() {
  OUTBOXD_TRY(read_store());
  OUTBOXD_ASSIGN_OR_RETURN(const Catalogue catalogue,
                           recover_manifest(*env_, options_.path,
                                            store_file_ ? store_file_->manifest : KnownManifest{}));
  LogExpectations expected{.oldest_log = catalogue.oldest_log,
                           .last_sequence = catalogue.last_sequence};
  if (store_file_) {
    expected.mark = mark_in_batch(*store_file_);
    expected.durable_sequence = store_file_->durable_sequence;
    expected.logs = store_file_->logs;
  }
  OUTBOXD_ASSIGN_OR_RETURN(RecoveryReport report,
                           recover_wal(*env_, options_.path, expected, options_.repair));
  report.torn_tail_dropped |= catalogue.torn_tail_dropped;
  report.mended = std::move(recovery_.mended);
  recovery_ = std::move(report);
  return domain::ok_status();
}

// Notes what is durable now, and in which logs. The mutex is held, or nobody else is there yet. A
// log that was removed is left out before that is durable: the MANIFEST tells that it is not
// needed.
Status Database::write_store() {
  const std::uint64_t begun = log_watch_->logs_begun();
  store_file_->logs = log_watch_->holding();
  store_file_->durable_sequence = db_->GetLatestSequenceNumber();
  OUTBOXD_ASSIGN_OR_RETURN(store_file_->manifest, live_manifest(*db_));
  OUTBOXD_TRY(write_store_file(*env_, options_.path, *store_file_));
  logs_listed_.store(begun, std::memory_order_release);
  return domain::ok_status();
}

// Before anybody is told of a write: from now on the log that it is in must not get lost.
Status Database::list_new_logs() {
  const auto is_listed = [this] {
    return logs_listed_.load(std::memory_order_acquire) == log_watch_->logs_begun();
  };
  if (is_listed()) return domain::ok_status();
  const std::lock_guard lock(store_file_mutex_);
  return is_listed() ? domain::ok_status() : write_store();
}

Status Database::open_families() {
  const auto cache = rocksdb::NewLRUCache(options_.memory.block_cache_bytes, 2);
  rocksdb::DBOptions db_options = tuned_db_options(options_, watched_env_.get(), cache);
  db_options.listeners.push_back(failure_);

  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName,
                        tuned_family_options({}, options_.memory, cache));
  for (const FamilyOptions& family : options_.families) {
    families.emplace_back(family.name, tuned_family_options(family, options_.memory, cache));
  }
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(db_options, options_.path, families, &handles_, &opened);
  if (!status.ok()) {
    Error error = to_error("open " + options_.path, status);
    if (status.IsCorruption()) {
      error.message += ". Nothing was changed; restore a backup of this directory.";
    } else if (status.IsInvalidArgument()) {
      error.message += ". It may have been written by a newer version.";
    }
    return error;
  }
  db_.reset(opened);
  return failure_->state();
}

Status Database::check_format() {
  std::string found;
  const auto status = db_->Get(rocksdb::ReadOptions(), handles_[0], kFormatKey, &found);
  if (status.ok()) {
    if (found == format_record(options_)) return domain::ok_status();
    return Error{.message = fmt::format("{} holds '{}', and this program reads '{}'", options_.path,
                                        found, format_record(options_))};
  }
  if (!status.IsNotFound()) return to_error("read the format of " + options_.path, status);
  if (db_->GetLatestSequenceNumber() != 0) {
    if (!has_store_file_ || !options_.repair) {
      return Error{.message = options_.path + " is a RocksDB directory of some other program"};
    }
    recovery_.mended.emplace_back("the format was noted anew: it was in a log that is gone");
  }
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  begin_batch(batch);
  batch.Put(handles_[0], kFormatKey, format_record(options_)).PermitUncheckedError();
  return write_synced(batch);
}

rocksdb::ColumnFamilyHandle* Database::family(std::size_t index) const {
  OUTBOXD_CHECK(index + 1 < handles_.size());
  return handles_[index + 1];
}

void Database::begin_batch(rocksdb::WriteBatch& batch) const {
  batch.Clear();
  const rocksdb::Slice mark(mark_.data() + kMarkHeaderBytes, mark_.size() - kMarkHeaderBytes);
  OUTBOXD_CHECK(batch.PutLogData(mark).ok());
}

Status Database::write_synced(rocksdb::WriteBatch& batch) {
  OUTBOXD_TRY(failure_->state());
  rocksdb::WriteOptions options;
  options.sync = true;
  options.protection_bytes_per_key = kProtectionBytes;
  rocksdb::Status status;
  if (batch.Data().compare(kBatchHeaderBytes, mark_.size(), mark_) == 0) {
    status = db_->Write(options, &batch);
  } else {
    std::string bytes = batch.Data();
    rocksdb::WriteBatch marked(bytes.insert(kBatchHeaderBytes, mark_));
    status = db_->Write(options, &marked);
  }
  if (!status.ok()) {
    failure_->fail(to_error("write the log", status));
  } else if (Status listed = list_new_logs(); !listed) {
    failure_->fail(std::move(listed).error());
  }
  return failure_->state();
}

Status Database::health() const {
  return failure_->state();
}

Status Database::flush() {
  OUTBOXD_TRY(failure_->state());
  if (const auto status = db_->Flush(rocksdb::FlushOptions(), handles_); !status.ok()) {
    return to_error("flush", status);
  }
  return domain::ok_status();
}

Status Database::compact(std::size_t index, std::string_view last_key) {
  OUTBOXD_TRY(failure_->state());
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const rocksdb::Slice end(last_key);
  const auto status =
      db_->CompactRange(options, family(index), nullptr, last_key.empty() ? nullptr : &end);
  if (!status.ok()) return to_error("compact", status);
  return domain::ok_status();
}

Status Database::stop_compacting() {
  for (auto* handle : handles_) {
    const auto status = db_->SetOptions(handle, {{"disable_auto_compactions", "true"}});
    if (!status.ok()) return to_error("stop compacting", status);
  }
  return domain::ok_status();
}

DatabaseSizes Database::sizes() const {
  DatabaseSizes sizes;
  const auto sum = [this](const std::string& property) {
    std::uint64_t value = 0;
    std::uint64_t total = 0;
    for (auto* handle : handles_) {
      if (db_->GetIntProperty(handle, property, &value)) total += value;
    }
    return total;
  };
  rocksdb::VectorLogPtr logs;
  if (db_->GetSortedWalFiles(logs).ok()) {
    for (const auto& log : logs) sizes.log_bytes += log->SizeFileBytes();
  }
  sizes.disk_bytes = sum(rocksdb::DB::Properties::kTotalSstFilesSize) + sizes.log_bytes;
  std::uint64_t cached = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kBlockCacheUsage, &cached);
  sizes.memory_bytes = sum(rocksdb::DB::Properties::kCurSizeAllMemTables) + cached +
                       sum(rocksdb::DB::Properties::kEstimateTableReadersMem);
  return sizes;
}

}  // namespace outboxd::storage
