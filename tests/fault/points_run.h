// The box office on the real store, on a recorded disk, and what must hold of its points (G9) when
// the power is cut in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fault/box_office.h"
#include "tests/fault/power_cut_sweep.h"
#include "tests/fault/scripted_run.h"

namespace outboxd::fault {

// Everything that was done, group by group; number 0 is what was there before.
struct PointsHistory {
  std::vector<PointsBooks> books{{}};                    // after the group
  std::vector<std::vector<PointsRequest>> requests{{}};  // accepted into it
  std::vector<std::int64_t> elapsed_ms{0};               // when it was filled
  std::vector<std::string> complaints;
  BoxOffice::Counts counts;
};

struct PointsScript {
  DiskImage start;
  Record record;
  PointsHistory history;
};

struct PointsScriptOptions {
  std::uint64_t seed = 1;
  std::size_t stretches = 2;  // the store is opened so many times
  std::size_t groups = 20;    // committed in each of them
  Decorator decorate;         // or empty
  Lies lies;
};

// Runs the box office on a disk without faults.
PointsScript play_points_script(const PointsScriptOptions& options);

// Opens the store that a power cut left and checks it. Then every client sends again what it asked
// for in the newest group that was acknowledged and in the one that may have been, and it is
// checked again. Returns what is violated, each beginning with the guarantee's number:
//
//   G1: the books are those after the last acknowledged group, or after the one being written
//   G2: every status of a reservation has its event in the outbox
//   G4: what was acknowledged is known again and changes nothing
//   G9: deposits are balances and payments, for each user and in total; a PAID reservation has its
//       deduction; an item is sold once; claims, holds and deductions agree (verify)
std::vector<std::string> check_points(const DiskImage& disk, const PointsHistory& history,
                                      std::size_t acknowledged);

}  // namespace outboxd::fault
