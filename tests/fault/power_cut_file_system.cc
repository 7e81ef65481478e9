#include "tests/fault/power_cut_file_system.h"

#include <algorithm>
#include <utility>

#include <rocksdb/env.h>

#include "tests/fault/live_disk.h"

namespace outboxd::fault {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::uint64_t kFreeSpaceBytes = std::uint64_t{1} << 34;

// RocksDB joins paths freely ("dir//file", "dir/").
std::string tidy(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  }
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

// RocksDB's own log is for people; nothing is recovered from it.
class Silence : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
  size_t GetLogFileSize() const override { return 0; }
};

class HeldLock : public rocksdb::FileLock {
 public:
  explicit HeldLock(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

class SequentialFile : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(std::shared_ptr<LiveDisk> disk, LiveDisk::FilePtr file)
      : disk_(std::move(disk)), file_(std::move(file)) {}

  IOStatus Read(std::size_t size, const IOOptions& /*options*/, Slice* result, char* scratch,
                IODebugContext* /*debug*/) override {
    IOStatus status = disk_->read(*file_, offset_, size, result, scratch);
    if (status.ok()) offset_ += result->size();
    return status;
  }

  IOStatus Skip(std::uint64_t size) override {
    offset_ += size;
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<LiveDisk> disk_;
  const LiveDisk::FilePtr file_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile : public rocksdb::FSRandomAccessFile {
 public:
  RandomAccessFile(std::shared_ptr<LiveDisk> disk, LiveDisk::FilePtr file)
      : disk_(std::move(disk)), file_(std::move(file)) {}

  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions& /*options*/, Slice* result,
                char* scratch, IODebugContext* /*debug*/) const override {
    return disk_->read(*file_, offset, size, result, scratch);
  }

 private:
  const std::shared_ptr<LiveDisk> disk_;
  const LiveDisk::FilePtr file_;
};

class WritableFile : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::shared_ptr<LiveDisk> disk, LiveDisk::FilePtr file, std::string path,
               const FileOptions& options)
      : FSWritableFile(options),
        disk_(std::move(disk)),
        file_(std::move(file)),
        path_(std::move(path)),
        allocation_grows_file_(options.allow_fallocate && !options.fallocate_with_keep_size),
        end_(disk_->size_of(*file_)) {}

  // RocksDB closes what it has finished; a file that only goes out of scope was given up.
  ~WritableFile() override = default;

  using FSWritableFile::Append;
  using FSWritableFile::PositionedAppend;

  IOStatus Append(const Slice& data, const IOOptions& /*options*/,
                  IODebugContext* /*debug*/) override {
    IOStatus status = disk_->write(*file_, path_, end_, data);
    if (status.ok()) end_ += data.size();
    return status;
  }

  IOStatus PositionedAppend(const Slice& data, std::uint64_t offset, const IOOptions& /*options*/,
                            IODebugContext* /*debug*/) override {
    IOStatus status = disk_->write(*file_, path_, offset, data);
    if (status.ok()) end_ = std::max(end_, offset + data.size());
    return status;
  }

  IOStatus Truncate(std::uint64_t size, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    end_ = size;
    return disk_->truncate(*file_, path_, size);
  }

  // As the system's own does: what was allocated beyond the end goes back.
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    if (disk_->size_of(*file_) > end_) {
      if (IOStatus status = disk_->truncate(*file_, path_, end_); !status.ok()) return status;
    }
    disk_->note(Operation::Kind::kClose, *file_, path_);
    return IOStatus::OK();
  }

  IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }

  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return disk_->sync(*file_, path_);
  }

  // sync_file_range() starts writing and promises nothing.
  IOStatus RangeSync(std::uint64_t /*offset*/, std::uint64_t /*size*/, const IOOptions& options,
                     IODebugContext* debug) override {
    if (strict_bytes_per_sync_) return Sync(options, debug);
    disk_->note(Operation::Kind::kIgnored, *file_, path_);
    return IOStatus::OK();
  }

  IOStatus Allocate(std::uint64_t offset, std::uint64_t size, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    if (!allocation_grows_file_ || disk_->size_of(*file_) >= offset + size) return IOStatus::OK();
    return disk_->truncate(*file_, path_, offset + size);
  }

  bool IsSyncThreadSafe() const override { return true; }

  std::uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return end_;
  }

 private:
  const std::shared_ptr<LiveDisk> disk_;
  const LiveDisk::FilePtr file_;
  const std::string path_;
  const bool allocation_grows_file_;
  std::uint64_t end_;
};

