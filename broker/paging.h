// Lists in pages, as the local API gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "domain/result.h"
#include "transport/ipc/arguments.h"
#include "transport/msgpack/value.h"

namespace outboxd::broker {

inline constexpr std::int64_t kMaxPage = 1000;
inline constexpr std::int64_t kDefaultPage = 100;
inline constexpr transport::IntegerRange kPageRange{1, kMaxPage};
inline constexpr transport::IntegerRange kOffsetRange{0, std::numeric_limits<std::int64_t>::max()};

// A page of a list that is ordered by names.
struct Page {
  std::string after;
  std::size_t limit = 0;
};

// From a request whose arguments are `after` and `limit`. Error: bad_request.
inline domain::Result<Page> page_of(transport::Value params) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto arguments,
                           transport::Arguments::of_params(params, {"after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto after, arguments.optional_string("after"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto limit, arguments.optional_integer("limit", kPageRange));
  return Page{std::string(after.value_or("")),
              static_cast<std::size_t>(limit.value_or(kDefaultPage))};
}

}  // namespace outboxd::broker
