#include "tests/unit/broker/link_peer.h"

#include <stdexcept>

#include <zmq.h>

#include "transport/msgpack/envelope.h"

namespace outboxd::broker {
namespace {

// Only passes when a test fails.
constexpr long kPatienceMs = 60'000;

void must(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + zmq_strerror(zmq_errno()));
}

}  // namespace

std::string envelope(std::string_view topic, std::string_view data) {
  transport::Envelope event;
  event.time_ms = 1'700'000'000'000;
  event.topic = topic;
  event.key = "key-1";
  event.type = "order.created";
  event.datacontenttype = "text/plain";
  event.data = data;
  return transport::encode_envelope(event).value();
}

LinkPeer::LinkPeer(const std::string& endpoint)
    : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
  must(socket_ != nullptr, "zmq_socket");
  const int linger_ms = 0;
  must(zmq_setsockopt(socket_, ZMQ_LINGER, &linger_ms, sizeof linger_ms) == 0, "ZMQ_LINGER");
  must(zmq_connect(socket_, endpoint.c_str()) == 0, "zmq_connect");
}

LinkPeer::~LinkPeer() {
  zmq_close(socket_);
  zmq_ctx_term(context_);
}

void LinkPeer::send(const std::string& frame) {
  must(zmq_send(socket_, frame.data(), frame.size(), 0) >= 0, "zmq_send");
}

void LinkPeer::hello(std::string_view producer, std::uint64_t epoch) {
  transport::HelloFrame hello;
  hello.producer = producer;
  hello.epoch = epoch;
  hello.next_seq = 1'000'000;
  hello.software = "test";
  send(transport::encode(hello));
}

void LinkPeer::publish(domain::Seq first_seq, const std::vector<std::string>& envelopes) {
  std::size_t bytes = 0;
  for (const std::string& event : envelopes) bytes += event.size();
  transport::PublishEncoder encoder(first_seq, envelopes.size(), bytes);
  for (const std::string& event : envelopes) encoder.add(event);
  send(std::move(encoder).finish());
}

transport::Frame LinkPeer::receive() {
  zmq_pollitem_t item{socket_, 0, ZMQ_POLLIN, 0};
  if (zmq_poll(&item, 1, kPatienceMs) <= 0) throw std::runtime_error("no frame came");
  zmq_msg_t message;
  zmq_msg_init(&message);
  must(zmq_msg_recv(&message, socket_, 0) >= 0, "zmq_msg_recv");
  received_.assign(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
  zmq_msg_close(&message);
  auto frame = transport::decode_frame(received_, document_);
  if (!frame) throw std::runtime_error("not a frame: " + frame.error().message);
  return std::move(frame).value();
}

void LinkPeer::expect_ack(domain::Seq seq) {
  domain::Seq acknowledged = 0;
  while (acknowledged < seq) acknowledged = expect<transport::AckFrame>().seq;
  if (acknowledged > seq) {
    throw std::runtime_error("acknowledged " + std::to_string(acknowledged) + ", expected " +
                             std::to_string(seq));
  }
}

void LinkPeer::unexpected(const transport::Frame& frame) {
  std::string text = "unexpected frame number " + std::to_string(frame.index()) + " of the variant";
  if (const auto* error = std::get_if<transport::ErrorFrame>(&frame)) {
    text += ": " + std::string(error->code) + ": " + std::string(error->message);
  }
  throw std::runtime_error(text);
}

}  // namespace outboxd::broker
