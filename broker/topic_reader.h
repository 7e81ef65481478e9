// Events of the engine's topics as the local API shows them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

#include "broker/engine.h"
#include "domain/result.h"
#include "transport/msgpack/writer.h"

namespace outboxd::broker {

// Appends a stored event as the local API shows it: a map (a CloudEvent with its `offset`, where
// there is one). An event of a layout that this release cannot decode has the type "undecodable",
// the topic `topic`, and its bytes as data.
void write_stored_event(transport::Writer& writer, std::string_view topic, const StoredEvent& event,
                        std::optional<Offset> offset);

// What one read may return at most.
struct ReadLimits {
  std::size_t events = 100;
  std::size_t bytes = 512 << 10;  // of encoded events; one event is returned however large it is
};

// Calls `visit` with the events of `topic` from `from` on, each encoded as by write_stored_event,
// within `limits`, until it returns false. Returns the offset to go on from. Errors: those of
// Engine::read.
domain::Result<Offset> read_topic(const Engine& engine, std::string_view topic, Offset from,
                                  ReadLimits limits,
                                  const std::function<bool(std::string_view event)>& visit);

}  // namespace outboxd::broker
