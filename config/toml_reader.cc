// The part of Reader that knows TOML.
#include <algorithm>
#include <limits>
#include <sstream>

#include <toml++/toml.h>

#include "config/reader.h"
#include "config/setting.h"
#include "domain/text.h"

namespace outboxd::config {
namespace {

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "the string " + in_quotes(**node.as_string());
    case toml::node_type::integer: return "the integer " + std::to_string(**node.as_integer());
    case toml::node_type::floating_point: return "a floating-point number";
    case toml::node_type::boolean: return **node.as_boolean() ? "true" : "false";
    default: return "a date or time";
  }
}

std::string sentence(IntegerRange range) {
  if (range.max == std::numeric_limits<std::int64_t>::max()) {
    return "an integer of at least " + std::to_string(range.min);
  }
  return "an integer from " + std::to_string(range.min) + " to " + std::to_string(range.max);
}

// Sets the target of one setting, or says what the node must be instead.
struct Assign {
  const toml::node& node;

  std::optional<std::string> operator()(const TextSetting& setting) const {
    const auto* text = node.as_string();
    if (!text || !setting.rule.accepts(text->get())) return setting.rule.allowed;
    *setting.target = text->get();
    return std::nullopt;
  }

  std::optional<std::string> operator()(const TextsSetting& setting) const {
    const std::string must = "an array in which each is " + setting.each.allowed;
    const auto* array = node.as_array();
    if (!array) return must;
    std::vector<std::string> texts;
    for (const toml::node& entry : *array) {
      const auto* text = entry.as_string();
      if (!text || !setting.each.accepts(text->get())) return must;
      texts.push_back(text->get());
    }
    *setting.target = std::move(texts);
    return std::nullopt;
  }

  std::optional<std::string> operator()(const IntegerSetting& setting) const {
    const auto* integer = node.as_integer();
    if (!integer || integer->get() < setting.range.min || integer->get() > setting.range.max) {
      return sentence(setting.range);
    }
    *setting.target = integer->get();
    return std::nullopt;
  }

  std::optional<std::string> operator()(const BooleanSetting& setting) const {
    const auto* boolean = node.as_boolean();
    if (!boolean) return "true or false";
    *setting.target = boolean->get();
    return std::nullopt;
  }

  std::optional<std::string> operator()(const DurationSetting& setting) const {
    if (const auto* text = node.as_string(); text && text->get() == "never") {
      setting.target->reset();
      return std::nullopt;
    }
    std::int64_t ms = 0;
    if (auto must = Assign{node}(IntegerSetting{&ms, setting.range})) {
      return *must + " (milliseconds), or \"never\"";
    }
    *setting.target = ms;
    return std::nullopt;
  }

  std::optional<std::string> operator()(const TablesSetting&) const { return "a table of tables"; }

  std::optional<std::string> operator()(const EntriesSetting&) const {
    return "an array of tables";
  }
};

}  // namespace

// One file on its way into the variables of one reader.
struct Reader::Pass {
  Reader& reader;
  const std::string& file;
  std::vector<Problem>& problems;
  std::string table_path;  // where the reader's own table stands in the file, with the last dot

  void report(const toml::node& node, const std::string& key, std::string message) {
    problems.push_back({file, node.source().begin.line, table_path + key, std::move(message)});
  }

  // Reads the entries of `table`, which stands at `prefix` ("" or "storage.").
  void read(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      const auto known = reader.keys_.find(key);
      if (known != reader.keys_.end()) {
        read_value(node, key, *known->second);
      } else if (node.is_table() && is_prefix(key + ".")) {
        read(*node.as_table(), key + ".");
      } else if (is_prefix(key + ".")) {
        report(node, key, "must be a table, not " + kind_of(node));
      } else {
        problems.push_back({file, name.source().begin.line, table_path + key, unknown(key)});
      }
    }
  }

  void read_value(const toml::node& node, const std::string& key, Key& known) {
    auto* tables = std::get_if<TablesSetting>(&known.setting);
    if (tables && node.is_table()) return read_tables(*node.as_table(), key, *tables);
    const auto* entries = std::get_if<EntriesSetting>(&known.setting);
    if (entries && node.is_array_of_tables()) return read_entries(*node.as_array(), key, *entries);
    if (const auto must = std::visit(Assign{node}, known.setting)) {
      report(node, key, "must be " + *must + ", not " + kind_of(node));
    }
  }

  void read_tables(const toml::table& tables, const std::string& key, TablesSetting& setting) {
    for (const auto& [name_key, node] : tables) {
      const std::string name(name_key.str());
      const std::string path = key + "." + name;
      if (!node.is_table()) {
        report(node, path, "must be a table, not " + kind_of(node));
        continue;
      }
      if (!setting.names.accepts(name)) {
        report(node, path, "the name of the table must be " + setting.names.allowed);
        continue;
      }
      std::unique_ptr<Reader>& inner = setting.by_name[name];
      if (!inner) {
        inner = std::make_unique<Reader>();
        setting.declare(name, *inner);
      }
      Pass{*inner, file, problems, table_path + path + "."}.read(*node.as_table(), "");
    }
  }

  void read_entries(const toml::array& entries, const std::string& key,
                    const EntriesSetting& setting) {
    for (const toml::node& entry : entries) {
      Reader inner;
      const CheckEntry check = setting.declare(inner);
      const std::size_t before = problems.size();
      Pass{inner, file, problems, table_path + key + "."}.read(*entry.as_table(), "");
      if (problems.size() != before) continue;  // what is wrong with its keys comes first
      if (auto wrong = check()) report(entry, key, std::move(*wrong));
    }
  }

  [[nodiscard]] bool is_prefix(const std::string& prefix) const {
    const auto next = reader.keys_.lower_bound(prefix);
    return next != reader.keys_.end() && next->first.starts_with(prefix);
  }

  // What to write instead of an unknown key: the likeliest one, and all of its table otherwise.
  [[nodiscard]] std::string unknown(const std::string& key) const {
    const std::string table = key.substr(0, key.rfind('.') + 1);
    std::vector<std::string> in_table;
    std::string nearest;
    std::size_t nearest_distance = std::numeric_limits<std::size_t>::max();
    for (const auto& [known, setting] : reader.keys_) {
      const std::size_t d = domain::edit_distance(key, known);
      if (d < nearest_distance && d <= std::max(key.size(), known.size()) / 2) {
        nearest_distance = d;
        nearest = known;
      }
      if (!known.starts_with(table)) continue;
      const std::string next = known.substr(0, known.find('.', table.size()));
      if (in_table.empty() || in_table.back() != next) in_table.push_back(next);
    }
    std::string message = "unknown key";
    message += nearest.empty() ? "." : "; did you mean " + table_path + nearest + "?";
    message += " Allowed here:";
    for (const std::string& name : in_table) {
      message += (&name == &in_table.front() ? " " : ", ") + table_path + name;
    }
    return message;
  }
};

std::vector<Problem> Reader::read_text(std::string_view toml, const std::string& file) {
  std::vector<Problem> problems;
  try {
    const toml::table table = toml::parse(toml, file);
    Pass{*this, file, problems, ""}.read(table, "");
  } catch (const toml::parse_error& error) {
    problems.push_back({file, error.source().begin.line, "", std::string(error.description())});
  }
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  return problems;
}

}  // namespace outboxd::config
