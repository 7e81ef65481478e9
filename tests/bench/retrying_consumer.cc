#include "tests/bench/retrying_consumer.h"

#include <span>
#include <sstream>
#include <string_view>

#include <msgpack.hpp>
#include <poll.h>
#include <unistd.h>

#include "tests/bench/errors.h"
#include "tests/bench/rpc_client.h"
#include "tests/bench/sockets.h"

namespace outboxd::bench {
namespace {

constexpr std::uint32_t kCredit = 1024;  // as many settlements may be on their way
constexpr int kPatienceMs = 60'000;
constexpr int kResponse = 1;
constexpr int kNotification = 2;

class RetryingConsumer {
 public:
  RetryingConsumer(const std::filesystem::path& socket, std::uint64_t count)
      : socket_(connect_unix(socket)), count_(count) {}

  void run(const std::string& topic, const std::string& group) {
    subscribe(topic, group);
    while (accepted_ < count_) {
      read_messages();
      write_all(socket_.get(), output_.str());
      output_.str({});
    }
  }

 private:
  void subscribe(const std::string& topic, const std::string& group) {
    packer_.pack_array(4).pack(0).pack(0).pack("inbox.subscribe").pack_array(1).pack_map(3);
    packer_.pack("topic").pack(topic).pack("group").pack(group).pack("credit").pack(kCredit);
    write_all(socket_.get(), output_.str());
    output_.str({});
  }

  void read_messages() {
    constexpr std::size_t kChunk = std::size_t{64} * 1024;
    pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&polled, 1, kPatienceMs) <= 0) throw BenchError("no delivery for 60 s");
    unpacker_.reserve_buffer(kChunk);
    const ssize_t got = ::read(socket_.get(), unpacker_.buffer(), kChunk);
    if (got <= 0) throw BenchError("the daemon closed the connection");
    unpacker_.buffer_consumed(static_cast<std::size_t>(got));
    msgpack::object_handle message;
    while (unpacker_.next(message)) take(message.get());
  }

  void take(const msgpack::object& message) {
    const std::span parts(message.via.array.ptr, message.via.array.size);
    const int kind = parts[0].as<int>();
    if (kind == kNotification && rejected_ < count_) {
      reject(member(*parts[2].via.array.ptr, "tag"));
    } else if (kind == kResponse) {
      if (!parts[2].is_nil()) refuse(parts[2]);
      // Number 0 answers the subscription.
      if (parts[1].as<std::uint64_t>() != 0) ++accepted_;
    }
  }

  void reject(const msgpack::object& tag) {
    packer_.pack_array(4).pack(0).pack(++rejected_).pack("inbox.settle").pack_array(1).pack_map(3);
    packer_.pack("tag").pack(tag).pack("outcome").pack("retry").pack("reason").pack("not now");
  }

  [[noreturn]] static void refuse(const msgpack::object& error) {
    std::stringstream text;
    text << "the daemon refused a consumer: " << error;
    throw BenchError(text.str());
  }

  UniqueFd socket_;
  const std::uint64_t count_;
  std::uint64_t rejected_ = 0;
  std::uint64_t accepted_ = 0;
  std::stringstream output_;
  msgpack::packer<std::stringstream> packer_{output_};
  msgpack::unpacker unpacker_;
};

}  // namespace

void retry_deliveries(const std::filesystem::path& socket, const std::string& topic,
                      const std::string& group, std::uint64_t count) {
  RetryingConsumer(socket, count).run(topic, group);
}

}  // namespace outboxd::bench
