#include "tests/fault/power_cut_sweep.h"

#include <array>
#include <optional>
#include <span>
#include <utility>

#include "tests/fault/checker.h"

namespace outboxd::fault {
namespace {

constexpr Aftermath kAllLost{UnsyncedData::kDropped, UnsyncedNames::kLost};

constexpr std::array kAtSync{
    kAllLost,
    Aftermath{UnsyncedData::kDropped, UnsyncedNames::kKept},
    Aftermath{UnsyncedData::kPrefix, UnsyncedNames::kPrefix},
    Aftermath{UnsyncedData::kMissingPage, UnsyncedNames::kKept},
    Aftermath{UnsyncedData::kGarbageTail, UnsyncedNames::kKept},
};

constexpr std::array kElsewhere{
    kAllLost,
    Aftermath{UnsyncedData::kPrefix, UnsyncedNames::kPrefix},
};

bool is_sync(Operation::Kind kind) {
  return kind == Operation::Kind::kSync || kind == Operation::Kind::kSyncDirectory ||
         kind == Operation::Kind::kIgnored;
}

bool changes_disk(Operation::Kind kind) {
  return kind != Operation::Kind::kClose && kind != Operation::Kind::kAcknowledged;
}

// Randomness of one disk: a cut can be looked at alone.
std::mt19937_64 random_for(std::uint64_t seed, std::size_t cut, std::size_t variant) {
  std::seed_seq mix{seed, static_cast<std::uint64_t>(cut), static_cast<std::uint64_t>(variant)};
  return std::mt19937_64(mix);
}

class PowerCutSweep {
 public:
  PowerCutSweep(const DiskImage& start, const Record& record, const DiskCheck& check,
                const SweepOptions& options)
      : record_(record), check_(check), options_(options), model_(start) {}

  SweepReport run() {
    for (index_ = 0; index_ < record_.size() && !is_done(); ++index_) {
      const Operation& operation = record_[index_];
      if (is_sync(operation.kind)) {
        ++report_.sync_points;
        cut("at", kAtSync);
      }
      model_.apply(operation);
      if (operation.kind == Operation::Kind::kAcknowledged) acknowledged_ = operation.offset;
      if (changes_disk(operation.kind)) cut("after", kElsewhere);
    }
    return std::move(report_);
  }

 private:
  [[nodiscard]] bool is_done() const {
    return report_.violations.size() >= options_.max_violations;
  }

  void cut(std::string_view when, std::span<const Aftermath> aftermaths) {
    if (report_.cut_points++ % options_.shards != options_.shard) return;
    for (std::size_t variant = 0; variant < aftermaths.size(); ++variant) {
      ++report_.variants;
      if (!is_new(aftermaths[variant])) continue;
      check(when, aftermaths[variant], variant);
    }
  }

  // False when a disk like that was checked already.
  bool is_new(Aftermath aftermath) {
    const bool data = model_.has_unsynced_data();
    const bool names = model_.has_unsynced_names();
    if (aftermath.data == UnsyncedData::kDropped) {
      if (aftermath.names == UnsyncedNames::kKept) return names;
      const std::pair now{model_.durable_generation(), acknowledged_};
      return std::exchange(last_all_lost_, now) != now;
    }
    return data || names;
  }

  void check(std::string_view when, Aftermath aftermath, std::size_t variant) {
    ++report_.opened;
    std::mt19937_64 random = random_for(options_.seed, index_, variant);
    for (const std::string& violation :
         check_(model_.after_cut(aftermath, random), acknowledged_)) {
      report_.violations.push_back(violation + " [seed " + std::to_string(options_.seed) +
                                   ", cut " + std::string(when) + " operation " +
                                   std::to_string(index_) + " (" + describe(record_[index_]) +
                                   "), " + describe(aftermath) + "]");
    }
  }

