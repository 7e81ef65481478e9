// What Reader knows about one declared key. Internal to config/.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/reader.h"

namespace outboxd::config {

struct TextSetting {
  std::string* target;
  TextRule rule;
};

struct TextsSetting {
  std::vector<std::string>* target;
  TextRule each;
};

struct IntegerSetting {
  std::int64_t* target;
  IntegerRange range;
};

struct BooleanSetting {
  bool* target;
};

struct DurationSetting {
  std::optional<std::int64_t>* target;
  IntegerRange range;
};

struct TablesSetting {
  TextRule names;
  Reader::DeclareTable declare;
  std::map<std::string, std::unique_ptr<Reader>> by_name;  // one per name met so far
};

struct EntriesSetting {
  Reader::DeclareEntry declare;
};

struct Reader::Key {
  std::variant<TextSetting, TextsSetting, IntegerSetting, BooleanSetting, DurationSetting,
               TablesSetting, EntriesSetting>
      setting;
};

}  // namespace outboxd::config
