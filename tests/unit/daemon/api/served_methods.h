// Methods of the local API as their callers see them: on a socket, over a core and a store in
// memory.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "client/client.h"
#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/outbox_publisher.h"
#include "domain/check.h"
#include "tests/contract/store/memory_store.h"
#include "tests/support/temporary_directory.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// Serves `methods` from start() on. The store, the core and what a test adds belong to the core
// thread then: a test reaches them with on_core() only, until it is destroyed. Derive from it, and
// stop() in the destructor, before what the methods use is gone.
class ServedMethods {
 public:
  ServedMethods() {
    core_.attach(server_);
    const domain::Status listening = server_.listen(directory_.file("socket"), 0600);
    OUTBOXD_CHECK(listening.ok());
  }
  virtual ~ServedMethods() { stop(); }

  void start() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }

  [[nodiscard]] client::Client connect() const {
    auto connected = client::Client::connect({.socket = directory_.file("socket")});
    OUTBOXD_CHECK(connected.ok());
    return std::move(*connected);
  }

  // What a call comes to, on `client` or on a connection of its own.
  static client::Json call(client::Client& client, const std::string& method,
                           const client::Json& arguments) {
    return client.call(method, arguments).value();
  }
  static client::Failure refusal(client::Client& client, const std::string& method,
                                 const client::Json& arguments) {
    return client.call(method, arguments).error();
  }
  client::Json call(const std::string& method, const client::Json& arguments) {
    return call(caller(), method, arguments);
  }
  client::Failure refusal(const std::string& method, const client::Json& arguments) {
    return refusal(caller(), method, arguments);
  }

  // Runs `work` on the core thread and returns what it returns.
  template <typename Work>
  auto on_core(Work work) {
    // Shared: who waits may go on before the one who tells has left the task.
    const auto task =
        std::make_shared<std::packaged_task<std::invoke_result_t<Work>()>>(std::move(work));
    auto outcome = task->get_future();
    loop_.post([task] { (*task)(); });
    return outcome.get();
  }

  // Runs `work` in a unit of work that is accepted, and returns when that is durable.
  void commit(const std::function<domain::Status(domain::UnitOfWork&)>& work) {
    const auto outcome = std::make_shared<std::promise<domain::Status>>();
    on_core([&] {
      core_.apply(work, [outcome](const domain::Status& status) { outcome->set_value(status); });
    });
    OUTBOXD_CHECK(outcome->get_future().get().ok());
  }

  // What is durable.
  [[nodiscard]] support::MemoryContents contents() const { return disk_.read(); }

 private:
  // An object of its own, so that none is being destroyed while the core thread still calls it.
  class Dispatch final : public transport::RequestHandler {
   public:
    explicit Dispatch(ServedMethods& owner) : owner_(owner) {}
    void on_request(const transport::Request& request) override {
      const Method* const method = owner_.methods_.find(request.method);
      OUTBOXD_CHECK(method != nullptr);
      if (const domain::Status status = method->run(request); !status) {
        owner_.server_.reply_error(request.reply_to, status.error());
      }
    }
    void on_disconnect(transport::ConnectionId connection) override {
      owner_.disconnected_(connection);
    }

   private:
    ServedMethods& owner_;
  };
  Dispatch dispatch_{*this};

 protected:
  support::MemoryDisk disk_;
  support::MemoryStore store_{disk_};
  transport::EventLoop loop_;
  MethodTable methods_;
  std::function<void(transport::ConnectionId)> disconnected_ = [](transport::ConnectionId) {};
  // No disk fails here.
  Core core_{loop_, store_, {}, [](const domain::Error&) { OUTBOXD_CHECK(false); }};
  transport::Server server_{loop_, dispatch_};

 private:
  client::Client& caller() {
    if (!caller_) caller_.emplace(connect());
    return *caller_;
  }

  const support::TemporaryDirectory directory_;
  std::optional<client::Client> caller_;
  std::thread thread_;
};

}  // namespace outboxd::daemon
