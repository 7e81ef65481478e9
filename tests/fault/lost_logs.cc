#include "tests/fault/lost_logs.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include <rocksdb/env.h>

#include "domain/check.h"
#include "storage/database/database.h"
#include "storage/database/wal_scan.h"
#include "tests/fault/scripted_run.h"

namespace outboxd::fault {
namespace {

using storage::Database;
using storage::LogDamage;

constexpr std::size_t kWide = 0;
constexpr std::size_t kNarrow = 1;
constexpr std::uint64_t kCommits = 36;
constexpr std::size_t kForgedRecords = 250;
constexpr std::size_t kPageBytes = 4096;

// The database on a test's disk, and what it was opened with.
struct OpenDatabase {
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<Database> database;
};

domain::Result<OpenDatabase> open_database(PowerCutFileSystem& files, bool repair = false) {
  OpenDatabase open;
  open.env = rocksdb::NewCompositeEnv(std::shared_ptr<PowerCutFileSystem>(&files, [](auto*) {}));
  storage::DatabaseOptions options{.path = kDataDirectory,
                                   .families = {{.name = "wide"}, {.name = "narrow"}},
                                   .format_name = "test",
                                   .env = open.env.get(),
                                   .repair = repair};
  options.memory.write_buffer_bytes = 64 << 10;
  OUTBOXD_ASSIGN_OR_RETURN(open.database, Database::open(std::move(options)));
  return open;
}

std::string key_of(std::uint64_t commit) {
  return std::to_string(1000 + commit);
}

void set_sequence(std::string& batch, std::uint64_t sequence) {
  for (std::size_t i = 0; i < 8; ++i) batch[i] = static_cast<char>(sequence >> (8 * i));
}

// Bytes that a scanner which trusts payloads takes for records, the next ones of this log.
std::string forged_records(const Database& database) {
  std::string forged;
  std::uint64_t sequence = database.db().GetLatestSequenceNumber() + 3;
  for (std::size_t i = 0; i < kForgedRecords; ++i) {
    rocksdb::WriteBatch batch;
    OUTBOXD_CHECK(batch.Put(database.family(kNarrow), "forged", "x").ok());
    std::string bytes = batch.Data();
    set_sequence(bytes, sequence++);
    std::string record;
    storage::append_wal_record(record, bytes);
    forged += std::string(5, '\0') + record;
  }
  return forged;
}

void commit(Database& database, std::uint64_t number) {
  rocksdb::WriteBatch batch(0, 0, storage::kProtectionBytes, 0);
  database.begin_batch(batch);
  OUTBOXD_CHECK(batch.Put(database.family(kNarrow), key_of(number), "x").ok());
  OUTBOXD_CHECK(batch.Put(database.family(kWide), key_of(number), forged_records(database)).ok());
  OUTBOXD_CHECK(database.write_synced(batch).ok());
}

// The commit that a batch belongs to, or 0.
std::uint64_t commit_in(const std::string& batch) {
  struct Numbers final : rocksdb::WriteBatch::Handler {
    rocksdb::Status PutCF(std::uint32_t /*family*/, const rocksdb::Slice& key,
                          const rocksdb::Slice& /*value*/) override {
      if (key.size() == 4) number = std::stoull(key.ToString()) - 1000;
      return rocksdb::Status::OK();
    }
    std::uint64_t number = 0;
  } numbers;
  if (!batch.empty()) OUTBOXD_CHECK(rocksdb::WriteBatch(batch).Iterate(&numbers).ok());
  return numbers.number;
}

bool is_log(const std::string& path) {
  return parent_of(path) == kDataDirectory && path.ends_with(".log");
}

std::vector<std::string> logs_on(const DiskImage& disk) {
  std::vector<std::string> paths;
  for (const auto& [path, contents] : disk.files) {
    if (is_log(path)) paths.push_back(path);
  }
  return paths;
}

// Where records with operations begin and end.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
};

std::vector<Extent> records_in(const std::string& log) {
  std::vector<Extent> records;
  storage::WalScanner scanner(log);
  while (const auto record = scanner.next()) {
    if (record->count > 0) records.push_back({record->offset, record->end});
  }
  return records;
}

}  // namespace

