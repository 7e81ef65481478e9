#include "storage/database/database.h"

#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/listener.h>

#include "storage/database/manifest_recovery.h"
#include "storage/database/preallocated_logs.h"
#include "storage/database/tuning.h"
#include "storage/database/wal_recovery.h"

namespace outboxd::storage {

using domain::Error;
using domain::Result;
using domain::Status;

namespace {

constexpr std::string_view kFormatKey = "format";

std::string format_record(const DatabaseOptions& options) {
  return fmt::format("{} {}", options.format_name, options.format_version);
}

// True if nothing was ever committed in `directory`, be it because a power cut hit its creation.
Result<bool> is_new(rocksdb::Env& env, const std::string& directory) {
  if (env.FileExists(directory + "/CURRENT").ok()) return false;
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  for (const std::string& name : names) {
    if (name.ends_with(".sst")) {
      return Error{.message = fmt::format("{} has table files ({}) but no file CURRENT. It was "
                                          "damaged from outside; restore a backup.",
                                          directory, name)};
    }
  }
  return true;
}

// RocksDB syncs its own directory but not the one that holds its name.
rocksdb::Status sync_parent(rocksdb::Env& env, const std::string& path) {
  const auto parent = std::filesystem::absolute(path).lexically_normal().parent_path();
  std::unique_ptr<rocksdb::Directory> directory;
  auto status = env.NewDirectory(parent.string(), &directory);
  return status.ok() ? directory->Fsync() : status;
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
      failure_(std::make_shared<FailureLatch>(options_.on_damage)) {}

Database::~Database() {
  if (db_) {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
    db_.reset();
  }
  if (lock_ != nullptr) env_->UnlockFile(lock_).PermitUncheckedError();
}

Result<std::unique_ptr<Database>> Database::open(DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  OUTBOXD_TRY(database->lock_directory());
  const std::string& path = database->options_.path;
  OUTBOXD_ASSIGN_OR_RETURN(const bool fresh, is_new(*database->env_, path));
  if (!fresh) {
    OUTBOXD_ASSIGN_OR_RETURN(const bool torn, recover_manifest(*database->env_, path));
    OUTBOXD_ASSIGN_OR_RETURN(database->recovery_,
                             recover_wal(*database->env_, path, database->options_.repair));
    database->recovery_.torn_tail_dropped |= torn;
  }
  OUTBOXD_TRY(database->open_families());
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
    error.message += "; another process may have it open";
    return error;
  }
  return domain::ok_status();
}

Status Database::open_families() {
  const auto cache = rocksdb::NewLRUCache(options_.memory.block_cache_bytes, 2);
  rocksdb::DBOptions db_options = tuned_db_options(options_, env_, cache);
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
    return Error{.message = options_.path + " is a RocksDB directory of some other program"};
  }
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  batch.Put(handles_[0], kFormatKey, format_record(options_)).PermitUncheckedError();
  return write_synced(batch);
}

rocksdb::ColumnFamilyHandle* Database::family(std::size_t index) const {
  OUTBOXD_CHECK(index + 1 < handles_.size());
  return handles_[index + 1];
}

Status Database::write_synced(rocksdb::WriteBatch& batch) {
  OUTBOXD_TRY(failure_->state());
  rocksdb::WriteOptions options;
  options.sync = true;
  options.protection_bytes_per_key = kProtectionBytes;
  if (const auto status = db_->Write(options, &batch); !status.ok()) {
    failure_->fail(to_error("write the log", status));
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
