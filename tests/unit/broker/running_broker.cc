#include "tests/unit/broker/running_broker.h"

#include <stdexcept>
#include <utility>

namespace outboxd::broker {
namespace {

BrokerOptions on_a_free_port(BrokerOptions options) {
  options.endpoint = "tcp://127.0.0.1:0";
  options.sessions.software_version = "test";
  return options;
}

void must(const domain::Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

}  // namespace

RunningBroker::RunningBroker(Engine& engine, const std::string& directory, BrokerOptions options,
                             std::chrono::milliseconds patience)
    : socket_(directory + "/broker.sock"),
      broker_(on_a_free_port(std::move(options)), engine, clock_,
              {.on_durable = [this] { api_->wake_tails(); },
               .on_failure =
                   [](const domain::Error& error) { throw std::logic_error(error.message); }}),
      owned_api_(std::make_unique<AdminApi>(AdminApi::Options{.patience = patience}, loop_, broker_,
                                            engine, space_, clock_)) {
  api_ = owned_api_.get();
  must(broker_.start());
  must(api_->server().listen(socket_, 0600));
  thread_ = std::thread([this] { loop_.run(); });
}

RunningBroker::~RunningBroker() {
  broker_.stop();
  loop_.stop();
  thread_.join();
}

}  // namespace outboxd::broker
