#include "storage/database/log_watch.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <rocksdb/file_system.h>

#include "storage/database/file_names.h"

namespace outboxd::storage {
namespace {

// A fragment's header and that of a batch: as many bytes as the record has that RocksDB itself puts
// into a new log after a recovery, which has no operations.
constexpr std::size_t kHeadersBytes = 7 + 12;

std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}

// The sequence number of the first write in a log that begins with `bytes`, or nothing if they hold
// none.
std::optional<std::uint64_t> first_sequence_in(std::string_view bytes) {
  for (std::size_t at = 0; at + kHeadersBytes <= bytes.size(); at += kHeadersBytes) {
    if (number_at(bytes, at + 15, 4) != 0) return number_at(bytes, at + 7, 8);
  }
  return std::nullopt;
}

// The thread contract of FSWritableFile: RocksDB never appends and syncs a log at the same time
// unless it writes without syncing, which this project does not.
class WatchedLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedLog(std::unique_ptr<rocksdb::FSWritableFile> file, std::uint64_t number,
             std::shared_ptr<LogWatch> watch)
      : FSWritableFileOwnerWrapper(std::move(file)), number_(number), watch_(std::move(watch)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    keep_beginning(data);
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    keep_beginning(data);
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
  // Enough for RocksDB's own record and the headers of the next one.
  void keep_beginning(const rocksdb::Slice& data) {
    const std::size_t room = 2 * kHeadersBytes - beginning_.size();
    beginning_.append(data.data(), std::min(room, data.size()));
  }

  rocksdb::IOStatus note(rocksdb::IOStatus status) {
    if (is_noted_ || !status.ok()) return status;
    if (const auto first = first_sequence_in(beginning_)) {
      is_noted_ = true;
      watch_->note_synced({number_, *first});
    }
    return status;
  }

  const std::uint64_t number_;
  const std::shared_ptr<LogWatch> watch_;
  std::string beginning_;
  bool is_noted_ = false;
};

class WatchedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  WatchedFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target,
                    std::shared_ptr<LogWatch> watch)
      : FileSystemWrapper(target), watch_(std::move(watch)) {}

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

std::vector<ListedLog> LogWatch::holding() {
  const std::lock_guard lock(mutex_);
  std::vector<ListedLog> logs;
  for (const auto& [number, log] : logs_) logs.push_back(log);
  return logs;
}

void LogWatch::note_synced(const ListedLog& log) {
  const std::lock_guard lock(mutex_);
  if (logs_.emplace(log.number, log).second) {
    logs_begun_.fetch_add(1, std::memory_order_release);
  }
}

void LogWatch::note_removed(std::uint64_t log) {
  const std::lock_guard lock(mutex_);
  logs_.erase(log);
}

std::unique_ptr<rocksdb::Env> watch_logs(rocksdb::Env* env, std::shared_ptr<LogWatch> watch) {
  return std::make_unique<WatchedEnv>(env, std::move(watch));
}

}  // namespace outboxd::storage
