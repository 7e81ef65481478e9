// Which part of what was written a disk still has after the power was cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fault/io_record.h"

namespace outboxd::fault {

// The contents of a disk at one moment: what a store that is opened now finds. Cheap to copy. Paths
// are absolute; "/" and the parent of everything are among the directories. Whoever takes a disk
// over from an image calls its files inode 1, 2, 3 … in the order of their paths.
struct DiskImage {
  std::set<std::string> directories;
  std::map<std::string, std::shared_ptr<const std::string>> files;
};

// A disk with nothing but the directory `path`.
DiskImage empty_disk(const std::string& path);

// The operations that make an empty disk into `image`, all of it durable.
Record record_of(const DiskImage& image);

// "/a/b" for "/a/b/c", and "c". The parent of "/a" is "/".
std::string parent_of(const std::string& path);
std::string leaf_of(const std::string& path);

// What became of data that was written and not synced.
enum class UnsyncedData : std::uint8_t {
  kDropped,      // as if it had never been written
  kPrefix,       // a random part from its beginning is there
  kMissingPage,  // all of it but one page, which holds what it held before, or zeros
  kGarbageTail,  // a random part from its beginning is there, and rubbish in place of the rest
};

// What became of names that were made, changed or removed without a sync of their directory.
// Journaling file systems commit such changes in order, so what survives is a beginning of them.
enum class UnsyncedNames : std::uint8_t {
  kLost,    // none happened: new files vanish, removed ones are back, renames are undone
  kPrefix,  // a random number of the first ones happened
  kKept,    // all happened
};

struct Aftermath {
  UnsyncedData data = UnsyncedData::kDropped;
  UnsyncedNames names = UnsyncedNames::kLost;
};

std::string describe(const Aftermath& aftermath);

// Follows a record and keeps what is durable apart from what is not.
//
// A file's bytes become durable by a sync of the file, its name by a sync of the directory that
// the name is in: either may be there without the other. A name without durable bytes is an empty
// file. Not thread-safe.
class DiskModel {
 public:
  // Starts from a disk on which everything is durable.
  explicit DiskModel(const DiskImage& start);

  // Carries out the next operation of the record.
  void apply(const Operation& operation);

  // True if some file has unsynced bytes / some directory has unsynced names.
  [[nodiscard]] bool has_unsynced_data() const;
  [[nodiscard]] bool has_unsynced_names() const;

  // Grows whenever what is durable changes: two cuts with the same generation leave the same disk
  // when everything unsynced is dropped.
  [[nodiscard]] std::uint64_t durable_generation() const { return generation_; }

  // The disk after a power cut now. Everything random comes from `random`.
  [[nodiscard]] DiskImage after_cut(Aftermath aftermath, std::mt19937_64& random) const;

  // The disk as the processes on the box see it.
  [[nodiscard]] DiskImage as_seen() const;

 private:
  // A write, or a new length when `bytes` is empty and `is_length` is set.
  struct Change {
    std::uint64_t offset = 0;
    std::string bytes;
    bool is_length = false;
  };

  struct File {
    std::shared_ptr<const std::string> durable = std::make_shared<std::string>();
    std::vector<Change> unsynced;
  };

  // What a name stands for.
  struct Node {
    bool is_directory = false;
    Inode inode = 0;
  };

  // One atomic change of a directory: a name goes away, or appears, or both (a rename).
  struct NameChange {
    std::optional<std::string> removed;
    std::optional<std::string> added;
    Node node;
  };

  struct Directory {
    std::map<std::string, Node> durable;
    std::vector<NameChange> unsynced;
  };

  using Names = std::map<std::string, Node>;

  void change_length(Inode inode, std::uint64_t length);
  void sync(Inode inode);
  void sync_directory(const std::string& path);
  void add_name(const std::string& path, Node node);
  void remove_name(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  [[nodiscard]] Node node_of(const std::string& path) const;
  [[nodiscard]] Names names_after(const Directory& directory, UnsyncedNames fate,
                                  std::mt19937_64& random) const;

  static void apply_change(const NameChange& change, Names& names);
  static void apply_change(const Change& change, std::string& contents);
  static std::shared_ptr<const std::string> survivor(const File& file, UnsyncedData fate,
                                                     std::mt19937_64& random);

  std::map<Inode, File> files_;
  std::map<std::string, Directory> directories_;
  std::uint64_t generation_ = 0;
};

}  // namespace outboxd::fault
