// Envelopes, as they come out of a store or off the link.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/check.h"
#include "transport/msgpack/envelope.h"
#include "transport/msgpack/scanner.h"

namespace outboxd::transport {

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Document document;
  const auto envelope = decode_envelope(input, document);
  if (!envelope) return 0;

  const auto once = encode_envelope(*envelope);
  OUTBOXD_CHECK(once.ok());
  Document again;
  const auto decoded = decode_envelope(*once, again);
  OUTBOXD_CHECK(decoded.ok());
  OUTBOXD_CHECK(decoded->topic == envelope->topic && decoded->data == envelope->data);
  const auto twice = encode_envelope(*decoded);
  OUTBOXD_CHECK(twice.ok() && *twice == *once);

  // What the local API shows of it is one whole value, whatever the data is.
  std::string shown;
  Writer writer(shown);
  write_event(writer, "till-1", 7, *envelope);
  Scanner scanner(shown.size());
  OUTBOXD_CHECK(scanner.scan(shown) == ScanResult::kComplete && scanner.size() == shown.size());
  return 0;
}

}  // namespace outboxd::transport
