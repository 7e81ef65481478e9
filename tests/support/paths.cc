#include "tests/support/paths.h"

namespace outboxd::support {

std::string source_dir() {
  return OUTBOXD_SOURCE_DIR;
}

std::string program_dir() {
  return OUTBOXD_BIN_DIR;
}

}  // namespace outboxd::support
