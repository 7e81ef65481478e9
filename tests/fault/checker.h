// Opens the store on a disk that a power cut or an I/O error left, and holds it to its guarantees.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tests/fault/disk_model.h"
#include "tests/fault/scripted_run.h"

namespace outboxd::fault {

// What the script had been told when the disk came to be as it is.
struct Promise {
  const History& history;
  std::size_t acknowledged = 0;  // groups up to this number are durable; the next may be, or not
  const std::set<std::string>& request_ids;
};

// Opens the store on `disk`, checks G1 to G5, G8 and G9, commits one more group, opens again and
// checks that too. Returns what is violated, each beginning with the guarantee's number; empty when
// all is well.
std::vector<std::string> check_disk(const DiskImage& disk, const Promise& promise);

}  // namespace outboxd::fault
