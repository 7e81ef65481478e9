#include "client/import/online_retail.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "client/import/decimal.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/text.h"

namespace outboxd::order_import {
namespace {

constexpr std::array<std::string_view, 6> kColumnNames = {"InvoiceNo", "StockCode", "Description",
                                                          "Quantity",  "UnitPrice", "CustomerID"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_cancellation(std::string_view invoice_no) {
  return invoice_no.starts_with('C') && is_number(invoice_no.substr(1));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The data set's CSV files carry customer numbers as decimals: "17850.0" is customer 17850.
std::string_view without_decimal(std::string_view customer) {
  if (customer.ends_with(".0")) customer.remove_suffix(2);
  return customer;
}

// FNV-1a: the same on every machine and in every version.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

Rejection rejected(const CsvRow& row, std::string reason, std::string message) {
  return Rejection{
      .line = row.line, .rows = 1, .reason = std::move(reason), .message = std::move(message)};
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

bool is_all_utf8(const CsvRow& row) {
  return std::all_of(row.fields.begin(), row.fields.end(),
                     [](const std::string& field) { return domain::is_utf8(field); });
}

}  // namespace

domain::Result<std::optional<Item>> OnlineRetailSource::next() {
  if (header_fields_ == 0) OUTBOXD_TRY(read_header());
  while (ready_.empty() && !at_end_) {
    const std::optional<CsvRow> row = csv_.next();
    if (row) {
      take_row(*row);
    } else {
      finish_invoice();
      at_end_ = true;
    }
  }
  if (ready_.empty() && csv_.failed()) {
    return domain::Error{domain::ErrorCode::kInternal, "the file cannot be read further", ""};
  }
  if (ready_.empty()) return std::optional<Item>();
  std::optional<Item> item(std::move(ready_.front()));
  ready_.pop_front();
  return item;
}

domain::Status OnlineRetailSource::read_header() {
  const std::optional<CsvRow> header = csv_.next();
  const auto fields = header ? header->fields : std::vector<std::string>();
  for (std::size_t column = 0; column < kColumns; ++column) {
    const auto found = std::find(fields.begin(), fields.end(), kColumnNames[column]);
    if (found == fields.end()) {
      return domain::bad_request("format", "line 1 names no column " +
                                               std::string(kColumnNames[column]) +
                                               "; online-retail has InvoiceNo, StockCode, "
                                               "Description, Quantity, UnitPrice, CustomerID");
    }
    position_[column] = static_cast<std::size_t>(found - fields.begin());
  }
  header_fields_ = fields.size();
  return domain::ok_status();
}

void OnlineRetailSource::take_row(const CsvRow& row) {
  if (!row.problem.empty()) {
    ready_.emplace_back(rejected(row, "malformed_row", row.problem));
    return;
  }
  if (row.fields.size() != header_fields_) {
    ready_.emplace_back(rejected(row, "malformed_row",
                                 std::to_string(row.fields.size()) + " fields where line 1 has " +
                                     std::to_string(header_fields_)));
    return;
  }
  // Guessing an encoding would put a wrong text on an invoice; the file is to be converted.
  if (!is_all_utf8(row)) {
    ready_.emplace_back(rejected(row, "not_utf8", "not valid UTF-8"));
    return;
  }
  const std::string_view number = field(row, kInvoiceNo);
  if (!invoice_ || invoice_->number != number) finish_invoice();
  if (!(is_number(number) || is_cancellation(number)) || number.size() > domain::kMaxIdLength) {
    ready_.emplace_back(
        rejected(row, "not_a_sale",
                 "InvoiceNo " + quoted(number.substr(0, 80)) +
                     " is neither a sale (a number) nor a cancellation (C and a number)"));
    return;
  }
  if (!invoice_) {
    invoice_.emplace();
    invoice_->number = number;
    invoice_->customer = without_decimal(field(row, kCustomerId));
    invoice_->first_line = row.line;
  }
  if (is_cancellation(number)) {
    ++invoice_->rows;
  } else if (std::optional<Rejection> why_not = add_line(row)) {
    ready_.emplace_back(std::move(*why_not));
  }
}

std::optional<Rejection> OnlineRetailSource::add_line(const CsvRow& row) {
  const std::string_view sku = field(row, kStockCode);
  const std::string_view description = field(row, kDescription);
  const std::string_view customer = without_decimal(field(row, kCustomerId));
  if (customer != invoice_->customer || !(customer.empty() || domain::is_valid_id(customer))) {
    return rejected(row, "bad_customer",
                    "CustomerID " + quoted(customer.substr(0, 80)) +
                        (customer == invoice_->customer ? " is no identifier"
                                                        : " differs from the invoice's first row"));
  }
  if (const auto status = domain::check_text(sku, "StockCode", 1, domain::kMaxSkuBytes); !status) {
    return rejected(row, "bad_stock_code", status.error().message);
  }
  if (const auto status =
          domain::check_text(description, "Description", 0, domain::kMaxDescriptionBytes);
      !status) {
    return rejected(row, "bad_description", status.error().message);
  }
  const std::optional<std::int64_t> quantity = parse_integer(field(row, kQuantity));
  if (!quantity) return rejected(row, "bad_quantity", "Quantity is no whole number");
  if (*quantity <= 0) {
    return rejected(row, "negative_quantity",
                    "Quantity " + std::to_string(*quantity) + ": a stock adjustment, not a sale");
  }
  const std::string_view price_text = field(row, kUnitPrice);
  const auto price = parse_decimal(price_text, options_.currency.minor_digits());
  if (!price) {
    return rejected(row, "bad_price",
                    "UnitPrice " + quoted(price_text.substr(0, 80)) + " is no amount of " +
                        std::string(options_.currency.code()));
  }
  if (*price == 0) return rejected(row, "zero_price", "UnitPrice 0: not a sale");
  if (*price < 0) return rejected(row, "negative_price", "UnitPrice below 0: not a sale");
  const auto amount = domain::checked_multiply(*price, *quantity);
  const auto total = amount ? domain::checked_add(invoice_->total, *amount) : std::nullopt;
  if (!total) return rejected(row, "total_too_large", "the invoice's total exceeds 64 bits");
  if (invoice_->lines.size() == domain::kMaxOrderLines) {
    return rejected(row, "too_many_lines",
                    "an order has at most " + std::to_string(domain::kMaxOrderLines) + " lines");
  }
  invoice_->total = *total;
  ++invoice_->rows;
  Json line = {{"sku", sku}, {"quantity", *quantity}, {"unit_price", *price}};
  if (!description.empty()) line["description"] = description;
  invoice_->lines.push_back(std::move(line));
  return std::nullopt;
}

void OnlineRetailSource::finish_invoice() {
  if (!invoice_) return;
  Invoice invoice = std::move(*invoice_);
  invoice_.reset();
  ImportRequest request{.method = "order.create",
                        .arguments = {},
                        .order_id = invoice.number,
                        .first_line = invoice.first_line,
                        .rows = invoice.rows};
  if (is_cancellation(invoice.number)) {
    request.method = "order.cancel";
    request.order_id = invoice.number.substr(1);
    request.arguments = {{"order_id", request.order_id}, {"reason", "invoice " + invoice.number}};
  } else if (invoice.lines.empty()) {
    ready_.emplace_back(Rejection{.line = invoice.first_line,
                                  .rows = 0,
                                  .reason = "nothing_to_sell",
                                  .message = "no row of invoice " + invoice.number + " is a sale"});
    return;
  } else {
    const bool is_guest = invoice.customer.empty();
    const auto& methods = options_.payment_methods;
    request.arguments = {{"order_id", invoice.number},
                         {"customer_id", is_guest ? "guest:" + invoice.number : invoice.customer},
                         {"payment_method", methods[hash_of(invoice.number) % methods.size()]},
                         {"currency", options_.currency.code()},
                         {"lines", std::move(invoice.lines)}};
  }
  ready_.emplace_back(std::move(request));
}

std::string_view OnlineRetailSource::field(const CsvRow& row, Column column) const {
  return trimmed(row.fields[position_[column]]);
}

}  // namespace outboxd::order_import
