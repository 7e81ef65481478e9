// Fails every write, sync, read and open of the script in turn, and checks what is left.
//
// RocksDB as Debian builds it aborts on some errors. So all of it happens in a worker process,
// whose record is in a file: when the worker dies, its successor treats the abort as a restart and
// as a power cut, checks the disk of the case it died in, and goes on with the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fault/injection.h"

namespace outboxd::fault {

struct IoErrorOptions {
  std::uint64_t seed = 1;
  std::size_t stretches = 3;
  std::size_t groups = 8;  // in each stretch
  std::vector<Access> accesses;
  std::vector<Fault::Cause> causes = {Fault::Cause::kNoSpace, Fault::Cause::kIoError};
  std::size_t every = 1;  // take every so-manieth access of a sort
};

struct IoErrorReport {
  std::uint64_t cases = 0;    // faults injected
  std::uint64_t stopped = 0;  // of these, the store stopped with an error
  std::uint64_t aborted = 0;  // of these, the process aborted
  std::uint64_t opened = 0;   // disks that were opened afterwards
  std::vector<std::string> violations;
};

// Runs the workers. The calling process must not have used RocksDB: it forks.
IoErrorReport sweep_io_errors(const IoErrorOptions& options);

}  // namespace outboxd::fault
