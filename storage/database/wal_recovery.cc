#include "storage/database/wal_recovery.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "storage/database/file_names.h"
#include "storage/database/wal_scan.h"
#include "storage/database/whole_file.h"

namespace outboxd::storage {
namespace {

using domain::Error;
using domain::Result;
using domain::Status;

// The log files in the order in which they were written. Their numbers are zero-padded, but grow
// past the padding.
Result<std::vector<std::string>> list_logs(rocksdb::Env& env, const std::string& directory) {
  std::vector<std::string> names;
  if (const auto status = env.GetChildren(directory, &names); !status.ok()) {
    return to_error("list " + directory, status);
  }
  std::erase_if(names, [](const std::string& name) { return !log_number(name); });
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return *log_number(a) < *log_number(b);
  });
  return names;
}

std::string log_name(std::uint64_t number) {
  return fmt::format("{:06}.log", number);
}

// What one pass over all logs finds.
struct Findings {
  struct DamagedFile {
    std::string name;
    std::uint64_t size = 0;
    std::optional<std::uint64_t> next_sequence;  // where it begins
    std::optional<std::uint64_t> end_sequence;   // where the next one begins
  };

  std::vector<DamagedFile> files;  // those to rewrite
  std::vector<LogDamage> lost;     // acknowledged writes
  bool has_torn_tail = false;      // bytes that are no record, where no write is missing
};

// The pass. Takes the logs in their order.
class Inspection {
 public:
  explicit Inspection(const LogExpectations& expected) : expected_(expected) {}

  // A log that holds acknowledged writes is the next one.
  void expect(const ListedLog& log) {
    if (!next_sequence_) next_sequence_ = log.first_sequence;
    is_listed_ = true;
    has_listed_ = true;
  }

  // It is not there.
  void miss(const ListedLog& log) {
    const std::string name = log_name(log.number);
    begin_damage(name, 0, name + " is missing", /*is_certain=*/true);
    is_listed_ = false;
  }

  // `end_sequence`: where the next listed log begins, if there is one.
  void read(const std::string& name, std::string_view content,
            std::optional<std::uint64_t> end_sequence) {
    WalScanner scanner(content, {expected_.mark, next_sequence_, end_sequence});
    const std::optional<std::uint64_t> begins_at = next_sequence_;
    bool is_damaged = false;
    bool has_writes = false;
    while (const auto record = scanner.next()) {
      // A jump in the numbers alone is no damage of this file.
      if (record->after_damage && scanner.passed_damage() < record->offset) {
        is_damaged = true;
        begin_unreadable(name, scanner.passed_damage());
      }
      // RocksDB itself leaves empty records at a recovery; they acknowledge nothing.
      if (record->count == 0) continue;
      if (!has_writes) end_file_before(name, *record);
      take(name, *record);
      has_writes = true;
      end_ = record->end;
      next_sequence_ = scanner.next_sequence();
    }
    if (const auto offset = scanner.trailing_damage()) {
      is_damaged = true;
      begin_unreadable(name, *offset);
    }
    if (const auto offset = scanner.stale_record()) {
      begin_damage(name, *offset,
                   fmt::format("{} holds writes of another time at offset {}", name, *offset),
                   /*is_certain=*/true);
    }
    if (!has_writes && std::exchange(is_listed_, false)) {
      begin_damage(name, 0, name + " is empty, although writes were acknowledged in it",
                   /*is_certain=*/true);
    }
    if (is_damaged) found_.files.push_back({name, content.size(), begins_at, end_sequence});
    if (has_writes) last_file_ = name;
    is_listed_ = false;
    newest_ = name;
  }

  Findings finish() {
    // The MANIFEST tells of numbers that were flushed, and may leave out the newest ones, whose
    // entries a filter dropped. What STORE knows to be durable is in the newest log that it lists;
    // once that one is not needed any more, all of it is in tables.
    std::uint64_t durable = has_listed_ ? expected_.durable_sequence : 0;
    if (!last_file_.empty()) durable = std::max(durable, expected_.last_sequence);
    const std::uint64_t reached = last_sequence();
    if (reached < durable) {
      const std::string& name = last_file_.empty() ? newest_ : last_file_;
      begin_damage(name, end_, name.empty() ? "no log is there" : name + " ends too early",
                   /*is_certain=*/true);
      open_->damage.what +=
          fmt::format(": writes {} to {} at least are gone", reached + 1, durable);
    }
    if (open_ && open_->is_certain) {
      found_.lost.push_back(std::move(open_->damage));
    } else if (open_) {
      found_.has_torn_tail = true;
    }
    return std::move(found_);
  }

