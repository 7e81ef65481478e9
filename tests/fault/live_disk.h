// The files of a test's file system as the processes on the box see them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/io_status.h>
#include <rocksdb/slice.h>

#include "tests/fault/disk_model.h"
#include "tests/fault/injection.h"
#include "tests/fault/io_record.h"

namespace outboxd::fault {

// Holds files in memory. Each member function is one atomic step: it takes the lock, counts the
// access, asks whether the injected fault strikes, changes the files and reports the operation to
// the recorder (which may be null). Any thread.
class LiveDisk {
 public:
  struct File {
    Inode inode = 0;
    std::shared_ptr<std::string> contents = std::make_shared<std::string>();
    int links = 1;
  };
  using FilePtr = std::shared_ptr<File>;
  using IOStatus = rocksdb::IOStatus;

  LiveDisk(const DiskImage& start, Recorder* recorder, Lies lies);

  void inject(std::optional<Fault> fault);
  [[nodiscard]] std::uint64_t accesses(Access access);
  [[nodiscard]] bool has_struck();
  [[nodiscard]] std::uint64_t bytes_in_use();

  IOStatus open_to_read(const std::string& path, FilePtr& file);
  IOStatus read(const File& file, std::uint64_t offset, std::size_t size, rocksdb::Slice* result,
                char* scratch);

  // Opens for writing: an empty file under `path`, or with `keep` what is there.
  IOStatus open_to_write(const std::string& path, bool keep, FilePtr& file);

  // A write that fails gets half of its bytes out.
  IOStatus write(File& file, const std::string& path, std::uint64_t offset,
                 const rocksdb::Slice& data);
  IOStatus truncate(File& file, const std::string& path, std::uint64_t size);
  IOStatus sync(const File& file, const std::string& path);
  IOStatus sync_directory(const std::string& path);

  // Reports an operation that changes nothing a power cut could show.
  void note(Operation::Kind kind, const File& file, const std::string& path);

  IOStatus rename(const std::string& from, const std::string& to);
  IOStatus link(const std::string& from, const std::string& to);
  IOStatus remove(const std::string& path);
  IOStatus make_directory(const std::string& path, bool may_exist);
  IOStatus remove_directory(const std::string& path);

  // Looking does not count as an access.
  IOStatus list(const std::string& path, std::vector<std::string>& names);
  IOStatus look_up(const std::string& path, FilePtr& file);
  [[nodiscard]] bool is_directory(const std::string& path);
  [[nodiscard]] std::uint64_t size_of(const File& file);

  // False when somebody holds the lock.
  bool take_lock(const std::string& path);
  void drop_lock(const std::string& path);

 private:
  // These are called with mutex_ held.
  IOStatus admit(Access access, const std::string& path);
  void record(Operation operation);
  IOStatus find(const std::string& path, FilePtr& file);
  void resize(File& file, const std::string& path, std::uint64_t size);
  std::vector<std::string> children(const std::string& path);

  // Constant after construction.
  Recorder* const recorder_;
  const Lies lies_;

  std::mutex mutex_;
  // Everything below is guarded by mutex_, and so are the contents of the files.
  std::set<std::string> directories_;
  std::map<std::string, FilePtr> files_;
  std::set<std::string> locks_;
  Inode last_inode_ = 0;
  std::optional<Fault> fault_;
  bool struck_ = false;
  std::array<std::uint64_t, 4> accesses_{};
};

}  // namespace outboxd::fault
