// Identifiers that nobody else has.
#pragma once

#include <string>

#include "domain/clock.h"

namespace outboxd::daemon {

// 128 random bits of the kernel in hexadecimal. Any thread.
class RandomIds : public domain::IdGenerator {
 public:
  std::string next() override;
};

}  // namespace outboxd::daemon
