// What the daemon can be told, with its defaults.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/reader.h"

namespace outboxd::daemon {

inline constexpr const char* kMainConfigFile = "/etc/outboxd/outboxd.toml";

// What `modules` may name.
inline constexpr const char* kOrdersModule = "orders";
inline constexpr const char* kPaymentsModule = "payments";
inline constexpr const char* kReservationsModule = "reservations";

// Every key of outboxd.toml (5), under its TOML path. A default-constructed Config is what an empty
// file gives.
struct Config {
  std::string data_dir = "/var/lib/outboxd";         // data_dir
  std::string socket = "/run/outboxd/outboxd.sock";  // socket
  std::string
      producer;  // producer; empty: as the store says, or the host's name and some of its id
  std::vector<std::string> modules = {kOrdersModule, kReservationsModule};  // modules
  std::string log_level = "info";                                           // log.level

  struct Broker {
    std::string endpoint;                 // empty: keep everything, send nothing
    std::int64_t window_events = 65'536;  // unacknowledged at most
    std::int64_t window_bytes = 8 << 20;
  } broker;

  struct Outbox {
    std::int64_t max_backlog_events = 10'000'000;  // past it: outbox_full
    std::int64_t ack_flush_ms = 200;               // progress is written when nothing else is
  } outbox;

  struct Orders {
    std::optional<std::int64_t> unpublished_ttl_ms = std::int64_t{5} * 60 * 1000;
  } orders;

  struct Payments {
    std::string gateway = "simulated";  // or "http"
    std::string url;                    // of the HTTP gateway
    std::string refund_url;             // empty: url + "/refunds"
    std::string authorization_file;     // a path or a credential; empty: the gateway asks for none
    std::int64_t timeout_ms = 10'000;   // of one call of the HTTP gateway
    std::int64_t latency_ms = 0;        // of the simulated gateway
    std::int64_t workers = 4;           // calls at a time
  } payments;

  struct Reservations {
    std::int64_t hold_ttl_ms = std::int64_t{10} * 60 * 1000;   // of a hold that asks for none
    std::int64_t token_ttl_ms = std::int64_t{15} * 60 * 1000;  // the same of a token
  } reservations;

  struct Topic {
    std::string on = "broker";  // topics.NAME.on; or "consumed:GROUP"
  };
  std::map<std::string, Topic> topics;  // only those that a file names

  struct Inbox {
    std::optional<std::int64_t> mark_ttl_ms = std::int64_t{30} * 24 * 3600 * 1000;
  } inbox;

  struct Storage {
    std::int64_t soft_free_bytes = 256LL << 20;  // below: writes get storage_full
    std::int64_t hard_free_bytes = 64LL << 20;   // below: nothing is written at all
    std::optional<std::int64_t> request_ttl_ms = std::int64_t{7} * 24 * 3600 * 1000;
  } storage;

  struct Access {
    std::vector<std::string> read = {"*"};
    std::vector<std::string> write = {"*"};
    std::vector<std::string> admin = {"root"};
  } access;
};

// The group that `on` names; nothing for "broker".
std::optional<std::string> consuming_group(const Config::Topic& topic);

// Every topic that has a rule: those that a file names, and `reservations` while its module runs,
// which the payments' books have to have (consumed:payments) unless a file says otherwise.
std::map<std::string, Config::Topic> topics_with_rules(const Config& config);

// What the command line says; each overrides the files.
struct ConfigOverrides {
  std::optional<std::string> data_dir;
  std::optional<std::string> socket;
  std::optional<std::string> broker_endpoint;
  std::optional<std::string> producer;
  std::optional<std::vector<std::string>> modules;
};

// Reads `chosen_file`, or the system's files when it is empty, into `config`, and applies
// `overrides`. Returns what is wrong, everything at once; empty: `config` is good.
std::vector<config::Problem> load_config(const std::string& chosen_file,
                                         const ConfigOverrides& overrides, Config& config);

// The same for text that is in memory; `name` stands for the file in problems.
std::vector<config::Problem> parse_config(std::string_view toml, const std::string& name,
                                          Config& config);

}  // namespace outboxd::daemon
