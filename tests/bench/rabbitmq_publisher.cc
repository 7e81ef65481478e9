#include "tests/bench/rabbitmq_publisher.h"

#include <string>

#include <amqp.h>
#include <amqp_framing.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

constexpr std::uint64_t kWindow = 1000;

}  // namespace

RabbitmqPublisher::RabbitmqPublisher(std::uint16_t port) : link_(port) {
  ::amqp_confirm_select(link_.get(), RabbitmqLink::kChannel);
  link_.check_last("confirm.select");
}

void RabbitmqPublisher::publish(std::uint64_t count) {
  is_confirmed_.assign(count + 1, false);
  while (confirmed_ < count) {
    if (published_ < count && published_ - confirmed_ < kWindow) {
      publish_one();
    } else {
      wait_for_confirm();
    }
  }
}

void RabbitmqPublisher::publish_one() {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  const std::string& event = event_.with(++published_);
  const amqp_bytes_t body{event.size(), const_cast<char*>(event.data())};
  if (::amqp_basic_publish(link_.get(), RabbitmqLink::kChannel, amqp_empty_bytes,
                           ::amqp_cstring_bytes(kRabbitmqQueue), 0, 0, &properties,
                           body) != AMQP_STATUS_OK) {
    throw BenchError("rabbitmq closed the connection");
  }
}

void RabbitmqPublisher::wait_for_confirm() {
  amqp_frame_t frame{};
  timeval patience{.tv_sec = 60, .tv_usec = 0};
  ::amqp_maybe_release_buffers(link_.get());
  if (::amqp_simple_wait_frame_noblock(link_.get(), &frame, &patience) != AMQP_STATUS_OK) {
    throw BenchError("rabbitmq sent no confirm for 60 s");
  }
  if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
    throw BenchError("rabbitmq sent something else than a confirm");
  }
  const auto* ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
  // `multiple` covers everything up to the tag; single confirms may overtake each other.
  if (ack->multiple == 0) confirm(ack->delivery_tag);
  while (ack->multiple != 0 && all_confirmed_below_ <= ack->delivery_tag) {
    confirm(all_confirmed_below_++);
  }
}

void RabbitmqPublisher::confirm(std::uint64_t tag) {
  if (tag == 0 || tag > published_) throw BenchError("rabbitmq confirmed an unknown tag");
  if (is_confirmed_[tag]) return;
  is_confirmed_[tag] = true;
  ++confirmed_;
}

}  // namespace outboxd::bench
