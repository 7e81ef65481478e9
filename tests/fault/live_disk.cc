#include "tests/fault/live_disk.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "domain/check.h"

namespace outboxd::fault {
namespace {

using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus missing(const std::string& path) {
  return IOStatus::PathNotFound(path, "no such file or directory");
}

// The contents of `file` to change: its own copy, made when an image still shares them.
std::string& own(LiveDisk::File& file) {
  if (file.contents.use_count() > 1) file.contents = std::make_shared<std::string>(*file.contents);
  return *file.contents;
}

}  // namespace

LiveDisk::LiveDisk(const DiskImage& start, Recorder* recorder, Lies lies)
    : recorder_(recorder), lies_(lies), directories_(start.directories) {
  for (const auto& [path, contents] : start.files) {
    auto file = std::make_shared<File>();
    file->inode = ++last_inode_;
    file->contents = std::const_pointer_cast<std::string>(contents);  // own() before any change
    files_[path] = std::move(file);
  }
}

void LiveDisk::inject(std::optional<Fault> fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  struck_ = false;
  accesses_.fill(0);
}

std::uint64_t LiveDisk::accesses(Access access) {
  const std::lock_guard lock(mutex_);
  return accesses_[static_cast<std::size_t>(access)];
}

bool LiveDisk::has_struck() {
  const std::lock_guard lock(mutex_);
  return struck_;
}

std::uint64_t LiveDisk::bytes_in_use() {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [path, file] : files_) bytes += file->contents->size();
  return bytes;
}

IOStatus LiveDisk::open_to_read(const std::string& path, FilePtr& file) {
  const std::lock_guard lock(mutex_);
  if (IOStatus status = find(path, file); !status.ok()) return status;
  return admit(Access::kOpen, path);
}

IOStatus LiveDisk::read(const File& file, std::uint64_t offset, std::size_t size, Slice* result,
                        char* scratch) {
  const std::lock_guard lock(mutex_);
  if (IOStatus status = admit(Access::kRead, "a file"); !status.ok()) return status;
  const std::string& contents = *file.contents;
  const std::size_t from = std::min<std::size_t>(offset, contents.size());
  *result = Slice(scratch, contents.copy(scratch, size, from));
  return IOStatus::OK();
}

IOStatus LiveDisk::open_to_write(const std::string& path, bool keep, FilePtr& file) {
  const std::lock_guard lock(mutex_);
  if (!directories_.contains(parent_of(path))) return missing(path);
  if (IOStatus status = admit(Access::kOpen, path); !status.ok()) return status;
  const auto found = files_.find(path);
  if (found != files_.end()) {
    file = found->second;
    if (!keep) resize(*file, path, 0);
    return IOStatus::OK();
  }
  file = std::make_shared<File>();
  file->inode = ++last_inode_;
  files_[path] = file;
  record({.kind = Operation::Kind::kCreate, .inode = file->inode, .path = path});
  return IOStatus::OK();
}

IOStatus LiveDisk::write(File& file, const std::string& path, std::uint64_t offset,
                         const Slice& data) {
  const std::lock_guard lock(mutex_);
  IOStatus status = admit(Access::kWrite, path);
  const std::size_t size = status.ok() ? data.size() : data.size() / 2;
  if (size == 0) return status;
  std::string& contents = own(file);
  if (contents.size() < offset + size) contents.resize(offset + size, '\0');
  contents.replace(offset, size, data.data(), size);
  record({.kind = Operation::Kind::kWrite,
          .inode = file.inode,
          .offset = offset,
          .path = path,
          .bytes = std::string(data.data(), size)});
  return status;
}

IOStatus LiveDisk::truncate(File& file, const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (IOStatus status = admit(Access::kWrite, path); !status.ok()) return status;
  resize(file, path, size);
  return IOStatus::OK();
}

IOStatus LiveDisk::sync(const File& file, const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (IOStatus status = admit(Access::kSync, path); !status.ok()) return status;
  record({.kind = lies_.swallow_file_syncs ? Operation::Kind::kIgnored : Operation::Kind::kSync,
          .inode = file.inode,
          .path = path});
  return IOStatus::OK();
}

IOStatus LiveDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (IOStatus status = admit(Access::kSync, path); !status.ok()) return status;
  record({.kind = lies_.swallow_directory_syncs ? Operation::Kind::kIgnored
                                                : Operation::Kind::kSyncDirectory,
          .path = path});
  return IOStatus::OK();
}

