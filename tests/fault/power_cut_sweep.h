// Cuts the power at every point of a record, in every way, and checks what is left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/fault/scripted_run.h"

namespace outboxd::fault {

// A whole script: what it did to the disk, what it was told, what it did.
struct Script {
  DiskImage start;
  Record record;
  History history;
  std::set<std::string> request_ids;
  std::uint64_t transactions = 0;
  std::uint64_t changes_of_mind = 0;
};

struct ScriptOptions {
  std::uint64_t seed = 1;
  std::size_t stretches = 5;  // the store is opened so many times
  Stretch stretch;
  Lies lies;
};

// Runs the script on a disk without faults.
Script play_script(const ScriptOptions& options);

struct SweepOptions {
  std::uint64_t seed = 1;
  // Only every `shards`-th cut point is taken, beginning with `shard`.
  std::size_t shard = 0;
  std::size_t shards = 1;
  std::size_t max_violations = 5;  // the sweep ends early when there are so many
};

struct SweepReport {
  std::uint64_t cut_points = 0;
  std::uint64_t sync_points = 0;  // of these, cuts at the moment of a sync
  std::uint64_t variants = 0;     // cut points times what became of the unsynced
  std::uint64_t opened = 0;       // disks that were opened; the other variants left the same disk
  std::vector<std::string> violations;
};

// What is violated on a disk that a power cut left, when the record says that groups up to
// `acknowledged` were promised.
using DiskCheck =
    std::function<std::vector<std::string>(const DiskImage& disk, std::size_t acknowledged)>;

// Cuts the power at every point of `record`, which began on `start`, and checks what is left.
// Syncs, of files and directories, are cut just before their effect (all variants) and just after;
// everything else just after it took effect and before it is durable.
SweepReport sweep_power_cuts(const DiskImage& start, const Record& record, const DiskCheck& check,
                             const SweepOptions& options);

// The same for the application's script, by check_disk().
SweepReport sweep_power_cuts(const Script& script, const SweepOptions& options);

// Cuts the power at `cuts` random points, and again at a random point of the recovery from that.
SweepReport sweep_recoveries(const Script& script, std::uint64_t seed, std::size_t cuts);

}  // namespace outboxd::fault
