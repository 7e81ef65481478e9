#include "tests/fault/injection.h"

namespace outboxd::fault {

std::string_view name_of(Access access) {
  switch (access) {
    case Access::kWrite: return "write";
    case Access::kSync: return "sync";
    case Access::kRead: return "read";
    case Access::kOpen: return "open";
  }
  return "?";
}

std::string describe(const Fault& fault) {
  const std::string text = std::string(name_of(fault.access)) + " " + std::to_string(fault.nth);
  if (fault.cause == Fault::Cause::kAbort) return text + " aborts";
  return text + " fails with " + (fault.cause == Fault::Cause::kNoSpace ? "ENOSPC" : "EIO") +
         (fault.for_good ? " for good" : " once");
}

}  // namespace outboxd::fault
