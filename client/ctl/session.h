// One run of outboxctl: where it connects, and how it says what came of it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "client/client.h"
#include "client/ctl/exit_status.h"

namespace outboxd::ctl {

using client::Json;

// What the options before the command said.
struct Settings {
  std::string socket = "/run/outboxd/outboxd.sock";
  std::string broker_socket = "/run/outbox-broker/outbox-broker.sock";
  std::optional<std::chrono::milliseconds> timeout;  // none: what suits the command
  bool json = false;
};

// Connects when it is first needed. Not thread-safe.
class Session {
 public:
  static constexpr std::chrono::milliseconds kDefaultTimeout{10'000};
  // For what reads or rewrites the whole database.
  static constexpr std::chrono::milliseconds kLongTimeout{3'600'000};

  Session(const Settings& settings, std::ostream& out, std::ostream& err)
      : settings_(settings), out_(out), err_(err) {}

  // Talks to the broker's socket rather than to the daemon's. Before the first call.
  void use_broker() { socket_ = &settings_.broker_socket; }
  // Waits this long for a reply unless --timeout says otherwise. Before the first call.
  void set_default_timeout(std::chrono::milliseconds timeout) { default_timeout_ = timeout; }
  // Replies may take this much longer than --timeout, which the daemon keeps itself.
  void set_grace(std::chrono::milliseconds grace) { grace_ = grace; }

  [[nodiscard]] std::chrono::milliseconds timeout() const;
  [[nodiscard]] client::Options client_options() const;

  client::Result<Json> call(std::string_view method, Json arguments = nullptr);
  // The connection of `call`, for what is more than a call.
  client::Result<client::Client*> connection();

  [[nodiscard]] bool json() const { return settings_.json; }
  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }

  // Calls and prints: the result as one line of JSON, or what `print` makes of it for people.
  ExitStatus show(std::string_view method, Json arguments,
                  const std::function<void(std::ostream&, const Json&)>& print);

  // Says what went wrong in one line, and returns the status to end with.
  ExitStatus fail(const client::Failure& failure);
  ExitStatus fail_usage(const std::string& message);

 private:
  const Settings& settings_;
  std::ostream& out_;
  std::ostream& err_;
  const std::string* socket_ = &settings_.socket;
  std::chrono::milliseconds default_timeout_ = kDefaultTimeout;
  std::chrono::milliseconds grace_{0};
  std::optional<client::Client> client_;
};

}  // namespace outboxd::ctl
