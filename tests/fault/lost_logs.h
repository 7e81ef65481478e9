// What disks lose besides what was not synced: files, their ends, stretches of them, or the newer
// state of them. A run of the database whose logs outlive each other, then one loss at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/fault/power_cut_file_system.h"

namespace outboxd::fault {

// How a run ended.
enum class Ending : std::uint8_t { kClosed, kKilled, kPowerCut };

std::string_view name_of(Ending ending);

// A database of two families, one flushed often and one never, so that every log is needed. Commit
// n puts key n into both. What it puts into the first holds well-formed log records that would put
// the key "forged" into the second.
struct LogRun {
  Ending ending = Ending::kClosed;
  std::uint64_t acknowledged = 0;  // commits
  std::uint64_t written = 0;       // one more when the last one was not acknowledged
  DiskImage disk;
  std::vector<DiskImage> earlier;  // states of it that are older
};

LogRun play_log_run(Ending ending, std::uint64_t seed);

// The same run, with every operation and each commit that was acknowledged: for power cuts.
Record record_log_run();

// What is violated on a disk that a power cut left of it: no false alarm, nothing acknowledged is
// missing, nothing is there that was never written.
std::vector<std::string> check_log_run(const DiskImage& disk, std::size_t acknowledged);

// One loss: what became of `path`.
struct Loss {
  std::string path;
  std::string what;  // in words
  DiskImage disk;

  // The newest log lost writes that a kill or a power cut may as well have kept from it: what is
  // left looks like a run that ended earlier, and nobody can tell.
  bool is_beyond_notice = false;
};

// Each of CURRENT, STORE and the logs: gone; each log: cut between two writes, zeroed from there
// on, with a page or all of it zeroed, in an earlier state, or with the contents of another one.
std::vector<Loss> losses_of(const LogRun& run);

// Makes the recovery blind for something, by hiding it: a bug, planted.
using Blindness = std::function<void(DiskImage&)>;

struct LossReport {
  std::uint64_t cases = 0;
  std::uint64_t refused = 0;    // of these, a start was refused until repaired
  std::uint64_t unnoticed = 0;  // of these, nobody can notice that writes are gone
  std::vector<std::string> violations;
};

// G10: a start either refuses or has all that was acknowledged; with repair it goes on, names what
// is missing, and has nothing that was never written.
LossReport sweep_losses(const LogRun& run, const Blindness& blindness = {});

// The bugs: no STORE; no comparison of numbers from one log to the next; a search for records in
// what clients wrote.
Blindness without_store_file();
Blindness without_sequence();
Blindness trusting_payloads();

}  // namespace outboxd::fault
