#include "tests/bench/errors.h"

#include <cerrno>
#include <cstring>

namespace outboxd::bench {

void throw_errno(const std::string& what) {
  const int error = errno;
  throw BenchError(what + ": " + std::strerror(error));
}

}  // namespace outboxd::bench