std::string_view name_of(Ending ending) {
  switch (ending) {
    case Ending::kClosed: return "closed";
    case Ending::kKilled: return "killed";
    case Ending::kPowerCut: return "cut off";
  }
  return "?";
}

LogRun play_log_run(Ending ending, std::uint64_t seed) {
  LogRun run{.ending = ending};
  const DiskImage start = new_box();
  Recorder recorder;
  PowerCutFileSystem files(start, &recorder);
  DiskModel model(start);
  const auto follow = [&] {
    for (const Operation& operation : recorder.take()) model.apply(operation);
  };
  {
    auto first = open_database(files);
    OUTBOXD_CHECK(first.ok());
    for (std::uint64_t i = 1; i <= kCommits / 3; ++i) commit(*first->database, i);
  }
  auto second = open_database(files);
  OUTBOXD_CHECK(second.ok());
  for (std::uint64_t i = kCommits / 3 + 1; i < kCommits; ++i) {
    commit(*second->database, i);
    follow();
    if (i % 5 == 0) run.earlier.push_back(model.as_seen());
  }
  commit(*second->database, kCommits);
  run.written = kCommits;
  run.acknowledged = kCommits;
  if (ending == Ending::kPowerCut) {
    const Record last = recorder.take();
    std::mt19937_64 random(seed);
    const std::size_t cut = random() % (last.size() + 1);
    for (std::size_t i = 0; i < cut; ++i) model.apply(last[i]);
    run.disk = model.after_cut({UnsyncedData::kPrefix, UnsyncedNames::kPrefix}, random);
    run.acknowledged = kCommits - 1;
    return run;
  }
  if (ending == Ending::kClosed) second = domain::Error{};
  follow();
  run.disk = model.as_seen();
  return run;
}

namespace {

class LossList {
 public:
  explicit LossList(const LogRun& run) : run_(run), logs_(logs_on(run.disk)) {}

  std::vector<Loss> take() {
    for (const char* name : {"/CURRENT", "/STORE"}) remove(kDataDirectory + std::string(name));
    for (const std::string& path : logs_) {
      remove(path);
      lose_parts(path);
      go_back(path);
    }
    return std::move(losses_);
  }

 private:
  void remove(const std::string& path) {
    Loss& loss = add(path, "gone");
    loss.disk.files.erase(path);
  }

  void lose_parts(const std::string& path) {
    const std::string& whole = *run_.disk.files.at(path);
    const std::vector<Extent> records = records_in(whole);
    replace(path, "all zeros", std::string(whole.size(), '\0'));
    if (records.empty()) return;
    for (const std::size_t kept : {std::size_t{0}, records.size() / 2, records.size() - 1}) {
      const std::uint64_t from = records[kept].offset;
      const std::string behind = " from record " + std::to_string(kept) + " on";
      replace(path, "cut" + behind, whole.substr(0, from), kept > 0);
      std::string zeroed = whole;
      std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(from), zeroed.end(), '\0');
      replace(path, "zeros" + behind, zeroed, kept > 0);
      std::string without_page = whole;
      const std::uint64_t page_end = std::min((from / kPageBytes + 1) * kPageBytes, whole.size());
      std::fill(without_page.begin() + static_cast<std::ptrdiff_t>(from),
                without_page.begin() + static_cast<std::ptrdiff_t>(page_end), '\0');
      replace(path, "zeros in the page where record " + std::to_string(kept) + " begins",
              without_page, kept + 1 == records.size() && kept > 0);
    }
  }

  void go_back(const std::string& path) {
    for (std::size_t i = 0; i < run_.earlier.size(); ++i) {
      const auto earlier = run_.earlier[i].files.find(path);
      if (earlier == run_.earlier[i].files.end()) continue;
      if (*earlier->second == *run_.disk.files.at(path)) continue;
      replace(path, "as it was in state " + std::to_string(i), *earlier->second,
              !records_in(*earlier->second).empty());
    }
    for (const std::string& other : logs_) {
      if (other != path) replace(path, "replaced by " + other, *run_.disk.files.at(other));
    }
  }

