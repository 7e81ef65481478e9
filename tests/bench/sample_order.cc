#include "tests/bench/sample_order.h"

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

void write_digits(char* first, std::uint64_t number) {
  for (std::size_t i = kOrderNumber.size(); i-- > 0; number /= 10) {
    first[i] = static_cast<char>('0' + number % 10);
  }
}

// Fills `text` up to `size` with its last member, so that all sides write the same bytes.
std::string padded(std::string text, std::size_t size) {
  constexpr std::string_view kClose = "\"}";
  constexpr std::string_view kNote = "WHITE HANGING HEART T-LIGHT HOLDER, CREAM CUPID HEARTS";
  if (text.size() + kClose.size() > size) throw BenchError("the sample order is too long");
  const std::size_t missing = size - kClose.size() - text.size();
  if (missing > kNote.size()) throw BenchError("the sample order is too short");
  return text.append(kNote.substr(0, missing)).append(kClose);
}

}  // namespace

std::string sample_state() {
  return padded(std::string(R"({"id":"o-)") + std::string(kOrderNumber) +
                    R"(","customer":"17850","status":"CREATED","total":["GBP",3564],)"
                    R"("pm":"pm_ok","lines":[["85123A",6,255],["71053",6,339]],"n":")",
                kStateBytes);
}

std::string sample_event() {
  return padded(std::string(R"({"source":"/outboxd/till-1","type":"order.created","subject":"o-)") +
                    std::string(kOrderNumber) +
                    R"(","time":"2010-12-01T08:26:00Z","data":{"customer":"17850","total":3564,)"
                    R"("currency":"GBP","pm":"pm_ok","lines":[["85123A",6,255],["71053",6,339]]},)"
                    R"("n":")",
                kEventBytes);
}

NumberedText::NumberedText(std::string text) : text_(std::move(text)) {
  for (std::size_t at = text_.find(kOrderNumber); at != std::string::npos;
       at = text_.find(kOrderNumber, at + kOrderNumber.size())) {
    offsets_.push_back(at);
  }
}

void NumberedText::append_to(std::string& out, std::uint64_t number) const {
  const std::size_t start = out.size();
  out.append(text_);
  for (const std::size_t offset : offsets_) write_digits(out.data() + start + offset, number);
}

const std::string& NumberedText::with(std::uint64_t number) {
  for (const std::size_t offset : offsets_) write_digits(text_.data() + offset, number);
  return text_;
}

}  // namespace outboxd::bench
