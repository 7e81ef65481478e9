#include "tests/bench/appliance.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <thread>

#include "tests/bench/blocking_client.h"
#include "tests/bench/errors.h"
#include "tests/bench/order_create.h"

namespace outboxd::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kConnections = 64;
constexpr std::chrono::seconds kStartPatience{60};
constexpr std::chrono::minutes kRelayPatience{10};
constexpr std::chrono::milliseconds kPollInterval{2};

std::string program(const Settings& settings, const std::string& name) {
  const fs::path path = settings.bin_dir / name;
  if (!fs::exists(path)) throw NotInstalled(path.string() + " is not built");
  return fs::absolute(path).string();
}

void poll_until(const std::string& what, const std::function<bool()>& reached) {
  const auto deadline = Clock::now() + kRelayPatience;
  while (!reached()) {
    if (Clock::now() > deadline) throw BenchError("gave up waiting until " + what);
    std::this_thread::sleep_for(kPollInterval);
  }
}

// The highest durable sequence number at the broker, or nothing while it knows no producer.
struct ProducerState {
  bool connected = false;
  std::uint64_t last_seq = 0;
};

ProducerState producer_state(RpcClient& broker) {
  const msgpack::object_handle reply = broker.call("producer.list");
  const msgpack::object& producers = member(reply.get(), "producers");
  if (producers.type != msgpack::type::ARRAY || producers.via.array.size == 0) return {};
  const msgpack::object& first = *producers.via.array.ptr;
  const msgpack::object& connected = member(first, "connected");
  return {connected.type == msgpack::type::BOOLEAN && connected.via.boolean,
          unsigned_member(first, "last_seq")};
}

std::uint64_t last_seq_of(RpcClient& daemon) {
  const msgpack::object_handle status = daemon.call("daemon.status");
  return unsigned_member(member(status.get(), "outbox"), "next_seq") - 1;
}

}  // namespace

Appliance::Appliance(RunContext& context)
    : context_(context),
      home_(context.settings.work_dir),
      daemon_data_(home_.path() / "d"),
      broker_data_(home_.path() / "b"),
      daemon_socket_(home_.path() / "d.sock"),
      broker_socket_(home_.path() / "b.sock"),
      payments_socket_(home_.path() / "p.sock"),
      broker_address_("tcp://127.0.0.1:" + std::to_string(free_tcp_port())) {
  // An empty configuration means defaults, and keeps the one in /etc out of the measurement.
  std::ofstream(home_.path() / "empty.toml").flush();
}

Appliance::~Appliance() {
  note_memory();
}

std::chrono::duration<double> Appliance::start_daemon(const std::string& modules) {
  const auto begin = Clock::now();
  daemon_ = std::make_unique<ChildProcess>(ChildOptions{
      .argv = {program(context_.settings, "outboxd"), "--config", home_.path() / "empty.toml",
               "--data-dir", daemon_data_, "--socket", daemon_socket_, "--broker", broker_address_,
               "--producer", "bench", "--modules", modules},
      .environment = {},
      .working_directory = home_.path(),
      .log_file = home_.path() / "outboxd.log",
      .user_if_root = ""});
  wait_until_ready(*daemon_, kStartPatience,
                   [&] { RpcClient(daemon_socket_).call("daemon.status"); });
  return Clock::now() - begin;
}

void Appliance::start_broker(const std::string& configuration) {
  const fs::path file = home_.path() / "broker.toml";
  std::ofstream(file) << configuration;
  broker_ = std::make_unique<ChildProcess>(ChildOptions{
      .argv = {program(context_.settings, "outbox-broker"), "--config", file, "--data-dir",
               broker_data_, "--socket", broker_socket_, "--listen", broker_address_},
      .environment = {},
      .working_directory = home_.path(),
      .log_file = home_.path() / "broker.log",
      .user_if_root = ""});
  wait_until_ready(*broker_, kStartPatience,
                   [&] { RpcClient(broker_socket_).call("producer.list"); });
}

