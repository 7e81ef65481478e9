// Reads one request per line of JSON. The format is told in docs/import.md.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

#include "client/import/source.h"

namespace outboxd::order_import {

// A line is the argument map of an order.create, or {"cancel": the argument map of an
// order.cancel}. It must name its order_id, so that the file can be imported again. Blank lines are
// skipped. Holds one line in memory.
class JsonLinesSource : public Source {
 public:
  explicit JsonLinesSource(std::istream& in) : in_(in) {}

  domain::Result<std::optional<Item>> next() override;
  [[nodiscard]] std::uint64_t bytes_read() const override { return bytes_read_; }

 private:
  struct Line {
    std::string text;
    bool too_long = false;
  };

  std::optional<Line> read_line();
  [[nodiscard]] Item item_of(const Line& line) const;

  std::istream& in_;
  std::uint64_t line_ = 0;  // number of the line read last
  std::uint64_t bytes_read_ = 0;
};

}  // namespace outboxd::order_import
