#include "transport/ipc/arguments.h"

#include <algorithm>

#include "domain/check.h"
#include "domain/ids.h"

namespace outboxd::transport {
namespace {

// What may be repeated to the caller: a key can be a megabyte of anything.
std::string shown(Value key) {
  const auto name = key.as_string();
  if (!name) return "a key that is " + std::string(name_of(key.kind()));
  return domain::is_valid_id(*name) ? std::string(*name) : "a key that is no name";
}

std::string listed(std::initializer_list<std::string_view> names) {
  if (names.size() == 0) return "it takes no arguments";
  std::string text = "possible are";
  const char* separator = " ";
  for (const std::string_view name : names) {
    text.append(separator).append(name);
    separator = ", ";
  }
  return text;
}

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

domain::Error wrong_kind(const std::string& path, std::string_view expected, Value found) {
  if (found.is_nil()) {
    return domain::bad_request(path, path + " is missing; it must be " + std::string(expected));
  }
  return domain::bad_request(path, path + " must be " + std::string(expected) + ", not " +
                                       std::string(name_of(found.kind())));
}

std::string expected_integer(IntegerRange range) {
  constexpr IntegerRange kAny;
  if (range.min == kAny.min && range.max == kAny.max) return "an integer";
  if (range.max == kAny.max) return "an integer of at least " + std::to_string(range.min);
  if (range.min == kAny.min) return "an integer of at most " + std::to_string(range.max);
  return "an integer from " + std::to_string(range.min) + " to " + std::to_string(range.max);
}

domain::Status check_keys(Value map, const std::string& path,
                          std::initializer_list<std::string_view> allowed) {
  constexpr std::size_t kMaxAllowed = 64;
  OUTBOXD_CHECK(allowed.size() <= kMaxAllowed);
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const Value key = map.entry(i).first;
    const auto name = key.as_string();
    const auto* found = name ? std::find(allowed.begin(), allowed.end(), *name) : allowed.end();
    if (found == allowed.end()) {
      const std::string argument = joined(path, shown(key));
      return domain::bad_request(argument, argument + " is not known here; " + listed(allowed));
    }
    const std::uint64_t bit = std::uint64_t{1} << (found - allowed.begin());
    if ((given & bit) != 0) {
      const std::string argument = joined(path, *name);
      return domain::bad_request(argument, argument + " is given twice; give it once");
    }
    given |= bit;
  }
  return domain::ok_status();
}

}  // namespace

domain::Result<Arguments> Arguments::of_params(Value params,
                                               std::initializer_list<std::string_view> allowed) {
  if (params.kind() != Value::Kind::kArray || params.size() > 1) {
    return domain::bad_request("params", "params must be [ {named arguments} ] or []");
  }
  if (params.size() == 0) return Arguments(Value(), {});
  if (params.at(0).kind() != Value::Kind::kMap) {
    return domain::bad_request("params",
                               "params must be [ {named arguments} ] or [], and its "
                               "first entry is " +
                                   std::string(name_of(params.at(0).kind())));
  }
  return of_map(params.at(0), {}, allowed);
}

domain::Result<Arguments> Arguments::of_map(Value map, std::string path,
                                            std::initializer_list<std::string_view> allowed) {
  if (map.kind() != Value::Kind::kMap) return wrong_kind(path, "a map", map);
  OUTBOXD_TRY(check_keys(map, path, allowed));
  return Arguments(map, std::move(path));
}

domain::Result<std::string_view> Arguments::string(std::string_view name) const {
  const Value value = find(name);
  if (const auto string = value.as_string()) return *string;
  return wrong_kind(path_of(name), "a string", value);
}

domain::Result<std::optional<std::string_view>> Arguments::optional_string(
    std::string_view name) const {
  if (find(name).is_nil()) return std::optional<std::string_view>();
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view value, string(name));
  return std::optional(value);
}

