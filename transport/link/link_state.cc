#include "domain/check.h"
#include "transport/link/relay_link.h"

namespace outboxd::transport {

std::string_view name_of(LinkState state) {
  switch (state) {
    case LinkState::kOff: return "off";
    case LinkState::kConnecting: return "connecting";
    case LinkState::kConnected: return "connected";
    case LinkState::kFenced: return "fenced";
    case LinkState::kIncompatible: return "incompatible";
    case LinkState::kConflict: return "conflict";
  }
  OUTBOXD_CHECK(false);
}

}  // namespace outboxd::transport
