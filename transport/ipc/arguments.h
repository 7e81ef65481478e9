// The named arguments of a request, read with errors that name the argument.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/result.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {

struct IntegerRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

// A map with string keys: a request's arguments, or a map inside them. A view, as Value is. Every
// error is a bad_request whose argument is the path of what is wrong ("lines[1].quantity") and
// whose message says what was found and what would be right. An argument given as nil counts as not
// given.
class Arguments {
 public:
  // `params` of a request: `[]` or `[ {map} ]`. Refuses keys that are not in `allowed` and keys
  // given twice.
  static domain::Result<Arguments> of_params(Value params,
                                             std::initializer_list<std::string_view> allowed);

  // A map inside the arguments; `path` is put before the names in errors.
  static domain::Result<Arguments> of_map(Value map, std::string path,
                                          std::initializer_list<std::string_view> allowed);

  domain::Result<std::string_view> string(std::string_view name) const;
  domain::Result<std::optional<std::string_view>> optional_string(std::string_view name) const;
  domain::Result<std::int64_t> integer(std::string_view name, IntegerRange range = {}) const;
  domain::Result<std::optional<std::int64_t>> optional_integer(std::string_view name,
                                                               IntegerRange range = {}) const;
  domain::Result<bool> optional_boolean(std::string_view name, bool absent) const;
  domain::Result<Value> any(std::string_view name) const;  // must be given; may not be nil
  // The entries of an array of maps, each with `allowed` keys. Not given: empty when not
  // `required`.
  domain::Result<std::vector<Arguments>> maps(
      std::string_view name, bool required, std::size_t max_entries,
      std::initializer_list<std::string_view> allowed) const;
  domain::Result<std::vector<std::string_view>> strings(std::string_view name,
                                                        std::size_t max_entries) const;
  domain::Result<std::vector<std::uint64_t>> unsigned_integers(std::string_view name,
                                                               std::size_t max_entries) const;

  // "lines[1].quantity" for name "quantity".
  [[nodiscard]] std::string path_of(std::string_view name) const;

 private:
  Arguments(Value map, std::string path) : map_(map), path_(std::move(path)) {}
  [[nodiscard]] Value find(std::string_view name) const;
  // The array `name`, or nil when it is not given.
  domain::Result<Value> array(std::string_view name, std::string_view expected,
                              std::size_t max_entries) const;

  Value map_;
  std::string path_;
};

}  // namespace outboxd::transport