 private:
  // The newest damage, as long as no write follows it.
  struct Open {
    LogDamage damage;
    bool is_certain = false;  // acknowledged writes are lost, whatever follows
  };

  [[nodiscard]] std::uint64_t last_sequence() const { return next_sequence_.value_or(1) - 1; }

  void begin_damage(const std::string& name, std::uint64_t offset, std::string what,
                    bool is_certain) {
    if (!open_) {
      open_ = Open{{name, offset, std::move(what), last_batch_, {}}, is_certain};
    } else if (is_certain && !open_->is_certain) {
      open_->damage.what = std::move(what);
      open_->is_certain = true;
    }
  }

  void begin_unreadable(const std::string& name, std::uint64_t offset) {
    begin_damage(name, offset, fmt::format("{} is damaged at offset {}", name, offset),
                 /*is_certain=*/false);
  }

  // Before the first write of a file: did the file before it end too early?
  void end_file_before(const std::string& name, const WalRecord& record) {
    if (open_ || record.missing == 0 || last_file_.empty() || last_file_ == name) return;
    begin_damage(last_file_, end_,
                 fmt::format("{} ends at offset {}, or a log after it is gone", last_file_, end_),
                 /*is_certain=*/true);
  }

  void take(const std::string& name, const WalRecord& record) {
    // Where the oldest log begins is not known if STORE does not list it.
    const bool is_first = !next_sequence_;
    const bool is_missing = record.missing > 0;
    if (is_missing && !open_) {
      begin_damage(name, record.offset,
                   fmt::format("before offset {} of {} something is missing", record.offset, name),
                   /*is_certain=*/true);
    }
    if (open_ && (is_missing || is_first || open_->is_certain)) {
      if (is_missing) {
        open_->damage.what +=
            fmt::format(": writes {} to {} are gone", *next_sequence_, record.sequence - 1);
      }
      open_->damage.batch_after.assign(record.batch);
      found_.lost.push_back(std::move(open_->damage));
    } else if (open_) {
      found_.has_torn_tail = true;
    }
    open_.reset();
    last_batch_.assign(record.batch);
  }

  const LogExpectations& expected_;
  Findings found_;
  std::optional<Open> open_;
  std::string last_batch_;
  std::string last_file_;  // the newest with writes
  std::string newest_;
  std::uint64_t end_ = 0;  // of the last write in last_file_
  std::optional<std::uint64_t> next_sequence_;
  bool is_listed_ = false;   // the log that is read next
  bool has_listed_ = false;  // some log that is needed
};

Result<Findings> inspect(rocksdb::Env& env, const std::string& directory,
                         const std::vector<std::string>& logs, const LogExpectations& expected) {
  Inspection inspection(expected);
  std::vector<ListedLog> listed = expected.logs;
  std::erase_if(listed, [&](const ListedLog& log) { return log.number < expected.oldest_log; });
  auto next_listed = listed.begin();
  for (const std::string& name : logs) {
    const std::uint64_t number = *log_number(name);
    for (; next_listed != listed.end() && next_listed->number <= number; ++next_listed) {
      inspection.expect(*next_listed);
      if (next_listed->number < number) inspection.miss(*next_listed);
    }
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content,
                             read_whole_file(env, directory + "/" + name));
    inspection.read(
        name, content,
        next_listed == listed.end() ? std::nullopt : std::optional(next_listed->first_sequence));
  }
  for (; next_listed != listed.end(); ++next_listed) {
    inspection.expect(*next_listed);
    inspection.miss(*next_listed);
  }
  return inspection.finish();
}

// The files to keep a copy of: those that are rewritten, and those that the report names.
std::vector<std::string> files_to_copy(const Findings& found,
                                       const std::vector<std::string>& logs) {
  std::vector<std::string> names;
  for (const std::string& name : logs) {
    const bool is_named =
        std::ranges::any_of(found.files, [&](const auto& file) { return file.name == name; }) ||
        std::ranges::any_of(found.lost, [&](const auto& lost) { return lost.file == name; });
    if (is_named) names.push_back(name);
  }
  return names;
}