class Directory : public rocksdb::FSDirectory {
 public:
  Directory(std::shared_ptr<LiveDisk> disk, std::string path)
      : disk_(std::move(disk)), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return disk_->sync_directory(path_);
  }

  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<LiveDisk> disk_;
  const std::string path_;
};

}  // namespace

PowerCutFileSystem::PowerCutFileSystem(const DiskImage& start, Recorder* recorder, Lies lies)
    : FileSystemWrapper(FileSystem::Default()),
      disk_(std::make_shared<LiveDisk>(start, recorder, lies)) {}

PowerCutFileSystem::~PowerCutFileSystem() = default;

void PowerCutFileSystem::inject(std::optional<Fault> fault) {
  disk_->inject(fault);
}

std::uint64_t PowerCutFileSystem::accesses(Access access) const {
  return disk_->accesses(access);
}

bool PowerCutFileSystem::has_struck() const {
  return disk_->has_struck();
}

std::uint64_t PowerCutFileSystem::bytes_in_use() const {
  return disk_->bytes_in_use();
}

IOStatus PowerCutFileSystem::NewSequentialFile(const std::string& path,
                                               const FileOptions& /*options*/,
                                               std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                               IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  IOStatus status = disk_->open_to_read(tidy(path), file);
  if (status.ok()) *result = std::make_unique<SequentialFile>(disk_, std::move(file));
  return status;
}

IOStatus PowerCutFileSystem::NewRandomAccessFile(
    const std::string& path, const FileOptions& /*options*/,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  IOStatus status = disk_->open_to_read(tidy(path), file);
  if (status.ok()) *result = std::make_unique<RandomAccessFile>(disk_, std::move(file));
  return status;
}

IOStatus PowerCutFileSystem::NewWritableFile(const std::string& path, const FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                                             IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  IOStatus status = disk_->open_to_write(tidy(path), false, file);
  if (status.ok()) {
    *result = std::make_unique<WritableFile>(disk_, std::move(file), tidy(path), options);
  }
  return status;
}

IOStatus PowerCutFileSystem::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                                std::unique_ptr<rocksdb::FSWritableFile>* result,
                                                IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  IOStatus status = disk_->open_to_write(tidy(path), true, file);
  if (status.ok()) {
    *result = std::make_unique<WritableFile>(disk_, std::move(file), tidy(path), options);
  }
  return status;
}

IOStatus PowerCutFileSystem::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                               const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSWritableFile>* result,
                                               IODebugContext* debug) {
  if (IOStatus status = disk_->rename(tidy(old_path), tidy(path)); !status.ok()) return status;
  return NewWritableFile(path, options, result, debug);
}

// Not used by the store; refused, so that nothing gets past the record.
IOStatus PowerCutFileSystem::NewRandomRWFile(const std::string& path,
                                             const FileOptions& /*options*/,
                                             std::unique_ptr<rocksdb::FSRandomRWFile>* /*result*/,
                                             IODebugContext* /*debug*/) {
  return IOStatus::NotSupported(path);
}

IOStatus PowerCutFileSystem::NewMemoryMappedFileBuffer(
    const std::string& path, std::unique_ptr<rocksdb::MemoryMappedFileBuffer>* /*result*/) {
  return IOStatus::NotSupported(path);
}

