// What goes wrong on purpose in a test's file system.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace outboxd::fault {

// What a call asks of the disk, for counting and failing.
enum class Access : std::uint8_t { kWrite, kSync, kRead, kOpen };

std::string_view name_of(Access access);

// The `nth` access of one sort fails; counted from 1 since the plan was set.
struct Fault {
  enum class Cause : std::uint8_t {
    kNoSpace,
    kIoError,
    kAbort,  // the process dies there
  };

  Access access = Access::kWrite;
  std::uint64_t nth = 1;
  Cause cause = Cause::kIoError;
  bool for_good = false;  // every later access of that sort fails, too
};

// "sync 3 fails with EIO once".
std::string describe(const Fault& fault);

// Bugs to plant, so that the checks can be checked.
struct Lies {
  bool swallow_file_syncs = false;       // a file's sync does nothing and says OK
  bool swallow_directory_syncs = false;  // the same for directories
};

}  // namespace outboxd::fault
