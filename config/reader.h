// Configuration from TOML files into the variables of a program, with errors that people can act
// on.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outboxd::config {

// One thing that is wrong in one file. `line` counts from 1; 0: the file as a whole.
struct Problem {
  std::string file;
  std::uint32_t line = 0;
  std::string key;      // dotted, such as "storage.directory"; empty: no key is at fault
  std::string message;  // what was found and what is allowed

  friend bool operator==(const Problem&, const Problem&) = default;
};

// "FILE:LINE: KEY: MESSAGE", without the parts that there are not.
std::string describe(const Problem& problem);

// All of them, a line each.
std::string describe(const std::vector<Problem>& problems);

struct IntegerRange {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

// Which texts are allowed. `allowed` completes the sentence "must be …".
struct TextRule {
  std::string allowed = "a string";
  std::function<bool(std::string_view)> accepts = [](std::string_view) { return true; };
};

// "must be one of a, b, c".
TextRule one_of(std::vector<std::string> choices);

// Declares the keys of a program, each bound to a variable that holds its default, and then reads
// files into those variables. Keys are dotted paths of tables ("broker.window_events").
//
// Every key that occurs in a file and was not declared is a problem, and so is a value of another
// type or outside its range; a variable whose value was a problem keeps what it held. All problems
// are collected, so that one run shows everything that is to be fixed. The variables must outlive
// the reader. Declaring a key twice is a bug. Not thread-safe.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Reader& text(std::string key, std::string& target, TextRule rule = {});
  Reader& texts(std::string key, std::vector<std::string>& target, TextRule each = {});
  Reader& integer(std::string key, std::int64_t& target, IntegerRange range = {});
  Reader& boolean(std::string key, bool& target);

  // Milliseconds, or "never" (which becomes nullopt).
  Reader& duration_ms(std::string key, std::optional<std::int64_t>& target,
                      IntegerRange range = {});

  // A table of tables whose names are the user's: [topics.orders], [topics.payments], … For every
  // new name, `declare` declares the keys of its table in the reader that it is given; the same
  // name in a later file goes to the same variables. `names` says which names are allowed.
  using DeclareTable = std::function<void(const std::string& name, Reader& table)>;
  Reader& tables(std::string key, TextRule names, DeclareTable declare);

  // An array of tables, such as [[group]]. For every entry, in the order of the files, `declare`
  // declares its keys in the reader that it is given, and returns the check of the entry as a
  // whole, which says what is wrong with it once its keys were read. An entry of a later file is
  // one more.
  using CheckEntry = std::function<std::optional<std::string>()>;
  using DeclareEntry = std::function<CheckEntry(Reader& entry)>;
  Reader& entries(std::string key, DeclareEntry declare);

  // Reads `files` in order; what a later one says replaces what an earlier one said, key by key.
  // A file that cannot be read is a problem. Empty result: the variables are good.
  [[nodiscard]] std::vector<Problem> read_files(const std::vector<std::string>& files);

  // The same for text that is already in memory; `file` is its name in problems.
  [[nodiscard]] std::vector<Problem> read_text(std::string_view toml, const std::string& file);

 private:
  struct Key;
  struct Pass;

  void declare(std::string key, Key setting);

  std::map<std::string, std::unique_ptr<Key>> keys_;
};

// The files of a program, in the order to read them: `chosen` alone when it is not empty, else
// `main_file` if it exists, then every *.toml in `main_file`.d, sorted by name. A directory that
// cannot be listed counts as empty when it does not exist, and is returned as a file (whose reading
// then says what is wrong) when it does.
std::vector<std::string> files_to_read(const std::string& chosen, const std::string& main_file);

}  // namespace outboxd::config
