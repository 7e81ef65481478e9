#include "storage/database/manifest_recovery.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "storage/database/wal_scan.h"
#include "storage/database/whole_file.h"

namespace outboxd::storage {
namespace {

// An edit is a list of fields, each a varint tag and what belongs to it. It begins with these
// (RocksDB, VersionEdit::EncodeTo).
enum Tag : std::uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kPrevLogNumber = 9,
  kDatabaseId = (1U << 13) + 1,
};

// Takes a varint off the front of `bytes`.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// What edits say about the logs.
struct LogNumbers {
  std::uint64_t needed = 0;  // the oldest log that some family still needs
  std::uint64_t next = 0;    // greater than the number of every log that existed

  void take(std::string_view edit) {
    while (const auto tag = take_varint(edit)) {
      const auto number = take_varint(edit);
      if (!number) return;
      switch (*tag) {
        case kComparator:
        case kDatabaseId:  // the number is a length
          if (*number > edit.size()) return;
          edit.remove_prefix(*number);
          break;
        case kLogNumber: needed = std::max(needed, *number); break;
        case kNextFileNumber: next = std::max(next, *number); break;
        case kPrevLogNumber: break;
        default: return;
      }
    }
  }
};

// True if a log is there that was there when the edits were written. When the edit after them was
// synced and every family was flushed by it, that log is gone.
domain::Result<bool> has_log_of(rocksdb::Env& env, const std::string& directory,
                                const LogNumbers& numbers) {
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc() && std::string_view(end, name.data() + name.size()) == ".log" &&
           number >= numbers.needed && number < numbers.next;
  });
}

}  // namespace

domain::Result<bool> recover_manifest(rocksdb::Env& env, const std::string& directory) {
  OUTBOXD_ASSIGN_OR_RETURN(std::string name, read_whole_file(env, directory + "/CURRENT"));
  if (!name.starts_with("MANIFEST-") || !name.ends_with('\n')) return false;  // RocksDB will say so
  name.pop_back();
  const std::string path = directory + "/" + name;
  if (env.FileExists(path).IsNotFound()) return false;
  OUTBOXD_ASSIGN_OR_RETURN(const std::string content, read_whole_file(env, path));

  LogNumbers numbers;
  WalScanner scanner(content, WalPayload::kOpaque);
  while (const auto edit = scanner.next()) {
    if (edit->after_damage) return false;
    numbers.take(edit->batch);
  }
  const std::optional<std::uint64_t> damage = scanner.trailing_damage();
  if (!damage) return false;
  OUTBOXD_ASSIGN_OR_RETURN(const bool has_log, has_log_of(env, directory, numbers));
  if (!has_log && numbers.needed != 0) return false;
  OUTBOXD_TRY(replace_whole_file(env, path, content.substr(0, *damage)));
  OUTBOXD_TRY(sync_directory(env, directory));
  return true;
}

}  // namespace outboxd::storage