// The directory of an earlier copy of the same files: a service that restarts in a loop must not
// fill the disk with copies.
std::optional<std::string> earlier_copy(rocksdb::Env& env, const std::string& directory,
                                        const std::vector<std::string>& files) {
  std::vector<std::string> names;
  if (!env.GetChildren(directory, &names).ok()) return std::nullopt;
  for (const std::string& name : names) {
    if (!name.starts_with("damaged-")) continue;
    const std::string candidate = directory + "/" + name;
    const bool complete = std::ranges::all_of(files, [&](const std::string& file) {
      std::uint64_t size = 0;
      std::uint64_t copied = 0;
      return env.GetFileSize(directory + "/" + file, &size).ok() &&
             env.GetFileSize(candidate + "/" + file, &copied).ok() && size == copied;
    });
    if (complete) return candidate;
  }
  return std::nullopt;
}

// Where the copy is; nowhere if there is nothing to copy.
Result<std::string> copy_aside(rocksdb::Env& env, const std::string& directory,
                               const std::vector<std::string>& files) {
  if (files.empty()) return std::string();
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
  for (const std::string& file : files) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content,
                             read_whole_file(env, directory + "/" + file));
    OUTBOXD_TRY(replace_whole_file(env, copy + "/" + file, content));
  }
  OUTBOXD_TRY(sync_directory(env, copy));
  OUTBOXD_TRY(sync_directory(env, directory));
  return copy;
}

// Leaves the complete records of the files, and nothing else.
Status rewrite(rocksdb::Env& env, const std::string& directory,
               const std::vector<Findings::DamagedFile>& files, const std::string& mark) {
  for (const auto& file : files) {
    const std::string path = directory + "/" + file.name;
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content, read_whole_file(env, path));
    WalScanner scanner(content, {mark, file.next_sequence, file.end_sequence});
    std::string whole;
    while (const auto record = scanner.next()) append_wal_record(whole, record->batch);
    OUTBOXD_TRY(replace_whole_file(env, path, whole));
  }
  return sync_directory(env, directory);
}

Error refusal(const std::string& directory, const std::string& copy, const LogDamage& damage) {
  const std::string kept =
      copy.empty()
          ? std::string("Nothing was changed.")
          : fmt::format("The files concerned were copied to {}; nothing else was changed.", copy);
  return Error{.message = fmt::format(
                   "{}/{}. Acknowledged writes are lost: data that was promised is not there. {} "
                   "Restore a backup, or run with --repair to go on with what is readable and to "
                   "see what is lost.",
                   directory, damage.what, kept)};
}

}  // namespace

Result<RecoveryReport> recover_wal(rocksdb::Env& env, const std::string& directory,
                                   const LogExpectations& expected, bool repair) {
  OUTBOXD_ASSIGN_OR_RETURN(std::vector<std::string> logs, list_logs(env, directory));
  // RocksDB has not removed these yet. It does so in no certain order, and does not read them.
  std::erase_if(logs, [&](const auto& name) { return *log_number(name) < expected.oldest_log; });
  OUTBOXD_ASSIGN_OR_RETURN(Findings found, inspect(env, directory, logs, expected));
  RecoveryReport report;
  if (!found.lost.empty()) {
    OUTBOXD_ASSIGN_OR_RETURN(report.copy_directory,
                             copy_aside(env, directory, files_to_copy(found, logs)));
    if (!repair) return refusal(directory, report.copy_directory, found.lost.front());
    report.lost = std::move(found.lost);
  }
  report.torn_tail_dropped = found.has_torn_tail;
  if (!found.files.empty()) OUTBOXD_TRY(rewrite(env, directory, found.files, expected.mark));
  return report;
}

Result<bool> has_logged_anything(rocksdb::Env& env, const std::string& directory) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<std::string> logs, list_logs(env, directory));
  for (const std::string& name : logs) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string content,
                             read_whole_file(env, directory + "/" + name));
    if (content.find_first_not_of('\0') != std::string::npos) return true;
  }
  return false;
}

}  // namespace outboxd::storage
