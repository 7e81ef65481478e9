#include "storage/database/log_watch.h"

#include <string>
#include <utility>

#include <rocksdb/file_system.h>

#include "storage/database/file_names.h"

namespace outboxd::storage {
namespace {

// The record that RocksDB itself puts into a new log after a recovery: a fragment's header and that
// of a batch without operations. A log that has no more has nothing to lose.
constexpr std::uint64_t kEmptyRecordBytes = 7 + 12;

// The thread contract of FSWritableFile: RocksDB never appends and syncs a log at the same time
// unless it writes without syncing, which this project does not.
class WatchedLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedLog(std::unique_ptr<rocksdb::FSWritableFile> file, std::uint64_t number,
             std::shared_ptr<LogWatch> watch)
      : FSWritableFileOwnerWrapper(std::move(file)), number_(number), watch_(std::move(watch)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    written_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    written_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    return note(FSWritableFileOwnerWrapper::Sync(options, debug));
  }

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    return note(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 private:
  rocksdb::IOStatus note(rocksdb::IOStatus status) {
    if (!is_noted_ && status.ok() && written_ > kEmptyRecordBytes) {
      is_noted_ = true;
      watch_->note_synced(number_);
    }
    return status;
  }

  const std::uint64_t number_;
  const std::shared_ptr<LogWatch> watch_;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<bool> is_noted_{false};
};

class WatchedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  WatchedFileSystem(std::shared_ptr<rocksdb::FileSystem> target, std::shared_ptr<LogWatch> watch)
      : FileSystemWrapper(std::move(target)), watch_(std::move(watch)) {}

  const char* Name() const override { return "WatchedFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(path, options, file, debug);
    if (!status.ok()) return status;
    if (const auto number = log_number(path)) {
      *file = std::make_unique<WatchedLog>(std::move(*file), *number, watch_);
    }
    return status;
  }

  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (const auto number = log_number(path)) watch_->note_removed(*number);
    return FileSystemWrapper::DeleteFile(path, options, debug);
  }

 private:
  const std::shared_ptr<LogWatch> watch_;
};

// RocksDB asks an Env for its file system and its clock, and goes past the Env's own functions.
class WatchedEnv final : public rocksdb::EnvWrapper {
 public:
  WatchedEnv(rocksdb::Env* target, std::shared_ptr<LogWatch> watch) : EnvWrapper(target) {
    file_system_ = std::make_shared<WatchedFileSystem>(target->GetFileSystem(), std::move(watch));
    system_clock_ = target->GetSystemClock();
  }
};

}  // namespace

std::vector<std::uint64_t> LogWatch::holding() {
  const std::lock_guard lock(mutex_);
  has_news_.store(false, std::memory_order_release);
  return {logs_.begin(), logs_.end()};
}

void LogWatch::note_synced(std::uint64_t log) {
  const std::lock_guard lock(mutex_);
  if (logs_.insert(log).second) has_news_.store(true, std::memory_order_release);
}

void LogWatch::note_removed(std::uint64_t log) {
  const std::lock_guard lock(mutex_);
  logs_.erase(log);
}

std::unique_ptr<rocksdb::Env> watch_logs(rocksdb::Env* env, std::shared_ptr<LogWatch> watch) {
  return std::make_unique<WatchedEnv>(env, std::move(watch));
}

}  // namespace outboxd::storage