void Appliance::start_payments() {
  payments_ = std::make_unique<ChildProcess>(ChildOptions{
      .argv = {program(context_.settings, "outboxd"), "--config", home_.path() / "empty.toml",
               "--data-dir", home_.path() / "p", "--socket", payments_socket_, "--broker",
               broker_address_, "--producer", "payer", "--modules", "payments"},
      .environment = {},
      .working_directory = home_.path(),
      .log_file = home_.path() / "payments.log",
      .user_if_root = ""});
  wait_until_ready(*payments_, kStartPatience,
                   [&] { RpcClient(payments_socket_).call("daemon.status"); });
}

void Appliance::kill_daemon() {
  note_memory();
  daemon_->kill_hard();
}

void Appliance::note_memory() {
  if (!daemon_) return;
  context_.daemon_peak_rss_bytes =
      std::max(context_.daemon_peak_rss_bytes, daemon_->memory().peak_bytes);
}

std::vector<UniqueFd> Appliance::connections() const {
  std::vector<UniqueFd> sockets;
  for (std::uint32_t i = 0; i < kConnections; ++i) sockets.push_back(connect_unix(daemon_socket_));
  return sockets;
}

LoadResult Appliance::call(LoadProtocol& protocol, std::uint32_t in_flight, std::uint64_t first,
                           std::uint64_t count) {
  LoadLoop loop(connections(), in_flight, protocol, first);
  const LoadResult result = loop.run_count(count);
  note_memory();
  return result;
}

template <typename Measure>
LoadResult Appliance::load(std::uint32_t in_flight, const Measure& measure) {
  OrderCreateProtocol protocol;
  LoadLoop loop(connections(), in_flight, protocol, next_number_);
  const LoadResult result = measure(loop);
  next_number_ = loop.next_number();
  note_memory();
  return result;
}

LoadResult Appliance::commit_for(std::uint32_t in_flight) {
  return load(in_flight, [&](LoadLoop& loop) {
    return loop.run_for(context_.settings.warm_up, context_.settings.window);
  });
}

LoadResult Appliance::commit_count(std::uint64_t count) {
  constexpr std::uint32_t kInFlight = 16;
  return load(kInFlight, [&](LoadLoop& loop) { return loop.run_count(count); });
}

std::vector<std::uint64_t> Appliance::round_trips() {
  OrderCreateProtocol protocol;
  return measure_round_trips(connect_unix(daemon_socket_), protocol,
                             context_.settings.latency_requests);
}

std::uint64_t Appliance::last_seq() {
  RpcClient daemon(daemon_socket_);
  return last_seq_of(daemon);
}

void Appliance::wait_until_last_seq(std::uint64_t seq) {
  RpcClient daemon(daemon_socket_);
  poll_until("every order is paid", [&] { return last_seq_of(daemon) >= seq; });
}

// Each payment makes one event.
void Appliance::wait_until_paid(std::uint64_t payments) {
  RpcClient payer(payments_socket_);
  poll_until("there are all payments", [&] { return last_seq_of(payer) >= payments; });
}

void Appliance::wait_until_connected() {
  RpcClient broker(broker_socket_);
  poll_until("the relay connects", [&] {
    const ProducerState producer = producer_state(broker);
    return producer.connected || producer.last_seq > 0;
  });
}

void Appliance::wait_until_broker_has(std::uint64_t seq) {
  RpcClient broker(broker_socket_);
  poll_until("the broker has every event", [&] { return producer_state(broker).last_seq >= seq; });
}

void Appliance::wait_until_retrying(std::string_view group, std::uint64_t events) {
  RpcClient broker(broker_socket_);
  poll_until("the events wait for another attempt", [&] {
    const msgpack::object_handle reply = broker.call("group.list");
    const msgpack::object& groups = member(reply.get(), "groups");
    for (const msgpack::object& listed : std::span(groups.via.array.ptr, groups.via.array.size)) {
      if (member(listed, "group").as<std::string_view>() != group) continue;
      return unsigned_member(listed, "retrying") >= events;
    }
    return false;
  });
}

void Appliance::wait_until_acknowledged() {
  RpcClient daemon(daemon_socket_);
  poll_until("nothing is pending", [&] {
    const msgpack::object_handle status = daemon.call("daemon.status");
    return unsigned_member(member(status.get(), "outbox"), "pending") == 0;
  });
  note_memory();
}

}  // namespace outboxd::bench
