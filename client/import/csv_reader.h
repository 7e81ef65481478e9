// CSV as RFC 4180 describes it, read row by row in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace outboxd::order_import {

struct CsvRow {
  std::uint64_t line = 0;  // where it begins, counted from 1; quoted line breaks count
  std::vector<std::string> fields;
  std::string problem;  // empty: well-formed; else why it is not, and `fields` is empty
};

// Fields are separated by commas; a quoted field may contain commas, line breaks and doubled
// quotes. Rows end with LF or CRLF. A byte order mark before the first row and blank lines are
// skipped. A quote inside an unquoted field is an ordinary character: 12" RULER is meant as it
// stands.
//
// A malformed row takes nothing else with it: reading goes on after the next line break. A row
// longer than `max_row_bytes` is malformed, which bounds how far a quote that is never closed can
// reach. Not thread-safe; the stream outlives the reader.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in, std::size_t max_row_bytes = 64 << 10)
      : in_(in), max_row_bytes_(max_row_bytes) {}

  // The next row, or nothing at the end of what can be read.
  std::optional<CsvRow> next();

  // True if the stream failed rather than ended.
  [[nodiscard]] bool failed() const { return in_.bad(); }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  enum class State : std::uint8_t { kFieldStart, kBare, kQuoted, kAfterQuote };

  CsvRow read_row();
  std::optional<char> take();
  void skip_byte_order_mark();
  CsvRow malformed(CsvRow row, std::string problem, bool at_line_end);

  std::istream& in_;
  const std::size_t max_row_bytes_;
  std::uint64_t line_ = 1;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace outboxd::order_import
