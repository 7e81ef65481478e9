#include "tests/e2e/appliance.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

namespace outboxd::e2e {
namespace {

std::runtime_error error_of(const Failure& failure) {
  const std::string argument = failure.argument();
  return std::runtime_error(failure.code + (argument.empty() ? "" : " (" + argument + ")") + ": " +
                            failure.message);
}

}  // namespace

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "outboxd-e2e-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code left_behind;
  std::filesystem::remove_all(path_, left_behind);
}

HeldPort::HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int yes = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(socket_.get(), generic, size) != 0 ||
      ::getsockname(socket_.get(), generic, &size) != 0) {
    throw std::runtime_error("no free port");
  }
  port_ = ntohs(address.sin_port);
}

std::string HeldPort::endpoint() const {
  return "tcp://127.0.0.1:" + std::to_string(port_);
}

Server::Server(std::string program, std::filesystem::path directory,
               std::vector<std::string> arguments)
    : program_(std::move(program)),
      directory_(std::move(directory)),
      arguments_(std::move(arguments)) {
  std::filesystem::create_directories(directory_);
  configure("");  // not what this machine may have in /etc
}

void Server::configure(std::string_view toml) const {
  std::ofstream(config_file(), std::ios::trunc) << toml;
}

Server::~Server() {
  if (is_running()) kill();
  if (!::testing::Test::HasFailure()) return;
  if (process_) earlier_logs_ += process_->err();
  constexpr std::size_t kShown = 2000;  // the failure itself shall stay in sight
  if (earlier_logs_.size() > kShown) earlier_logs_.erase(0, earlier_logs_.size() - kShown);
  if (!earlier_logs_.empty()) std::cerr << "--- " << program_ << " ---\n" << earlier_logs_;
}

std::vector<std::string> Server::command(const std::vector<std::string>& extra) const {
  std::vector<std::string> words = {
      program(program_), "--config", config_file(), "--data-dir", data(), "--socket", socket()};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

void Server::start(ProcessOptions extra) {
  if (process_) earlier_logs_ += process_->err();
  extra.argv = command(extra.argv);
  process_ = std::make_unique<Process>(std::move(extra));
  if (process_->wait_for_output(program_ + " ready")) return;
  const ExitStatus status = process_->wait();
  throw std::runtime_error(program_ + " ended with status " + std::to_string(status) +
                           " instead of getting ready:\n" + process_->err());
}

ProcessOutcome Server::run(std::vector<std::string> extra_arguments) {
  return e2e::run({.argv = command(extra_arguments)});
}

ExitStatus Server::stop() {
  process_->signal(SIGTERM);
  return process_->wait();
}

void Server::kill() {
  process_->kill();
}

Client Server::connect() const {
  auto connected = Client::connect({.socket = socket(), .timeout = kPatience});
  if (!connected) throw error_of(connected.error());
  return std::move(*connected);
}

Json Server::ask(std::string_view method, Json arguments) const {
  return ok(connect().call(method, std::move(arguments)));
}

Json ok(client::Result<Json> result) {
  if (!result) throw error_of(result.error());
  return std::move(*result);
}

Failure failed(client::Result<Json> result) {
  if (result) throw std::runtime_error("must fail, but returned " + result->dump());
  return result.error();
}

Json order(std::string_view id) {
  return {{"order_id", id},
          {"customer_id", "17850"},
          {"payment_method", "pm_ok_visa"},
          {"currency", "GBP"},
          {"lines",
           {{{"sku", "85123A"}, {"quantity", 6}, {"unit_price", 255}, {"description", "T-LIGHT"}},
            {{"sku", "71053"}, {"quantity", 2}, {"unit_price", 339}}}}};
}

Json transaction(std::string_view id, std::string_view key, const Json& value) {
  return {
      {"request_id", id},
      {"put", {{{"key", key}, {"value", value}}}},
      {"events", {{{"topic", "stock"}, {"key", key}, {"type", "stock.counted"}, {"data", value}}}}};
}

std::vector<Json> events_at(const Server& broker, std::string_view topic) {
  Client client = broker.connect();
  std::vector<Json> events;
  std::uint64_t offset = 1;
  while (true) {
    Json page =
        ok(client.call("topic.read", {{"topic", topic}, {"offset", offset}, {"limit", 1000}}));
    if (page.at("events").empty()) return events;
    for (Json& event : page.at("events")) events.push_back(std::move(event));
    offset = page.at("next_offset").get<std::uint64_t>();
  }
}

void wait_until_delivered(const Server& daemon, std::uint64_t seq) {
  const Json answer =
      daemon.ask("outbox.wait", {{"seq", seq},
                                 {"level", "delivered"},
                                 {"timeout_ms", std::chrono::milliseconds(kPatience).count()}});
  if (answer.at("level") != "delivered")
    throw std::runtime_error("not delivered: " + answer.dump());
}

void ApplianceTest::TearDown() {
  for (Server* server : {&daemon_, &lonely_, &broker_}) {
    if (!server->is_running()) continue;
    EXPECT_EQ(server->stop(), 0);
  }
}

}  // namespace outboxd::e2e