domain::Result<std::int64_t> Arguments::integer(std::string_view name, IntegerRange range) const {
  const Value value = find(name);
  const auto integer = value.as_integer();
  if (integer && *integer >= range.min && *integer <= range.max) return *integer;
  if (integer) {
    const std::string path = path_of(name);
    return domain::bad_request(
        path, path + " must be " + expected_integer(range) + ", not " + std::to_string(*integer));
  }
  if (const auto beyond = value.as_unsigned()) {  // an integer, but past 63 bits
    const std::string path = path_of(name);
    return domain::bad_request(path, path + " must be an integer of at most " +
                                         std::to_string(range.max) + ", not " +
                                         std::to_string(*beyond));
  }
  return wrong_kind(path_of(name), expected_integer(range), value);
}

domain::Result<std::optional<std::int64_t>> Arguments::optional_integer(std::string_view name,
                                                                        IntegerRange range) const {
  if (find(name).is_nil()) return std::optional<std::int64_t>();
  OUTBOXD_ASSIGN_OR_RETURN(const std::int64_t value, integer(name, range));
  return std::optional(value);
}

domain::Result<bool> Arguments::optional_boolean(std::string_view name, bool absent) const {
  const Value value = find(name);
  if (value.is_nil()) return absent;
  if (const auto flag = value.as_boolean()) return *flag;
  return wrong_kind(path_of(name), "true or false", value);
}

domain::Result<Value> Arguments::any(std::string_view name) const {
  const Value value = find(name);
  if (!value.is_nil()) return value;
  return wrong_kind(path_of(name), "given", value);
}

domain::Result<std::vector<Arguments>> Arguments::maps(
    std::string_view name, bool required, std::size_t max_entries,
    std::initializer_list<std::string_view> allowed) const {
  const Value array = find(name);
  if (array.is_nil() && !required) return std::vector<Arguments>();
  const std::string path = path_of(name);
  if (array.kind() != Value::Kind::kArray) return wrong_kind(path, "an array of maps", array);
  if (array.size() > max_entries) {
    return domain::bad_request(path, path + " may have " + std::to_string(max_entries) +
                                         " entries, not " + std::to_string(array.size()));
  }
  std::vector<Arguments> entries;
  entries.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    OUTBOXD_ASSIGN_OR_RETURN(Arguments entry,
                             of_map(array.at(i), path + "[" + std::to_string(i) + "]", allowed));
    entries.push_back(std::move(entry));
  }
  return entries;
}

domain::Result<Value> Arguments::array(std::string_view name, std::string_view expected,
                                       std::size_t max_entries) const {
  const Value array = find(name);
  if (array.is_nil()) return array;
  const std::string path = path_of(name);
  if (array.kind() != Value::Kind::kArray) return wrong_kind(path, expected, array);
  if (array.size() > max_entries) {
    return domain::bad_request(path, path + " may have " + std::to_string(max_entries) +
                                         " entries, not " + std::to_string(array.size()));
  }
  return array;
}

domain::Result<std::vector<std::string_view>> Arguments::strings(std::string_view name,
                                                                 std::size_t max_entries) const {
  OUTBOXD_ASSIGN_OR_RETURN(const Value given, array(name, "an array of strings", max_entries));
  std::vector<std::string_view> entries;
  entries.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto entry = given.at(i).as_string();
    if (!entry) {
      return wrong_kind(path_of(name) + "[" + std::to_string(i) + "]", "a string", given.at(i));
    }
    entries.push_back(*entry);
  }
  return entries;
}

domain::Result<std::vector<std::uint64_t>> Arguments::unsigned_integers(
    std::string_view name, std::size_t max_entries) const {
  OUTBOXD_ASSIGN_OR_RETURN(const Value given, array(name, "an array of integers", max_entries));
  std::vector<std::uint64_t> entries;
  entries.reserve(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto entry = given.at(i).as_unsigned();
    if (!entry) {
      return wrong_kind(path_of(name) + "[" + std::to_string(i) + "]", "an integer of at least 0",
                        given.at(i));
    }
    entries.push_back(*entry);
  }
  return entries;
}

std::string Arguments::path_of(std::string_view name) const {
  return joined(path_, name);
}

Value Arguments::find(std::string_view name) const {
  for (std::size_t i = 0; i < map_.size(); ++i) {
    const auto [key, value] = map_.entry(i);
    if (key.as_string() == name) return value;
  }
  return Value();
}

}  // namespace outboxd::transport
