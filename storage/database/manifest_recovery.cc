#include "storage/database/manifest_recovery.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "storage/database/file_names.h"
#include "storage/database/wal_scan.h"
#include "storage/database/whole_file.h"

namespace outboxd::storage {
namespace {

// An edit is a list of fields, each a varint tag and what belongs to it. It begins with these, in
// this order (RocksDB, VersionEdit::EncodeTo), unless it lists files; what comes behind those is
// not needed here.
enum Tag : std::uint64_t {
  kDatabaseId = (1U << 13) + 1,
  kComparator = 1,
  kLogNumber = 2,
  kPrevLogNumber = 9,
  kNextFileNumber = 3,
  kMaxFamily = 203,
  kMinLogNumberToKeep = 10,
  kLastSequence = 4,
  kFamily = 200,
  kFamilyName = 201,
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
  std::uint64_t needed = 0;   // the oldest log that some family still needs
  std::uint64_t to_keep = 0;  // the oldest log that is not to be removed
  std::uint64_t next = 0;     // greater than the number of every log that existed
  std::uint64_t last_sequence = 0;
  std::size_t families = 1;  // RocksDB's own is not named
  std::size_t with_log = 0;  // edits that say from which log on a family needs them

  void take(std::string_view edit) {
    while (const auto tag = take_varint(edit)) {
      const auto number = take_varint(edit);
      if (!number) return;
      switch (*tag) {
        case kComparator:
        case kDatabaseId:
        case kFamilyName:  // the number is a length
          if (*number > edit.size()) return;
          edit.remove_prefix(*number);
          if (*tag == kFamilyName) ++families;
          break;
        case kLogNumber:
          needed = std::max(needed, *number);
          ++with_log;
          break;
        case kNextFileNumber: next = std::max(next, *number); break;
        case kMinLogNumberToKeep: to_keep = std::max(to_keep, *number); break;
        case kLastSequence: last_sequence = std::max(last_sequence, *number); break;
        case kPrevLogNumber:
        case kMaxFamily:
        case kFamily: break;
        default: return;
      }
    }
  }
};

// What a pass over a MANIFEST finds.
struct Reading {
  LogNumbers numbers;
  bool is_damaged_inside = false;  // whole edits follow the damage
  std::optional<std::uint64_t> torn_at;

  [[nodiscard]] bool is_whole() const {
    return !is_damaged_inside && numbers.next != 0 && numbers.with_log >= numbers.families;
  }
};

Reading read_manifest(std::string_view content) {
  Reading reading;
  WalScanner scanner(content, WalPayload::kOpaque);
  while (const auto edit = scanner.next()) {
    reading.is_damaged_inside |= edit->after_damage;
    reading.numbers.take(edit->batch);
  }
  reading.torn_at = scanner.trailing_damage();
  return reading;
}

// The MANIFEST that CURRENT names, or nothing when it names none that is there.
domain::Result<std::optional<std::string>> current_manifest(rocksdb::Env& env,
                                                            const std::string& directory) {
  OUTBOXD_ASSIGN_OR_RETURN(std::string name, read_whole_file(env, directory + "/CURRENT"));
  if (!name.ends_with('\n')) return std::optional<std::string>();
  name.pop_back();
  if (!manifest_number(name)) return std::optional<std::string>();
  if (env.FileExists(directory + "/" + name).IsNotFound()) return std::optional<std::string>();
  return std::optional(std::move(name));
}

// True if a log is there that was there when the edits were written. When the edit after them was
// synced and every family was flushed by it, that log is gone.
domain::Result<bool> has_log_of(rocksdb::Env& env, const std::string& directory,
                                const LogNumbers& numbers) {
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto number = log_number(name);
    return number && *number >= numbers.needed && *number < numbers.next;
  });
}

domain::Status check_known(const std::string& directory, const std::string& name,
                           std::uint64_t sound_bytes, const KnownManifest& known) {
  const std::uint64_t number = manifest_number(name).value_or(0);
  if (number > known.number || (number == known.number && sound_bytes >= known.bytes)) {
    return domain::ok_status();
  }
  return domain::Error{.message =
                           fmt::format("{}/{} is sound up to byte {}, but MANIFEST-{:06} with {} "
                                       "bytes was in use: the list of the files in this "
                                       "directory has lost its end, and with it acknowledged data. "
                                       "Nothing was changed. Restore a backup; --repair "
                                       "cannot make this list again.",
                                       directory, name, sound_bytes, known.number, known.bytes)};
}

}  // namespace

std::optional<std::uint64_t> manifest_number(std::string_view name) {
  constexpr std::string_view kPrefix = "MANIFEST-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

domain::Result<Catalogue> recover_manifest(rocksdb::Env& env, const std::string& directory,
                                           const KnownManifest& known) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto name, current_manifest(env, directory));
  if (!name) return Catalogue{};  // RocksDB will say so
  const std::string path = directory + "/" + *name;
  OUTBOXD_ASSIGN_OR_RETURN(const std::string content, read_whole_file(env, path));

  const Reading reading = read_manifest(content);
  const std::uint64_t sound_bytes = reading.torn_at.value_or(content.size());
  OUTBOXD_TRY(check_known(directory, *name, sound_bytes, known));
  const LogNumbers& numbers = reading.numbers;
  Catalogue catalogue{.oldest_log = numbers.to_keep, .last_sequence = numbers.last_sequence};
  // CURRENT names a MANIFEST only after the edits that it begins with are synced.
  if (!reading.torn_at || reading.is_damaged_inside || numbers.next == 0) return catalogue;
  OUTBOXD_ASSIGN_OR_RETURN(const bool has_log, has_log_of(env, directory, numbers));
  if (!has_log && numbers.needed != 0) return catalogue;
  OUTBOXD_TRY(replace_whole_file(env, path, content.substr(0, *reading.torn_at)));
  OUTBOXD_TRY(sync_directory(env, directory));
  catalogue.torn_tail_dropped = true;
  return catalogue;
}

domain::Result<bool> is_current_usable(rocksdb::Env& env, const std::string& directory) {
  if (env.FileExists(directory + "/CURRENT").IsNotFound()) return false;
  OUTBOXD_ASSIGN_OR_RETURN(const auto name, current_manifest(env, directory));
  return name.has_value();
}

domain::Result<std::optional<std::string>> find_whole_manifest(rocksdb::Env& env,
                                                               const std::string& directory) {
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  std::erase_if(names, [](const std::string& name) { return !manifest_number(name); });
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return *manifest_number(a) > *manifest_number(b);
  });
  for (std::string& name : names) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content,
                             read_whole_file(env, directory + "/" + name));
    if (read_manifest(content).is_whole()) return std::optional(std::move(name));
  }
  return std::optional<std::string>();
}

domain::Status write_current(rocksdb::Env& env, const std::string& directory,
                             const std::string& manifest) {
  OUTBOXD_TRY(replace_whole_file(env, directory + "/CURRENT", manifest + "\n"));
  return sync_directory(env, directory);
}

}  // namespace outboxd::storage
