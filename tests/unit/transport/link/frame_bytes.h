// Frames as bytes, for the tests of the codec.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "transport/link/frame_codec.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {

inline bool is_no_frame(std::string_view bytes) {
  Document document;
  return !decode_frame(bytes, document).ok();
}

// An array of `fields` that the caller writes, with the version in front.
inline std::string frame_of(std::size_t fields) {
  std::string bytes(1, static_cast<char>(kProtocolVersion));
  Writer(bytes).array(fields);
  return bytes;
}

}  // namespace outboxd::transport
