// What a store asked of its disk, operation by operation, and what it promised in between.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace outboxd::fault {

// Names a file for its whole life, whatever its path becomes.
using Inode = std::uint64_t;

// One operation that the file system has carried out, or one promise that the script was given.
struct Operation {
  enum class Kind : std::uint8_t {
    kCreate,           // `path` now names the new, empty `inode`
    kWrite,            // `bytes` at `offset` of `inode`
    kTruncate,         // `inode` has `offset` bytes now; growth is zeros
    kSync,             // everything written to `inode` is durable
    kClose,            // `inode`'s writer is gone; says nothing about durability
    kRename,           // `path` became `target`
    kLink,             // `target` is another name of `path`
    kRemove,           // `path` is gone
    kMakeDirectory,    // `path` is a directory now
    kRemoveDirectory,  // `path` is gone
    kSyncDirectory,    // the names inside `path` are durable
    kIgnored,       // a sync hint, or a sync that a planted bug swallowed: nothing is durable by it
    kAcknowledged,  // the script was told that group `offset` is durable
  };

  Kind kind = Kind::kIgnored;
  Inode inode = 0;
  std::uint64_t offset = 0;
  std::string path;
  std::string target;
  std::string bytes;
};

std::string_view name_of(Operation::Kind kind);

// "write 4096 bytes at 0 of inode 7" …, for messages.
std::string describe(const Operation& operation);

using Record = std::vector<Operation>;

// Collects operations in the order in which they took effect. Any thread.
class Recorder {
 public:
  // Keeps the record in memory.
  Recorder() = default;

  // Writes every operation to `journal_fd` as well, before add() returns: what a process did is
  // known even when it ends by an abort. The descriptor stays the caller's.
  explicit Recorder(int journal_fd) : journal_fd_(journal_fd) {}

  void add(Operation operation);

  // What was recorded so far; the recorder is empty afterwards.
  Record take();

 private:
  const int journal_fd_ = -1;

  std::mutex mutex_;
  Record record_;  // guarded by mutex_
};

// Reads what a Recorder wrote to a journal, from its beginning.
Record read_journal(int journal_fd);

}  // namespace outboxd::fault
