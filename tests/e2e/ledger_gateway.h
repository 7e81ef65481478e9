// A payment gateway behind HTTP that writes down what it was asked, for tests.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/client.h"
#include "client/descriptor.h"

namespace outboxd::e2e {

// Listens on 127.0.0.1 from construction to destruction, on a thread of its own. Decides by the
// payment method as the simulated gateway does (pm_ok…, pm_decline…, pm_flaky_N…, pm_down…), and
// answers a key that it has seen as it did then. With an `authorization`, it knows nobody who does
// not show that one: 401, and nothing is written down.
class LedgerGateway {
 public:
  struct Entry {
    std::string order_id;
    std::int64_t amount = 0;
    int calls = 0;
    bool charged = false;
  };

  explicit LedgerGateway(std::string authorization = {});
  ~LedgerGateway();
  LedgerGateway(const LedgerGateway&) = delete;
  LedgerGateway& operator=(const LedgerGateway&) = delete;

  [[nodiscard]] std::string url() const;

  // What it was asked to charge, by idempotency key.
  [[nodiscard]] std::map<std::string, Entry> entries() const;

 private:
  struct Connection {
    client::Descriptor socket;
    std::string input;
  };

  void serve();
  bool receive(Connection& connection);
  int answer(std::string_view head, std::string_view body);
  int charge(const std::string& key, const client::Json& request);

  const std::string authorization_;
  client::Descriptor listener_;
  client::Descriptor stop_read_;
  client::Descriptor stop_write_;
  std::uint16_t port_ = 0;

  mutable std::mutex mutex_;  // guards entries_
  std::map<std::string, Entry> entries_;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace outboxd::e2e
