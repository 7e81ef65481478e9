// Events of the engine's topics as the local API shows them.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "broker/engine.h"
#include "domain/result.h"

namespace outboxd::broker {

// What one read may return at most.
struct ReadLimits {
  std::size_t events = 100;
  std::size_t bytes = 512 << 10;  // of encoded events; one event is returned however large it is
};

// Calls `visit` with the events of `topic` from `from` on, each encoded as a map (a CloudEvent with
// its `offset`), within `limits`, until it returns false. Returns the offset to go on from. An
// event of a layout that this release cannot decode has the type "undecodable" and its bytes as
// data. Errors: those of Engine::read.
domain::Result<Offset> read_topic(const Engine& engine, std::string_view topic, Offset from,
                                  ReadLimits limits,
                                  const std::function<bool(std::string_view event)>& visit);

}  // namespace outboxd::broker
