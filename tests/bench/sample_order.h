// The one transaction that every side commits: an order of two lines and the event about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace outboxd::bench {

constexpr std::size_t kStateBytes = 150;
constexpr std::size_t kEventBytes = 250;

// Stands in a text where the number of the order belongs; twelve characters, as many as the digits
// that replace it.
constexpr std::string_view kOrderNumber = "@@@@@@@@@@@@";

// Exactly kStateBytes and kEventBytes long, with kOrderNumber in them.
std::string sample_state();
std::string sample_event();

// A text whose kOrderNumber placeholders become the digits of a number. Encoding a request is then
// a copy and a few stores, so that the generator leaves the processor to the server.
class NumberedText {
 public:
  explicit NumberedText(std::string text);

  std::size_t size() const { return text_.size(); }
  void append_to(std::string& out, std::uint64_t number) const;

  // The text with `number` in it; valid until the next call.
  const std::string& with(std::uint64_t number);

 private:
  std::string text_;
  std::vector<std::size_t> offsets_;
};

}  // namespace outboxd::bench
