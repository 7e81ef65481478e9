// The name of one data directory, of a daemon or of a broker.
#pragma once

#include <string>

namespace outboxd::domain {

// 128 random bits in hexadecimal: no two stores have the same. A copy of a directory has that of
// the original.
std::string new_store_id();

}  // namespace outboxd::domain
