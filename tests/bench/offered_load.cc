#include "tests/bench/offered_load.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

#include <msgpack.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/errors.h"
#include "tests/bench/order_create.h"
#include "tests/bench/rpc_client.h"
#include "tests/bench/sockets.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kPatience{1};

// Reads messages off a socket on a thread of its own until the socket is shut down.
class Reader {
 public:
  Reader(int fd, std::function<void(const msgpack::object&)> on_message)
      : fd_(fd), on_message_(std::move(on_message)), thread_([this] { run(); }) {}
  ~Reader() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
  }

 private:
  void run() {
    msgpack::unpacker unpacker;
    msgpack::object_handle message;
    while (true) {
      constexpr std::size_t kChunk = std::size_t{64} * 1024;
      unpacker.reserve_buffer(kChunk);
      const ssize_t got = ::read(fd_, unpacker.buffer(), kChunk);
      if (got <= 0) return;
      unpacker.buffer_consumed(static_cast<std::size_t>(got));
      while (unpacker.next(message)) on_message_(message.get());
    }
  }

  const int fd_;
  const std::function<void(const msgpack::object&)> on_message_;
  std::thread thread_;
};

// When each order was answered, and when it was paid; by its number, from 1.
class Times {
 public:
  explicit Times(std::size_t orders) : answered_(orders + 1), paid_(orders + 1) {}

  void note_answer(const msgpack::object& message) {
    const std::span parts(message.via.array.ptr, message.via.array.size);
    if (parts.size() != 4) return;
    const std::lock_guard lock(mutex_);
    const auto number = parts[1].as<std::size_t>();
    if (!parts[2].is_nil() || number >= answered_.size()) {
      refused_ = true;
      changed_.notify_one();
      return;
    }
    answered_[number] = Clock::now();
  }

  void note_event(const msgpack::object& message) {
    const std::span parts(message.via.array.ptr, message.via.array.size);
    if (parts.size() != 3) return;  // the reply to the subscription
    const msgpack::object& event = *parts[2].via.array.ptr;
    if (member(event, "type").as<std::string_view>() != "order.paid") return;
    const auto subject = member(event, "subject").as<std::string>();
    const std::size_t number = std::stoul(subject.substr(subject.find('-') + 1));
    const std::lock_guard lock(mutex_);
    if (number >= paid_.size() || paid_[number] != Clock::time_point()) return;
    paid_[number] = Clock::now();
    ++paid_count_;
    changed_.notify_one();
  }

  std::vector<std::uint64_t> wait() {
    std::unique_lock lock(mutex_);
    const bool all = changed_.wait_for(
        lock, kPatience, [this] { return refused_ || paid_count_ + 1 == paid_.size(); });
    if (refused_) throw BenchError("an order was refused");
    if (!all) throw BenchError("an order was not paid");
    std::vector<std::uint64_t> nanoseconds;
    for (std::size_t number = 1 + paid_.size() / 10; number < paid_.size(); ++number) {
      const auto took = std::max(paid_[number] - answered_[number], Clock::duration(0));
      nanoseconds.push_back(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
    }
    return nanoseconds;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Clock::time_point> answered_;
  std::vector<Clock::time_point> paid_;
  std::size_t paid_count_ = 0;
  bool refused_ = false;
};

void subscribe(int fd) {
  std::stringstream request;
  msgpack::packer<std::stringstream> packer(request);
  packer.pack_array(4).pack(0).pack(1).pack("events.tail");
  packer.pack_array(1).pack_map(1).pack("topic").pack("orders");
  write_all(fd, request.str());
}

}  // namespace

std::vector<std::uint64_t> measure_offered(const std::filesystem::path& socket, double per_second,
                                           std::chrono::duration<double> duration) {
  const auto orders = static_cast<std::uint64_t>(per_second * duration.count());
  Times times(orders);
  const UniqueFd tail = connect_unix(socket);
  const UniqueFd orders_socket = connect_unix(socket);
  const Reader events(tail.get(), [&](const auto& message) { times.note_event(message); });
  const Reader answers(orders_socket.get(), [&](const auto& m) { times.note_answer(m); });
  subscribe(tail.get());
  OrderCreateProtocol protocol;
  std::string request;
  const auto begin = Clock::now();
  for (std::uint64_t number = 1; number <= orders; ++number) {
    std::this_thread::sleep_until(
        begin + std::chrono::duration_cast<Clock::duration>(
                    std::chrono::duration<double>(static_cast<double>(number) / per_second)));
    request.clear();
    protocol.append_request(number, request);
    write_all(orders_socket.get(), request);
  }
  return times.wait();
}

}  // namespace outboxd::bench
