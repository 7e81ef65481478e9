#include "storage/database/wal_recovery.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "storage/database/wal_scan.h"
#include "storage/database/whole_file.h"

namespace outboxd::storage {
namespace {

using domain::Error;
using domain::Result;
using domain::Status;

bool is_log_name(const std::string& name) {
  return name.size() > 4 && name.ends_with(".log") &&
         std::all_of(name.begin(), name.end() - 4, [](char c) { return c >= '0' && c <= '9'; });
}

// The log files in the order in which they were written. Their numbers are zero-padded, but grow
// past the padding.
Result<std::vector<std::string>> list_logs(rocksdb::Env& env, const std::string& directory) {
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  std::erase_if(names, [](const std::string& name) { return !is_log_name(name); });
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  return names;
}

// What one pass over all logs finds.
struct Findings {
  struct DamagedFile {
    std::string name;
    std::uint64_t size = 0;
  };

  std::vector<DamagedFile> files;   // those to rewrite
  std::vector<LogDamage> interior;  // complete records follow
  std::optional<LogDamage> open;    // the newest damage, as long as none follows it
};

Result<Findings> inspect(rocksdb::Env& env, const std::string& directory,
                         const std::vector<std::string>& logs) {
  Findings found;
  std::string last_batch;
  for (const std::string& name : logs) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content,
                             read_whole_file(env, directory + "/" + name));
    WalScanner scanner(content);
    bool damaged = false;
    while (const auto record = scanner.next()) {
      if (record->after_damage) {
        damaged = true;
        if (!found.open) found.open = LogDamage{name, scanner.passed_damage(), last_batch, {}};
      }
      // RocksDB itself leaves empty records at a recovery; they acknowledge nothing.
      if (record->count == 0) continue;
      if (found.open) {
        found.open->batch_after.assign(record->batch);
        found.interior.push_back(*std::exchange(found.open, std::nullopt));
      }
      last_batch.assign(record->batch);
    }
    if (const auto offset = scanner.trailing_damage()) {
      damaged = true;
      if (!found.open) found.open = LogDamage{name, *offset, last_batch, {}};
    }
    if (damaged) found.files.push_back({name, content.size()});
  }
  return found;
}

// The directory of an earlier copy of the same files: a service that restarts in a loop must not
// fill the disk with copies.
std::optional<std::string> earlier_copy(rocksdb::Env& env, const std::string& directory,
                                        const std::vector<Findings::DamagedFile>& files) {
  std::vector<std::string> names;
  if (!env.GetChildren(directory, &names).ok()) return std::nullopt;
  for (const std::string& name : names) {
    if (!name.starts_with("damaged-")) continue;
    const std::string candidate = directory + "/" + name;
    const bool complete = std::all_of(files.begin(), files.end(), [&](const auto& file) {
      std::uint64_t size = 0;
      return env.GetFileSize(candidate + "/" + file.name, &size).ok() && size == file.size;
    });
    if (complete) return candidate;
  }
  return std::nullopt;
}

Result<std::string> copy_aside(rocksdb::Env& env, const std::string& directory,
                               const std::vector<Findings::DamagedFile>& files) {
  if (auto earlier = earlier_copy(env, directory, files)) return *std::move(earlier);
  std::int64_t now_s = 0;
  if (const auto status = env.GetCurrentTime(&now_s); !status.ok()) {
    return to_error("read the clock", status);
  }
  const auto now = static_cast<std::time_t>(now_s);
  std::tm utc{};
  gmtime_r(&now, &utc);
  const std::string copy =
      fmt::format("{}/damaged-{:04}{:02}{:02}T{:02}{:02}{:02}Z", directory, utc.tm_year + 1900,
                  utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (const auto status = env.CreateDirIfMissing(copy); !status.ok()) {
    return to_error("create " + copy, status);
  }
  for (const auto& file : files) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content,
                             read_whole_file(env, directory + "/" + file.name));
    OUTBOXD_TRY(replace_whole_file(env, copy + "/" + file.name, content));
  }
  OUTBOXD_TRY(sync_directory(env, copy));
  OUTBOXD_TRY(sync_directory(env, directory));
  return copy;
}

// Leaves the complete records of the files, and nothing else.
Status rewrite(rocksdb::Env& env, const std::string& directory,
               const std::vector<Findings::DamagedFile>& files) {
  for (const auto& file : files) {
    const std::string path = directory + "/" + file.name;
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content, read_whole_file(env, path));
    WalScanner scanner(content);
    std::string whole;
    while (const auto record = scanner.next()) append_wal_record(whole, record->batch);
    OUTBOXD_TRY(replace_whole_file(env, path, whole));
  }
  return sync_directory(env, directory);
}

Error refusal(const std::string& directory, const std::string& copy, const LogDamage& damage) {
  return Error{.message = fmt::format(
                   "{}/{} is damaged at offset {}, and acknowledged writes follow: data that was "
                   "promised is lost. The damaged files were copied to {}; nothing else was "
                   "changed. Restore a backup, or run with --repair to go on with what is readable "
                   "and to see what is lost.",
                   directory, damage.file, damage.offset, copy)};
}

}  // namespace

Result<RecoveryReport> recover_wal(rocksdb::Env& env, const std::string& directory, bool repair) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<std::string> logs, list_logs(env, directory));
  OUTBOXD_ASSIGN_OR_RETURN(Findings found, inspect(env, directory, logs));
  RecoveryReport report;
  if (found.files.empty()) return report;
  if (!found.interior.empty()) {
    OUTBOXD_ASSIGN_OR_RETURN(report.copy_directory, copy_aside(env, directory, found.files));
    if (!repair) return refusal(directory, report.copy_directory, found.interior.front());
    report.lost = std::move(found.interior);
  }
  report.torn_tail_dropped = found.open.has_value();
  OUTBOXD_TRY(rewrite(env, directory, found.files));
  return report;
}

}  // namespace outboxd::storage
