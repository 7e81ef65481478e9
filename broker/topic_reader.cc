#include "broker/topic_reader.h"

#include <algorithm>
#include <string>

#include "transport/msgpack/envelope.h"

namespace outboxd::broker {
namespace {

// What stands for an event that a later release wrote: its bytes, for whoever can read them.
transport::Envelope undecodable(std::string_view topic, const StoredEvent& event) {
  transport::Envelope envelope;
  envelope.topic = topic;
  envelope.type = "undecodable";
  envelope.datacontenttype = "application/octet-stream";
  envelope.data = event.envelope;
  return envelope;
}

}  // namespace

void write_stored_event(transport::Writer& writer, std::string_view topic, const StoredEvent& event,
                        std::optional<Offset> offset) {
  transport::Document document;
  const auto envelope = transport::decode_envelope(event.envelope, document);
  transport::write_event(writer, event.producer, event.seq,
                         envelope ? *envelope : undecodable(topic, event), offset);
}

domain::Result<Offset> read_topic(const Engine& engine, std::string_view topic, Offset from,
                                  ReadLimits limits,
                                  const std::function<bool(std::string_view event)>& visit) {
  Offset next = std::max<Offset>(from, 1);
  std::size_t events = 0;
  std::size_t bytes = 0;
  std::string encoded;
  OUTBOXD_TRY(engine.read(topic, next, [&](const StoredEvent& event) {
    encoded.clear();
    transport::Writer writer(encoded);
    write_stored_event(writer, topic, event, event.offset);
    if (events > 0 && bytes + encoded.size() > limits.bytes) return false;
    if (!visit(encoded)) return false;
    next = event.offset + 1;
    bytes += encoded.size();
    return ++events < limits.events;
  }));
  return next;
}

}  // namespace outboxd::broker
