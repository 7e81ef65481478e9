#include "client/import/csv_reader.h"

#include <string_view>
#include <utility>

namespace outboxd::order_import {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(const CsvRow& row) {
  return row.problem.empty() && row.fields.size() == 1 && row.fields[0].empty();
}

}  // namespace

std::optional<CsvRow> CsvReader::next() {
  if (bytes_read_ == 0) skip_byte_order_mark();
  while (in_.peek() != std::istream::traits_type::eof()) {
    CsvRow row = read_row();
    if (!is_blank(row)) return row;
  }
  return std::nullopt;
}

CsvRow CsvReader::read_row() {
  CsvRow row{.line = line_, .fields = {}, .problem = {}};
  std::string field;
  State state = State::kFieldStart;
  const std::uint64_t start = bytes_read_;
  while (true) {
    const std::optional<char> taken = take();
    if (!taken) {
      if (state == State::kQuoted) return malformed(std::move(row), "a quote is not closed", true);
      break;
    }
    const char c = *taken;
    if (bytes_read_ - start > max_row_bytes_) {
      return malformed(std::move(row), "longer than " + std::to_string(max_row_bytes_) + " bytes",
                       c == '\n');
    }
    if (state == State::kQuoted) {
      if (c == '"') {
        state = State::kAfterQuote;
      } else {
        field += c;
      }
    } else if (c == '\n') {
      break;
    } else if (c == ',') {
      row.fields.push_back(std::exchange(field, {}));
      state = State::kFieldStart;
    } else if (c == '\r' && in_.peek() == '\n') {
      continue;
    } else if (state == State::kAfterQuote) {
      if (c != '"') return malformed(std::move(row), "text after a closing quote", false);
      field += '"';
      state = State::kQuoted;
    } else if (state == State::kFieldStart && c == '"') {
      state = State::kQuoted;
    } else {
      field += c;
      state = State::kBare;
    }
  }
  row.fields.push_back(std::move(field));
  return row;
}

std::optional<char> CsvReader::take() {
  const int c = in_.get();
  if (c == std::istream::traits_type::eof()) return std::nullopt;
  ++bytes_read_;
  if (c == '\n') ++line_;
  return static_cast<char>(c);
}

void CsvReader::skip_byte_order_mark() {
  for (const char expected : kByteOrderMark) {
    if (in_.peek() != static_cast<unsigned char>(expected)) return;
    take();
  }
}

CsvRow CsvReader::malformed(CsvRow row, std::string problem, bool at_line_end) {
  while (!at_line_end) {
    const std::optional<char> c = take();
    at_line_end = !c || *c == '\n';
  }
  row.fields.clear();
  row.problem = std::move(problem);
  return row;
}

}  // namespace outboxd::order_import
