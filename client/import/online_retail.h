// Reads the "Online Retail" data set's CSV as orders. What becomes of every kind of row is told in
// docs/import.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/import/csv_reader.h"
#include "client/import/source.h"
#include "domain/money.h"

namespace outboxd::order_import {

struct OnlineRetailOptions {
  domain::Currency currency;
  // One, or several that the orders are spread over: which one it is depends on the InvoiceNo
  // alone, so that importing again asks for the same.
  std::vector<std::string> payment_methods = {"pm_ok"};
};

// Rows of one InvoiceNo so far.
struct Invoice {
  std::string number;
  std::string customer;  // as the file has it; empty: a guest
  std::uint64_t first_line = 0;
  std::uint64_t rows = 0;
  domain::MinorUnits total = 0;
  Json lines = Json::array();
};

// Consecutive rows of one InvoiceNo are one order, or one cancellation when it begins with C. Holds
// one invoice in memory, of at most domain::kMaxOrderLines lines.
class OnlineRetailSource : public Source {
 public:
  OnlineRetailSource(std::istream& in, OnlineRetailOptions options)
      : csv_(in), options_(std::move(options)) {}

  domain::Result<std::optional<Item>> next() override;
  [[nodiscard]] std::uint64_t bytes_read() const override { return csv_.bytes_read(); }

 private:
  enum Column : std::uint8_t {
    kInvoiceNo,
    kStockCode,
    kDescription,
    kQuantity,
    kUnitPrice,
    kCustomerId,
    kColumns
  };

  domain::Status read_header();
  void take_row(const CsvRow& row);
  void take_sale_row(const CsvRow& row);
  // Why the row cannot be a line of an order, or nothing when it has become one.
  std::optional<Rejection> add_line(const CsvRow& row);
  void finish_invoice();
  [[nodiscard]] std::string_view field(const CsvRow& row, Column column) const;

  CsvReader csv_;
  const OnlineRetailOptions options_;
  std::size_t header_fields_ = 0;  // 0: not read yet
  std::array<std::size_t, kColumns> position_{};
  std::optional<Invoice> invoice_;
  std::deque<Item> ready_;
  bool at_end_ = false;
};

}  // namespace outboxd::order_import
