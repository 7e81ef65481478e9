// What an import file asks for, item by item.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "domain/result.h"

namespace outboxd::order_import {

using Json = nlohmann::ordered_json;

// One request to the daemon, whose order_id comes from the file: sent again, it changes nothing.
struct ImportRequest {
  std::string method;  // "order.create" or "order.cancel"
  Json arguments;
  std::string order_id;
  std::uint64_t first_line = 0;  // where it stands in the file, counted from 1
  std::uint64_t rows = 0;        // rows of the file that it is made of
};

// Rows that cannot be sold, and why.
struct Rejection {
  std::uint64_t line = 0;
  std::uint64_t rows = 1;  // 0: about an order whose rows were all rejected one by one
  std::string reason;      // a fixed word to count by, such as "zero_price"
  std::string message;     // for a person

  friend bool operator==(const Rejection&, const Rejection&) = default;
};

using Item = std::variant<ImportRequest, Rejection>;

// Reads a stream item by item in bounded memory, whatever is in it. Not thread-safe; the stream
// outlives the source.
class Source {
 public:
  virtual ~Source() = default;

  // The next item, or nothing at the end. Errors end the import: bad_request when the stream is not
  // of this format, internal when it cannot be read further.
  virtual domain::Result<std::optional<Item>> next() = 0;

  // How far reading has come, for a progress bar.
  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
};

}  // namespace outboxd::order_import