void LiveDisk::note(Operation::Kind kind, const File& file, const std::string& path) {
  const std::lock_guard lock(mutex_);
  record({.kind = kind, .inode = file.inode, .path = path});
}

IOStatus LiveDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  FilePtr file;
  if (IOStatus status = find(from, file); !status.ok()) return status;
  if (!directories_.contains(parent_of(to))) return missing(to);
  if (IOStatus status = admit(Access::kWrite, from); !status.ok()) return status;
  files_.erase(from);
  files_[to] = file;
  record({.kind = Operation::Kind::kRename, .inode = file->inode, .path = from, .target = to});
  return IOStatus::OK();
}

IOStatus LiveDisk::link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  FilePtr file;
  if (IOStatus status = find(from, file); !status.ok()) return status;
  if (files_.contains(to)) return IOStatus::IOError(to, "exists");
  if (IOStatus status = admit(Access::kWrite, from); !status.ok()) return status;
  ++file->links;
  files_[to] = file;
  record({.kind = Operation::Kind::kLink, .inode = file->inode, .path = from, .target = to});
  return IOStatus::OK();
}

IOStatus LiveDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  FilePtr file;
  if (IOStatus status = find(path, file); !status.ok()) return status;
  --file->links;
  files_.erase(path);
  record({.kind = Operation::Kind::kRemove, .inode = file->inode, .path = path});
  return IOStatus::OK();
}

IOStatus LiveDisk::make_directory(const std::string& path, bool may_exist) {
  const std::lock_guard lock(mutex_);
  if (directories_.contains(path)) {
    return may_exist ? IOStatus::OK() : IOStatus::IOError(path, "exists");
  }
  if (!directories_.contains(parent_of(path))) return missing(path);
  if (IOStatus status = admit(Access::kWrite, path); !status.ok()) return status;
  directories_.insert(path);
  record({.kind = Operation::Kind::kMakeDirectory, .path = path});
  return IOStatus::OK();
}

IOStatus LiveDisk::remove_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!children(path).empty()) return IOStatus::IOError(path, "not empty");
  if (directories_.erase(path) == 0) return missing(path);
  record({.kind = Operation::Kind::kRemoveDirectory, .path = path});
  return IOStatus::OK();
}

IOStatus LiveDisk::list(const std::string& path, std::vector<std::string>& names) {
  const std::lock_guard lock(mutex_);
  if (!directories_.contains(path)) return IOStatus::NotFound(path);
  names = children(path);
  return IOStatus::OK();
}

IOStatus LiveDisk::look_up(const std::string& path, FilePtr& file) {
  const std::lock_guard lock(mutex_);
  return find(path, file);
}

bool LiveDisk::is_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return directories_.contains(path);
}

std::uint64_t LiveDisk::size_of(const File& file) {
  const std::lock_guard lock(mutex_);
  return file.contents->size();
}

bool LiveDisk::take_lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return locks_.insert(path).second;
}

void LiveDisk::drop_lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  locks_.erase(path);
}

IOStatus LiveDisk::admit(Access access, const std::string& path) {
  const std::uint64_t count = ++accesses_[static_cast<std::size_t>(access)];
  if (!fault_ || access != fault_->access) return IOStatus::OK();
  const bool strikes = count == fault_->nth || (fault_->for_good && struck_);
  if (!strikes) return IOStatus::OK();
  struck_ = true;
  if (fault_->cause == Fault::Cause::kAbort) std::abort();
  return fault_->cause == Fault::Cause::kNoSpace
             ? IOStatus::NoSpace(path, "no space left on device")
             : IOStatus::IOError(path, "input/output error");
}

void LiveDisk::record(Operation operation) {
  if (recorder_ != nullptr) recorder_->add(std::move(operation));
}

IOStatus LiveDisk::find(const std::string& path, FilePtr& file) {
  const auto found = files_.find(path);
  if (found == files_.end()) return missing(path);
  file = found->second;
  return IOStatus::OK();
}

void LiveDisk::resize(File& file, const std::string& path, std::uint64_t size) {
  if (file.contents->size() == size) return;
  own(file).resize(size, '\0');
  record({.kind = Operation::Kind::kTruncate, .inode = file.inode, .offset = size, .path = path});
}

std::vector<std::string> LiveDisk::children(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& [file_path, file] : files_) {
    if (parent_of(file_path) == path) names.push_back(leaf_of(file_path));
  }
  for (const std::string& directory : directories_) {
    if (directory != "/" && parent_of(directory) == path) names.push_back(leaf_of(directory));
  }
  return names;
}

}  // namespace outboxd::fault
