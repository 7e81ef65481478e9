#include "client/ctl/overview.h"

#include <algorithm>
#include <string>

#include "client/ctl/format.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

// The unit is shown with the value.
std::string words_of(std::string name) {
  for (const std::string_view unit : {"_ms", "_bytes"}) {
    if (name.ends_with(unit)) name.erase(name.size() - unit.size());
  }
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

void add_fields(Fields& fields, const std::string& prefix, const Json& map) {
  for (const auto& [name, value] : map.items()) {
    const std::string words = prefix + words_of(name);
    if (value.is_object()) {
      add_fields(fields, words + " ", value);
    } else {
      fields.emplace_back(words, format_value(name, value));
    }
  }
}

}  // namespace

void print_overview(std::ostream& out, const Json& map) {
  Fields fields;
  add_fields(fields, "", map);
  print_fields(out, fields);
}

void print_entity(std::ostream& out, const Json& entity) {
  Fields fields;
  for (const auto& [name, value] : entity.items()) {
    fields.emplace_back(name, format_value(name, value));
  }
  print_fields(out, fields);
}

}  // namespace outboxd::ctl
