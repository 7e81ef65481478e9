// Import files from anywhere. The first byte chooses the format.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <variant>

#include "client/import/json_lines.h"
#include "client/import/online_retail.h"
#include "domain/check.h"
#include "domain/ids.h"

namespace outboxd::order_import {
namespace {

std::unique_ptr<Source> open(bool csv, std::istream& in) {
  if (!csv) return std::make_unique<JsonLinesSource>(in);
  return std::make_unique<OnlineRetailSource>(
      in, OnlineRetailOptions{.currency = *domain::Currency::parse("GBP")});
}

void check_request(const ImportRequest& request, std::uint64_t lines) {
  OUTBOXD_CHECK(request.method == "order.create" || request.method == "order.cancel");
  OUTBOXD_CHECK(request.arguments.is_object() && request.arguments.contains("order_id"));
  OUTBOXD_CHECK(request.first_line >= 1 && request.first_line <= lines);
  OUTBOXD_CHECK(request.rows >= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n') + 1);
  const bool csv = data[0] % 2 == 0;
  // Most inputs are worth more behind the header that every file of that format has.
  if (csv && data[0] % 4 == 0) {
    text.insert(0,
                "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,"
                "Country\n");
  }
  std::istringstream in(text);
  const std::unique_ptr<Source> source = open(csv, in);
  for (;;) {
    const auto item = source->next();
    OUTBOXD_CHECK(source->bytes_read() <= text.size());
    if (!item || !*item) return 0;
    if (const auto* request = std::get_if<ImportRequest>(&**item)) {
      check_request(*request, lines + 1);
    } else {
      OUTBOXD_CHECK(!std::get<Rejection>(**item).reason.empty());
    }
  }
}

}  // namespace outboxd::order_import