  const Record& record_;
  const DiskCheck& check_;
  const SweepOptions options_;
  DiskModel model_;
  SweepReport report_;
  std::size_t index_ = 0;
  std::size_t acknowledged_ = 0;
  std::optional<std::pair<std::uint64_t, std::size_t>> last_all_lost_;
};

constexpr std::array kAnyData{UnsyncedData::kDropped, UnsyncedData::kPrefix,
                              UnsyncedData::kMissingPage, UnsyncedData::kGarbageTail};
constexpr std::array kAnyNames{UnsyncedNames::kLost, UnsyncedNames::kPrefix, UnsyncedNames::kKept};

Aftermath random_aftermath(std::mt19937_64& random) {
  return {kAnyData[random() % kAnyData.size()], kAnyNames[random() % kAnyNames.size()]};
}

// What is left of `start` when the power is cut after the first `operations` of `record`.
DiskImage cut_after(const DiskImage& start, const Record& record, std::size_t operations,
                    Aftermath aftermath, std::mt19937_64& random) {
  DiskModel model(start);
  for (std::size_t i = 0; i < operations; ++i) model.apply(record[i]);
  return model.after_cut(aftermath, random);
}

}  // namespace

Script play_script(const ScriptOptions& options) {
  Script script{.start = new_box()};
  Recorder recorder;
  PowerCutFileSystem files(script.start, &recorder, options.lies);
  Application application(options.seed);
  script.history.contents.push_back(application.contents());
  for (std::size_t i = 0; i < options.stretches && script.history.stopped_by.empty(); ++i) {
    run_stretch(options.stretch, files, recorder, application, script.history);
  }
  script.record = recorder.take();
  script.request_ids = application.request_ids();
  script.request_ids.insert("never");
  script.transactions = application.transactions();
  script.changes_of_mind = application.changes_of_mind();
  return script;
}

SweepReport sweep_power_cuts(const DiskImage& start, const Record& record, const DiskCheck& check,
                             const SweepOptions& options) {
  return PowerCutSweep(start, record, check, options).run();
}

SweepReport sweep_power_cuts(const Script& script, const SweepOptions& options) {
  const DiskCheck check = [&](const DiskImage& disk, std::size_t acknowledged) {
    return check_disk(disk, {script.history, acknowledged, script.request_ids});
  };
  return sweep_power_cuts(script.start, script.record, check, options);
}

SweepReport sweep_recoveries(const Script& script, std::uint64_t seed, std::size_t cuts) {
  SweepReport report;
  for (std::size_t cut = 0; cut < cuts && report.violations.empty(); ++cut) {
    ++report.cut_points;
    std::mt19937_64 random = random_for(seed, cut, 0);
    const std::size_t operations = random() % (script.record.size() + 1);
    std::size_t acknowledged = 0;
    for (std::size_t i = 0; i < operations; ++i) {
      const Operation& operation = script.record[i];
      if (operation.kind == Operation::Kind::kAcknowledged) acknowledged = operation.offset;
    }
    const DiskImage first =
        cut_after(script.start, script.record, operations, random_aftermath(random), random);

    // Recovery alone is cut, not the commit that the checker makes after it: opening is recorded
    // by itself.
    Recorder recorder;
    PowerCutFileSystem files(first, &recorder);
    if (auto opened = StoreOnDisk::open(files); !opened) {
      report.violations.push_back("G1: the store refuses to open: " + opened.error().message);
      break;
    }
    const Record recovery = recorder.take();
    const DiskImage second = cut_after(first, recovery, random() % (recovery.size() + 1),
                                       random_aftermath(random), random);
    report.opened += 2;
    const Promise promise{script.history, acknowledged, script.request_ids};
    for (const std::string& violation : check_disk(second, promise)) {
      report.violations.push_back(violation + " [seed " + std::to_string(seed) + ", double cut " +
                                  std::to_string(cut) + "]");
    }
  }
  return report;
}

}  // namespace outboxd::fault
