#include "config/reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "config/setting.h"

namespace outboxd::config {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

// Reads `file` into `text`, or says why not.
std::optional<std::string> load(const std::string& file, std::string& text) {
  const auto why = [] { return "cannot be read: " + std::generic_category().message(errno); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "re"),
                                                               std::fclose);
  if (!stream) return why();
  text.resize(kMaxFileBytes + 1);
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (std::ferror(stream.get()) != 0) return why();
  if (text.size() > kMaxFileBytes) {
    return "is larger than " + std::to_string(kMaxFileBytes) + " bytes";
  }
  return std::nullopt;
}

}  // namespace

std::string describe(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += ":" + std::to_string(problem.line);
  text += ": ";
  if (!problem.key.empty()) text += problem.key + ": ";
  return text + problem.message;
}

std::string describe(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += describe(problem);
  }
  return text;
}

TextRule one_of(std::vector<std::string> choices) {
  std::string allowed = "one of ";
  for (const std::string& choice : choices) {
    if (&choice != &choices.front()) allowed += ", ";
    allowed += '"' + choice + '"';
  }
  return {std::move(allowed), [choices = std::move(choices)](std::string_view text) {
            return std::find(choices.begin(), choices.end(), text) != choices.end();
          }};
}

Reader::Reader() = default;
Reader::~Reader() = default;

void Reader::declare(std::string key, Key setting) {
  const auto [place, is_new] = keys_.emplace(std::move(key), nullptr);
  if (!is_new) {
    std::fprintf(stderr, "configuration key declared twice: %s\n", place->first.c_str());
    std::abort();
  }
  place->second = std::make_unique<Key>(std::move(setting));
}

Reader& Reader::text(std::string key, std::string& target, TextRule rule) {
  declare(std::move(key), Key{TextSetting{&target, std::move(rule)}});
  return *this;
}

Reader& Reader::texts(std::string key, std::vector<std::string>& target, TextRule each) {
  declare(std::move(key), Key{TextsSetting{&target, std::move(each)}});
  return *this;
}

Reader& Reader::integer(std::string key, std::int64_t& target, IntegerRange range) {
  declare(std::move(key), Key{IntegerSetting{&target, range}});
  return *this;
}

Reader& Reader::boolean(std::string key, bool& target) {
  declare(std::move(key), Key{BooleanSetting{&target}});
  return *this;
}

Reader& Reader::duration_ms(std::string key, std::optional<std::int64_t>& target,
                            IntegerRange range) {
  declare(std::move(key), Key{DurationSetting{&target, range}});
  return *this;
}

Reader& Reader::tables(std::string key, TextRule names, DeclareTable declare_table) {
  declare(std::move(key), Key{TablesSetting{std::move(names), std::move(declare_table), {}}});
  return *this;
}

Reader& Reader::entries(std::string key, DeclareEntry declare_entry) {
  declare(std::move(key), Key{EntriesSetting{std::move(declare_entry)}});
  return *this;
}

std::vector<Problem> Reader::read_files(const std::vector<std::string>& files) {
  std::vector<Problem> problems;
  for (const std::string& file : files) {
    std::string toml;
    if (auto unreadable = load(file, toml)) {
      problems.push_back({file, 0, "", *unreadable});
      continue;
    }
    std::vector<Problem> found = read_text(toml, file);
    problems.insert(problems.end(), found.begin(), found.end());
  }
  return problems;
}

}  // namespace outboxd::config
