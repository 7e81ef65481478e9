#include "client/import/json_lines.h"

#include <array>
#include <cstddef>
#include <utility>

#include "domain/ids.h"

namespace outboxd::order_import {
namespace {

// As much as one message to the daemon may take.
constexpr std::size_t kMaxLineBytes = 1 << 20;
constexpr std::size_t kMaxNesting = 16;
// No request has more arguments, and an object's keys cost the square of their number.
constexpr std::size_t kMaxKeys = 64;

// Parses within the limits; anything else is "discarded".
Json parse(const std::string& text) {
  std::array<std::size_t, kMaxNesting + 1> keys{};  // of the object that is open at each depth
  bool within_limits = true;
  const auto check = [&](int depth, Json::parse_event_t event, Json&) {
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start && level < kMaxNesting) {
      keys[level + 1] = 0;
    } else if (event == Json::parse_event_t::key && level <= kMaxNesting) {
      within_limits = within_limits && ++keys[level] <= kMaxKeys;
    }
    within_limits = within_limits && level <= kMaxNesting;
    return within_limits;
  };
  Json value = Json::parse(text, check, /*allow_exceptions=*/false);
  if (!within_limits) return Json(Json::value_t::discarded);
  return value;
}

}  // namespace

domain::Result<std::optional<Item>> JsonLinesSource::next() {
  while (const std::optional<Line> line = read_line()) {
    if (line->too_long || line->text.find_first_not_of(" \t\r") != std::string::npos) {
      return std::optional<Item>(item_of(*line));
    }
  }
  if (in_.bad()) {
    return domain::Error{domain::ErrorCode::kInternal, "the file cannot be read further", ""};
  }
  return std::optional<Item>();
}

std::optional<JsonLinesSource::Line> JsonLinesSource::read_line() {
  if (in_.peek() == std::istream::traits_type::eof()) return std::nullopt;
  Line line;
  ++line_;
  while (true) {
    const int c = in_.get();
    if (c == std::istream::traits_type::eof()) return line;
    ++bytes_read_;
    if (c == '\n') return line;
    if (line.text.size() < kMaxLineBytes) {
      line.text += static_cast<char>(c);
    } else {
      line.too_long = true;
    }
  }
}

Item JsonLinesSource::item_of(const Line& line) const {
  const auto rejected = [&](std::string reason, std::string message) {
    return Rejection{
        .line = line_, .rows = 1, .reason = std::move(reason), .message = std::move(message)};
  };
  if (line.too_long) {
    return rejected("malformed_row", "longer than " + std::to_string(kMaxLineBytes) + " bytes");
  }
  Json arguments = parse(line.text);
  if (!arguments.is_object()) {
    return rejected("malformed_row", arguments.is_discarded()
                                         ? "not JSON, or nested too deeply, or with too many keys"
                                         : "not a JSON object with an order's arguments");
  }
  const auto cancel = arguments.find("cancel");
  const bool is_cancel = cancel != arguments.end();
  if (is_cancel) {
    if (arguments.size() != 1 || !cancel->is_object()) {
      return rejected("malformed_row", "a cancellation is {\"cancel\": {\"order_id\": …}}");
    }
    Json inner = std::move(*cancel);
    arguments = std::move(inner);
  }
  const auto id = arguments.find("order_id");
  const auto* text = id == arguments.end() ? nullptr : id->get_ptr<const std::string*>();
  if (text == nullptr || !domain::is_valid_id(*text)) {
    return rejected("bad_order_id",
                    "order_id must be given, so that importing again changes nothing: 1 to 64 "
                    "characters from A-Z a-z 0-9 . _ : -");
  }
  std::string order_id = *text;
  return ImportRequest{.method = is_cancel ? "order.cancel" : "order.create",
                       .arguments = std::move(arguments),
                       .order_id = std::move(order_id),
                       .first_line = line_,
                       .rows = 1};
}

}  // namespace outboxd::order_import
