// Frames of the broker link, from a peer on the network.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "domain/check.h"
#include "transport/link/frame_codec.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {
namespace {

struct Encoder {
  std::string operator()(const PublishFrame& frame) const {
    std::size_t bytes = 0;
    for (const std::string_view envelope : frame.envelopes) bytes += envelope.size();
    PublishEncoder encoder(frame.first_seq, frame.envelopes.size(), bytes);
    for (std::size_t i = 0; i < frame.envelopes.size(); ++i) {
      encoder.add(frame.envelopes[i], frame.chains.empty() ? 0 : frame.chains[i]);
    }
    return std::move(encoder).finish();
  }
  std::string operator()(const UnknownFrame& /*frame*/) const { return {}; }
  template <typename KnownFrame>
  std::string operator()(const KnownFrame& frame) const {
    return encode(frame);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Document document;
  const auto frame = decode_frame(input, document);
  if (other_version(input)) OUTBOXD_CHECK(!frame.ok());
  if (!frame || std::holds_alternative<UnknownFrame>(*frame)) return 0;

  const std::string once = std::visit(Encoder{}, *frame);
  Document again;
  const auto decoded = decode_frame(once, again);
  OUTBOXD_CHECK(decoded.ok() && decoded->index() == frame->index());
  OUTBOXD_CHECK(std::visit(Encoder{}, *decoded) == once);
  return 0;
}

}  // namespace outboxd::transport
