#include "tests/bench/rabbitmq_peer.h"

#include <memory>
#include <string>
#include <vector>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include "tests/bench/child_process.h"
#include "tests/bench/errors.h"
#include "tests/bench/sample_order.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWindow = 1000;
constexpr amqp_channel_t kChannel = 1;
constexpr const char* kQueue = "orders";

class Publisher {
 public:
  explicit Publisher(std::uint16_t port) : connection_(::amqp_new_connection()) {
    amqp_socket_t* socket = ::amqp_tcp_socket_new(connection_.get());
    if (socket == nullptr || ::amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK) {
      throw BenchError("cannot connect to rabbitmq");
    }
    const amqp_rpc_reply_t login =
        ::amqp_login(connection_.get(), "/", AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE, 0,
                     AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (login.reply_type != AMQP_RESPONSE_NORMAL) throw BenchError("rabbitmq refused the login");
    ::amqp_channel_open(connection_.get(), kChannel);
    check_last("channel.open");
    ::amqp_confirm_select(connection_.get(), kChannel);
    check_last("confirm.select");
    constexpr amqp_boolean_t kDurable = 1;
    ::amqp_queue_declare(connection_.get(), kChannel, ::amqp_cstring_bytes(kQueue), 0, kDurable, 0,
                         0, amqp_empty_table);
    check_last("queue.declare");
  }

  // Returns when `count` events are confirmed.
  void publish(std::uint64_t count) {
    is_confirmed_.assign(count + 1, false);
    while (confirmed_ < count) {
      if (published_ < count && published_ - confirmed_ < kWindow) {
        publish_one();
      } else {
        wait_for_confirm();
      }
    }
  }

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t connection) const {
      ::amqp_destroy_connection(connection);
    }
  };

  void check_last(const char* what) {
    if (::amqp_get_rpc_reply(connection_.get()).reply_type != AMQP_RESPONSE_NORMAL) {
      throw BenchError(std::string("rabbitmq refused ") + what);
    }
  }

  void publish_one() {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    const std::string& event = event_.with(++published_);
    const amqp_bytes_t body{event.size(), const_cast<char*>(event.data())};
    if (::amqp_basic_publish(connection_.get(), kChannel, amqp_empty_bytes,
                             ::amqp_cstring_bytes(kQueue), 0, 0, &properties,
                             body) != AMQP_STATUS_OK) {
      throw BenchError("rabbitmq closed the connection");
    }
  }

  void wait_for_confirm() {
    amqp_frame_t frame{};
    timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::amqp_maybe_release_buffers(connection_.get());
    if (::amqp_simple_wait_frame_noblock(connection_.get(), &frame, &patience) != AMQP_STATUS_OK) {
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

  void confirm(std::uint64_t tag) {
    if (tag == 0 || tag > published_) throw BenchError("rabbitmq confirmed an unknown tag");
    if (is_confirmed_[tag]) return;
    is_confirmed_[tag] = true;
    ++confirmed_;
  }

  std::unique_ptr<amqp_connection_state_t_, Destroy> connection_;
  NumberedText event_{sample_event()};
  std::uint64_t published_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t all_confirmed_below_ = 1;  // tags start at 1
  std::vector<bool> is_confirmed_;
};

}  // namespace

LoadResult measure_rabbitmq(const Settings& settings) {
  // The script behind Debian's wrapper, which would change the user.
  const std::string program =
      find_program("rabbitmq-server", "rabbitmq-server", {"/usr/lib/rabbitmq/bin"});
  const std::string epmd_program = find_program("epmd", "erlang-base");
  const TempDir home(settings.work_dir);
  const fs::path directory = home.make("d");
  const std::string epmd_port = std::to_string(free_tcp_port());
  const std::uint16_t port = free_tcp_port();
  // Erlang would start a port mapper of its own and leave it behind; it uses one that is there.
  ChildProcess epmd({.argv = {epmd_program, "-address", "127.0.0.1", "-port", epmd_port},
                     .environment = {},
                     .working_directory = directory,
                     .log_file = home.path() / "epmd.log",
                     .user_if_root = ""});
  ChildProcess server(
      {.argv = {program},
       .environment = {{"HOME", directory},
                       {"ERL_EPMD_PORT", epmd_port},
                       {"ERL_EPMD_ADDRESS", "127.0.0.1"},
                       {"RABBITMQ_NODENAME", "outboxd-bench@localhost"},
                       {"RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"},
                       {"RABBITMQ_NODE_PORT", std::to_string(port)},
                       {"RABBITMQ_DIST_PORT", std::to_string(free_tcp_port())},
                       {"RABBITMQ_CONF_ENV_FILE", directory / "none.conf"},
                       {"RABBITMQ_CONFIG_FILE", directory / "none"},
                       {"RABBITMQ_ENABLED_PLUGINS_FILE", directory / "plugins"},
                       {"RABBITMQ_MNESIA_BASE", directory / "data"},
                       {"RABBITMQ_LOG_BASE", directory / "log"},
                       {"RABBITMQ_PID_FILE", directory / "pid"},
                       // Makes the script become the server instead of waiting for it.
                       {"RUNNING_UNDER_SYSTEMD", "true"}},
       .working_directory = directory,
       .log_file = home.path() / "log",
       .user_if_root = ""});
  std::unique_ptr<Publisher> publisher;
  wait_until_ready(server, std::chrono::seconds(60),
                   [&] { publisher = std::make_unique<Publisher>(port); });
  const auto begin = std::chrono::steady_clock::now();
  publisher->publish(settings.rabbitmq_events);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  publisher.reset();
  server.kill_hard();
  return {settings.rabbitmq_events, elapsed.count()};
}

}  // namespace outboxd::bench
