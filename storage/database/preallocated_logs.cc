#include "storage/database/preallocated_logs.h"

#include <cstdint>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace outboxd::storage {
namespace {

constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20;

// The thread contract of FSWritableFile: one thread at a time.
class PreallocatedLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  // Takes `fd`, a second descriptor of the same file.
  PreallocatedLog(std::unique_ptr<rocksdb::FSWritableFile> file, int fd)
      : FSWritableFileOwnerWrapper(std::move(file)), fd_(fd) {}

  ~PreallocatedLog() override { cut_to_written(); }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    allocate_for(data.size());
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    allocate_for(data.size());
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }

  // RocksDB's own way of reserving, which is what this class replaces.
  void PrepareWrite(std::size_t, std::size_t, const rocksdb::IOOptions&,
                    rocksdb::IODebugContext*) override {}

  rocksdb::IOStatus Close(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    cut_to_written();
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

 private:
  // What fails here is only slower: a disk that is full says so at the write itself.
  void allocate_for(std::size_t bytes) {
    written_ += bytes;
    if (written_ <= allocated_) return;
    const std::uint64_t wanted = (written_ / kStepBytes + 1) * kStepBytes;
    const auto from = static_cast<off_t>(allocated_);
    if (fallocate(fd_, 0, from, static_cast<off_t>(wanted - allocated_)) == 0) allocated_ = wanted;
  }

  void cut_to_written() {
    if (fd_ < 0) return;
    if (allocated_ > written_ && ftruncate(fd_, static_cast<off_t>(written_)) != 0) {
      // Zeros stay behind the log, and its readers know them.
    }
    close(std::exchange(fd_, -1));
  }

  int fd_;
  std::uint64_t written_ = 0;
  std::uint64_t allocated_ = 0;
};

class FileSystemWithPreallocatedLogs final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "FileSystemWithPreallocatedLogs"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(path, options, file, debug);
    if (!status.ok() || !path.ends_with(".log")) return status;
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd >= 0) *file = std::make_unique<PreallocatedLog>(std::move(*file), fd);
    return status;
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> with_preallocated_logs(
    std::shared_ptr<rocksdb::FileSystem> target) {
  return std::make_shared<FileSystemWithPreallocatedLogs>(std::move(target));
}

}  // namespace outboxd::storage
