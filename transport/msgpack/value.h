// A decoded MessagePack document, looked at without the decoder's types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domain/result.h"

namespace outboxd::transport {

// A view of one value in a Document. Cheap to copy; valid as long as the Document holds what it
// decoded and the bytes it was decoded from live. Asking a value for something that it is not
// yields nothing; asking beyond its size is a bug.
class Value {
 public:
  enum class Kind : std::uint8_t {
    kNil,
    kBoolean,
    kInteger,
    kFloat,
    kString,
    kBinary,
    kArray,
    kMap,
    kExtension
  };

  Value() = default;  // nil
  explicit Value(const void* object) : object_(object) {}

  [[nodiscard]] Kind kind() const;
  [[nodiscard]] bool is_nil() const { return kind() == Kind::kNil; }
  [[nodiscard]] std::optional<bool> as_boolean() const;
  // Nothing also for integers that do not fit.
  [[nodiscard]] std::optional<std::int64_t> as_integer() const;
  [[nodiscard]] std::optional<std::uint64_t> as_unsigned() const;
  [[nodiscard]] std::optional<double> as_float() const;
  [[nodiscard]] std::optional<std::string_view> as_string() const;
  [[nodiscard]] std::optional<std::string_view> as_binary() const;

  // Entries of an array or map; 0 for everything else.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Value at(std::size_t index) const;                       // array
  [[nodiscard]] std::pair<Value, Value> entry(std::size_t index) const;  // map

  // Appends the value to `out`, encoded again.
  void encode_to(std::string& out) const;

 private:
  const void* object_ = nullptr;
};

// "nil", "an integer", "a map" … for error messages.
std::string_view name_of(Value::Kind kind);

// Decodes one document at a time and owns its memory. Not thread-safe.
class Document {
 public:
  Document();
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  // Decodes the whole of `bytes` (which must outlive the value) within the limits of
  // transport/limits.h; what an earlier call returned is invalid afterwards. Errors: bad_request
  // for malformed, truncated or trailing bytes, too_large for a limit passed. Strings and binaries
  // are not copied.
  domain::Result<Value> decode(std::string_view bytes);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace outboxd::transport
