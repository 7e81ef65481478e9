#include "tests/bench/rabbitmq_link.h"

#include <string>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {

RabbitmqLink::RabbitmqLink(std::uint16_t port) : connection_(::amqp_new_connection()) {
  amqp_socket_t* socket = ::amqp_tcp_socket_new(get());
  if (socket == nullptr || ::amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK) {
    throw BenchError("cannot connect to rabbitmq");
  }
  const amqp_rpc_reply_t login =
      ::amqp_login(get(), "/", AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE, 0,
                   AMQP_SASL_METHOD_PLAIN, "guest", "guest");
  if (login.reply_type != AMQP_RESPONSE_NORMAL) throw BenchError("rabbitmq refused the login");
  ::amqp_channel_open(get(), kChannel);
  check_last("channel.open");
  constexpr amqp_boolean_t kDurable = 1;
  ::amqp_queue_declare(get(), kChannel, ::amqp_cstring_bytes(kRabbitmqQueue), 0, kDurable, 0, 0,
                       amqp_empty_table);
  check_last("queue.declare");
}

void RabbitmqLink::check_last(const char* what) {
  if (::amqp_get_rpc_reply(get()).reply_type != AMQP_RESPONSE_NORMAL) {
    throw BenchError(std::string("rabbitmq refused ") + what);
  }
}

}  // namespace outboxd::bench