IOStatus PowerCutFileSystem::NewDirectory(const std::string& path, const IOOptions& /*options*/,
                                          std::unique_ptr<rocksdb::FSDirectory>* result,
                                          IODebugContext* /*debug*/) {
  if (!disk_->is_directory(tidy(path))) return IOStatus::PathNotFound(path);
  *result = std::make_unique<Directory>(disk_, tidy(path));
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::NewLogger(const std::string& /*path*/, const IOOptions& /*options*/,
                                       std::shared_ptr<rocksdb::Logger>* result,
                                       IODebugContext* /*debug*/) {
  *result = std::make_shared<Silence>();
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::FileExists(const std::string& path, const IOOptions& /*options*/,
                                        IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  if (disk_->is_directory(tidy(path)) || disk_->look_up(tidy(path), file).ok()) {
    return IOStatus::OK();
  }
  return IOStatus::NotFound(path);
}

IOStatus PowerCutFileSystem::GetChildren(const std::string& path, const IOOptions& /*options*/,
                                         std::vector<std::string>* result,
                                         IODebugContext* /*debug*/) {
  return disk_->list(tidy(path), *result);
}

// The wrapper's own would ask the system's file system.
IOStatus PowerCutFileSystem::GetChildrenFileAttributes(const std::string& path,
                                                       const IOOptions& options,
                                                       std::vector<rocksdb::FileAttributes>* result,
                                                       IODebugContext* debug) {
  return FileSystem::GetChildrenFileAttributes(path, options, result, debug);
}

IOStatus PowerCutFileSystem::IsDirectory(const std::string& path, const IOOptions& /*options*/,
                                         bool* result, IODebugContext* /*debug*/) {
  *result = disk_->is_directory(tidy(path));
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::GetFileSize(const std::string& path, const IOOptions& /*options*/,
                                         uint64_t* size, IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  IOStatus status = disk_->look_up(tidy(path), file);
  if (status.ok()) *size = disk_->size_of(*file);
  return status;
}

IOStatus PowerCutFileSystem::GetFileModificationTime(const std::string& /*path*/,
                                                     const IOOptions& /*options*/, uint64_t* time,
                                                     IODebugContext* /*debug*/) {
  *time = 0;
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::GetAbsolutePath(const std::string& path, const IOOptions& /*options*/,
                                             std::string* result, IODebugContext* /*debug*/) {
  *result = tidy(path);
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::GetFreeSpace(const std::string& /*path*/, const IOOptions& /*options*/,
                                          uint64_t* bytes, IODebugContext* /*debug*/) {
  *bytes = kFreeSpaceBytes;
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::NumFileLinks(const std::string& path, const IOOptions& /*options*/,
                                          uint64_t* count, IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  IOStatus status = disk_->look_up(tidy(path), file);
  if (status.ok()) *count = static_cast<uint64_t>(file->links);
  return status;
}

IOStatus PowerCutFileSystem::AreFilesSame(const std::string& first, const std::string& second,
                                          const IOOptions& /*options*/, bool* result,
                                          IODebugContext* /*debug*/) {
  LiveDisk::FilePtr a;
  LiveDisk::FilePtr b;
  if (IOStatus status = disk_->look_up(tidy(first), a); !status.ok()) return status;
  if (IOStatus status = disk_->look_up(tidy(second), b); !status.ok()) return status;
  *result = a == b;
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::DeleteFile(const std::string& path, const IOOptions& /*options*/,
                                        IODebugContext* /*debug*/) {
  return disk_->remove(tidy(path));
}

IOStatus PowerCutFileSystem::Truncate(const std::string& path, size_t size,
                                      const IOOptions& /*options*/, IODebugContext* /*debug*/) {
  LiveDisk::FilePtr file;
  if (IOStatus status = disk_->look_up(tidy(path), file); !status.ok()) return status;
  return disk_->truncate(*file, tidy(path), size);
}

IOStatus PowerCutFileSystem::CreateDir(const std::string& path, const IOOptions& /*options*/,
                                       IODebugContext* /*debug*/) {
  return disk_->make_directory(tidy(path), false);
}

IOStatus PowerCutFileSystem::CreateDirIfMissing(const std::string& path,
                                                const IOOptions& /*options*/,
                                                IODebugContext* /*debug*/) {
  return disk_->make_directory(tidy(path), true);
}

IOStatus PowerCutFileSystem::DeleteDir(const std::string& path, const IOOptions& /*options*/,
                                       IODebugContext* /*debug*/) {
  return disk_->remove_directory(tidy(path));
}

IOStatus PowerCutFileSystem::RenameFile(const std::string& from, const std::string& to,
                                        const IOOptions& /*options*/, IODebugContext* /*debug*/) {
  return disk_->rename(tidy(from), tidy(to));
}

IOStatus PowerCutFileSystem::LinkFile(const std::string& from, const std::string& to,
                                      const IOOptions& /*options*/, IODebugContext* /*debug*/) {
  return disk_->link(tidy(from), tidy(to));
}

IOStatus PowerCutFileSystem::LockFile(const std::string& path, const IOOptions& /*options*/,
                                      rocksdb::FileLock** lock, IODebugContext* /*debug*/) {
  if (!disk_->take_lock(tidy(path))) return IOStatus::IOError(path, "lock is held");
  *lock = new HeldLock(tidy(path));
  return IOStatus::OK();
}

IOStatus PowerCutFileSystem::UnlockFile(rocksdb::FileLock* lock, const IOOptions& /*options*/,
                                        IODebugContext* /*debug*/) {
  const std::unique_ptr<HeldLock> held(static_cast<HeldLock*>(lock));
  disk_->drop_lock(held->path());
  return IOStatus::OK();
}

}  // namespace outboxd::fault