  Loss& add(const std::string& path, const std::string& what) {
    losses_.push_back({.path = path, .what = what, .disk = run_.disk});
    return losses_.back();
  }

  // `is_end` when only writes at the end are missing, and not all of them.
  void replace(const std::string& path, const std::string& what, const std::string& contents,
               bool is_end = false) {
    Loss& loss = add(path, what);
    loss.disk.files[path] = std::make_shared<const std::string>(contents);
    loss.is_beyond_notice = is_end && path == newest_log() && run_.ending != Ending::kClosed;
  }

  // The last one that holds a write.
  [[nodiscard]] std::string newest_log() const {
    for (auto path = logs_.rbegin(); path != logs_.rend(); ++path) {
      if (!records_in(*run_.disk.files.at(*path)).empty()) return *path;
    }
    return "";
  }

  const LogRun& run_;
  const std::vector<std::string> logs_;
  std::vector<Loss> losses_;
};

// The commits that `family` has. Complains of what was never written.
std::set<std::uint64_t> commits_in(const Database& database, std::size_t family,
                                   std::uint64_t written, std::vector<std::string>& violations) {
  std::set<std::uint64_t> commits;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database.db().NewIterator({}, database.family(family)));
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    const std::string key = entries->key().ToString();
    const bool is_ours = key.size() == 4 && key.find_first_not_of("0123456789") == key.npos;
    const std::uint64_t number = is_ours ? std::stoull(key) - 1000 : 0;
    if (number == 0 || number > written) {
      violations.push_back("G10: '" + key + "' was never written");
    } else {
      commits.insert(number);
    }
  }
  if (!entries->status().ok()) violations.push_back("G10: " + entries->status().ToString());
  return commits;
}

// One loss, and what a start makes of it.
class LossCase {
 public:
  LossCase(const LogRun& run, const Loss& loss, const Blindness& blindness, LossReport& report)
      : run_(run), loss_(loss), report_(report) {
    DiskImage disk = loss.disk;
    if (blindness) blindness(disk);
    files_ = std::make_unique<PowerCutFileSystem>(disk);
  }

  void check() {
    ++report_.cases;
    auto open = open_database(*files_);
    if (open) {
      check_contents(*open->database);
      open->database.reset();
    } else {
      ++report_.refused;
      if (open.error().message.find("--repair") == std::string::npos) {
        violated("G14: it refuses without a way out: " + open.error().message);
      }
      check_repair();
    }
    if (const auto again = open_database(*files_); !again) {
      violated("G14: it does not open again: " + again.error().message);
    }
  }

 private:
  void violated(const std::string& what) {
    report_.violations.push_back(what + " [" + std::string(name_of(run_.ending)) + ", " +
                                 loss_.path + " " + loss_.what + "]");
  }

  [[nodiscard]] std::set<std::uint64_t> missing_in(const Database& database) {
    std::vector<std::string> alien;
    std::set<std::uint64_t> missing;
    for (const std::size_t family : {kWide, kNarrow}) {
      const auto found = commits_in(database, family, run_.written, alien);
      for (std::uint64_t i = 1; i <= run_.acknowledged; ++i) {
        if (!found.contains(i)) missing.insert(i);
      }
    }
    for (const std::string& violation : alien) violated(violation);
    return missing;
  }

  void check_contents(const Database& database) {
    const std::set<std::uint64_t> missing = missing_in(database);
    if (missing.empty()) return;
    const std::uint64_t first = *missing.begin();
    if (!loss_.is_beyond_notice) {
      violated("G10: it starts without a word, and commit " + std::to_string(first) +
               " is missing");
      return;
    }
    ++report_.unnoticed;
    if (missing.size() != run_.acknowledged - first + 1) {
      violated("G10: commits are missing that were not at the end");
    }
  }

