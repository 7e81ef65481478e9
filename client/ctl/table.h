// Columns for people.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outboxd::ctl {

enum class Align : std::uint8_t { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

// Rows under titles, each column as wide as its widest cell. A cell's control characters are shown
// as '?': what a stranger put into an order must not steer the operator's terminal.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  void print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// One name and its value per line, the values aligned.
void print_fields(std::ostream& out, const Fields& fields);

// `text` without control characters, for a line of its own.
std::string printable(std::string_view text);

}  // namespace outboxd::ctl