  void check_repair() {
    const auto repaired = open_database(*files_, /*repair=*/true);
    if (!repaired) {
      violated("G14: repair fails: " + repaired.error().message);
      return;
    }
    const storage::RecoveryReport& report = repaired->database->recovery();
    if (report.lost.empty() && report.mended.empty()) violated("G10: repair found nothing to tell");
    for (const std::uint64_t number : missing_in(*repaired->database)) {
      const bool is_told = std::ranges::any_of(report.lost, [&](const LogDamage& damage) {
        return number > commit_in(damage.batch_before) &&
               (damage.batch_after.empty() || number < commit_in(damage.batch_after));
      });
      if (!is_told) {
        violated("G10: repair does not tell that commit " + std::to_string(number) + " is lost");
      }
    }
  }

  const LogRun& run_;
  const Loss& loss_;
  LossReport& report_;
  std::unique_ptr<PowerCutFileSystem> files_;
};

}  // namespace

Record record_log_run() {
  Recorder recorder;
  PowerCutFileSystem files(new_box(), &recorder);
  for (std::uint64_t i = 1; i <= kCommits;) {
    auto open = open_database(files);
    OUTBOXD_CHECK(open.ok());
    for (const std::uint64_t end = i + kCommits / 3; i < end; ++i) {
      commit(*open->database, i);
      recorder.add({.kind = Operation::Kind::kAcknowledged, .offset = i});
    }
  }
  return recorder.take();
}

std::vector<std::string> check_log_run(const DiskImage& disk, std::size_t acknowledged) {
  PowerCutFileSystem files(disk);
  const auto open = open_database(files);
  if (!open) return {"G1: it refuses to open: " + open.error().message};
  std::vector<std::string> violations;
  for (const std::size_t family : {kWide, kNarrow}) {
    const auto found = commits_in(*open->database, family, acknowledged + 1, violations);
    for (std::uint64_t i = 1; i <= acknowledged; ++i) {
      if (!found.contains(i)) {
        violations.push_back("G1: commit " + std::to_string(i) + " is missing");
      }
    }
  }
  return violations;
}

std::vector<Loss> losses_of(const LogRun& run) {
  return LossList(run).take();
}

LossReport sweep_losses(const LogRun& run, const Blindness& blindness) {
  LossReport report;
  for (const Loss& loss : losses_of(run)) LossCase(run, loss, blindness, report).check();
  return report;
}

Blindness without_store_file() {
  return [](DiskImage& disk) { disk.files.erase(kDataDirectory + std::string("/STORE")); };
}

// Numbers the writes anew, so that each log goes on where the one before ends.
Blindness without_sequence() {
  return [](DiskImage& disk) {
    without_store_file()(disk);
    std::optional<std::uint64_t> next;
    for (const std::string& path : logs_on(disk)) {
      std::string renumbered;
      storage::WalScanner scanner(*disk.files.at(path));
      while (const auto record = scanner.next()) {
        std::string batch(record->batch);
        if (record->count > 0) {
          if (!next) next = record->sequence;
          set_sequence(batch, *next);
          *next += record->count;
        }
        storage::append_wal_record(renumbered, batch);
      }
      disk.files[path] = std::make_shared<const std::string>(renumbered);
    }
  };
}

// Finds every record that stands at any byte behind what is whole, and writes it into the log.
Blindness trusting_payloads() {
  return [](DiskImage& disk) {
    without_store_file()(disk);
    for (const std::string& path : logs_on(disk)) {
      const std::string& log = *disk.files.at(path);
      std::string trusted;
      std::uint64_t end = 0;
      storage::WalScanner scanner(log);
      while (const auto record = scanner.next()) {
        if (record->after_damage) break;
        storage::append_wal_record(trusted, record->batch);
        end = record->end;
      }
      for (std::uint64_t at = end; at + 7 < log.size(); ++at) {
        if (log[at + 6] != 1) continue;  // a whole record in one piece
        storage::WalScanner found(std::string_view(log).substr(at, 7 + 0xff));
        if (const auto record = found.next(); record && record->offset == 0) {
          storage::append_wal_record(trusted, record->batch);
        }
      }
      disk.files[path] = std::make_shared<const std::string>(trusted);
    }
  };
}

}  // namespace outboxd::fault
