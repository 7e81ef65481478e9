#include "daemon/config.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include <unistd.h>

#include "daemon/payments/gateway_authorization.h"
#include "daemon/payments/gateway_url.h"
#include "domain/access_token.h"
#include "domain/ids.h"
#include "domain/origin.h"
#include "domain/reservation.h"
#include "transport/limits.h"
#include "transport/link/endpoint.h"
#include "transport/link/group_name.h"

namespace outboxd::daemon {
namespace {

using config::Problem;
using config::Reader;
using config::TextRule;

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();
const std::vector<std::string> kModuleNames = {kOrdersModule, kPaymentsModule, kReservationsModule};
constexpr std::string_view kHttpGateway = "http";

TextRule path_rule() {
  return {"an absolute or relative path", [](std::string_view text) { return !text.empty(); }};
}

TextRule producer_rule() {
  return {
      "empty, or 1 to 64 characters from A-Z a-z 0-9 . _ : - that do not end in :life- and a "
      "number",
      [](std::string_view text) { return text.empty() || domain::is_producer_name(text); }};
}

TextRule endpoint_rule() {
  return {
      "empty, ipc://PATH, or tcp://HOST:PORT on loopback (keys for more come with a later release)",
      [](std::string_view text) { return text.empty() || transport::local_endpoint(text).ok(); }};
}

TextRule gateway_url_rule() {
  return {"empty, https://HOST…, or http:// with 127.0.0.1, [::1] or localhost",
          [](std::string_view text) { return text.empty() || is_gateway_url(text); }};
}

TextRule authorization_rule() {
  return {"empty, an absolute path, or the name of a credential",
          [](std::string_view text) { return text.empty() || is_authorization_file(text); }};
}

TextRule user_rule() {
  return {"a user's name or number, or \"*\"",
          [](std::string_view text) { return !text.empty() && text.size() <= 64; }};
}

constexpr std::string_view kOnBroker = "broker";
constexpr std::string_view kOnConsumed = "consumed:";

TextRule topic_rule() {
  return {"an identifier without ':'", [](std::string_view text) {
            return transport::is_consumable_topic(text) && !transport::split_dead_topic(text);
          }};
}

TextRule completion_rule() {
  return {"\"broker\" or \"consumed:GROUP\"", [](std::string_view text) {
            return text == kOnBroker ||
                   (text.starts_with(kOnConsumed) &&
                    transport::is_valid_group(text.substr(kOnConsumed.size())));
          }};
}

void declare_topic(Config& config, const std::string& name, Reader& table) {
  table.text("on", config.topics[name].on, completion_rule());
}

void declare(Reader& reader, Config& config) {
  reader.text("data_dir", config.data_dir, path_rule())
      .text("socket", config.socket, path_rule())
      .text("producer", config.producer, producer_rule())
      .texts("modules", config.modules, config::one_of(kModuleNames))
      .text("log.level", config.log_level,
            config::one_of({"error", "warning", "notice", "info", "debug"}))
      .text("broker.endpoint", config.broker.endpoint, endpoint_rule())
      .integer("broker.window_events", config.broker.window_events, {1, 1'000'000})
      .integer("broker.window_bytes", config.broker.window_bytes, {1 << 20, 256 << 20})
      .integer("outbox.max_backlog_events", config.outbox.max_backlog_events, {1, kMaxInt})
      .integer("outbox.ack_flush_ms", config.outbox.ack_flush_ms, {1, 60'000})
      .duration_ms("orders.unpublished_ttl_ms", config.orders.unpublished_ttl_ms, {1, kMaxInt})
      .text("payments.gateway", config.payments.gateway,
            config::one_of({"simulated", std::string(kHttpGateway)}))
      .text("payments.url", config.payments.url, gateway_url_rule())
      .text("payments.refund_url", config.payments.refund_url, gateway_url_rule())
      .text("payments.authorization_file", config.payments.authorization_file, authorization_rule())
      .integer("payments.timeout_ms", config.payments.timeout_ms, {10, 120'000})
      .integer("payments.latency_ms", config.payments.latency_ms, {0, 60'000})
      .integer("payments.workers", config.payments.workers, {1, 64})
      .integer("reservations.hold_ttl_ms", config.reservations.hold_ttl_ms,
               {1, domain::kMaxHoldTtlMs})
      .integer("reservations.token_ttl_ms", config.reservations.token_ttl_ms,
               {1, domain::kMaxTokenTtlMs})
      .tables(
          "topics", topic_rule(),
          [&config](const std::string& name, Reader& table) { declare_topic(config, name, table); })
      .duration_ms("inbox.mark_ttl_ms", config.inbox.mark_ttl_ms, {1000, kMaxInt})
      .integer("storage.soft_free_bytes", config.storage.soft_free_bytes, {0, kMaxInt})
      .integer("storage.hard_free_bytes", config.storage.hard_free_bytes, {0, kMaxInt})
      .duration_ms("storage.request_ttl_ms", config.storage.request_ttl_ms, {1, kMaxInt})
      .texts("access.read", config.access.read, user_rule())
      .texts("access.write", config.access.write, user_rule())
      .texts("access.admin", config.access.admin, user_rule());
}

void check_topics(const Config& config, const std::string& file, std::vector<Problem>& problems) {
  const std::size_t topics = topics_with_rules(config).size();
  if (topics > transport::kMaxCompletionRules) {
    problems.push_back({file, 0, "topics",
                        "may have " + std::to_string(transport::kMaxCompletionRules) +
                            " tables, not " + std::to_string(topics)});
  }
}

void check_payments(const Config& config, const std::string& file, std::vector<Problem>& problems) {
  if (config.payments.gateway == kHttpGateway && config.payments.url.empty()) {
    problems.push_back({file, 0, "payments.url", "must be given for payments.gateway \"http\""});
  }
  if (config.payments.gateway != kHttpGateway && !config.payments.authorization_file.empty()) {
    problems.push_back(
        {file, 0, "payments.authorization_file", "is of use to payments.gateway \"http\" only"});
  }
}

void check_together(const Config& config, const std::string& file, std::vector<Problem>& problems) {
  if (config.storage.hard_free_bytes > config.storage.soft_free_bytes) {
    problems.push_back({file, 0, "storage.hard_free_bytes",
                        "must not exceed storage.soft_free_bytes (" +
                            std::to_string(config.storage.soft_free_bytes) + ")"});
  }
  check_topics(config, file, problems);
  check_payments(config, file, problems);
}

void apply(const ConfigOverrides& overrides, Config& config, std::vector<Problem>& problems) {
  const auto take = [&problems](const auto& from, std::string& to, const char* flag,
                                const TextRule& rule) {
    if (!from) return;
    if (rule.accepts(*from)) {
      to = *from;
    } else {
      problems.push_back({"command line", 0, flag, "must be " + rule.allowed});
    }
  };
  take(overrides.data_dir, config.data_dir, "--data-dir", path_rule());
  take(overrides.socket, config.socket, "--socket", path_rule());
  take(overrides.broker_endpoint, config.broker.endpoint, "--broker", endpoint_rule());
  take(overrides.producer, config.producer, "--producer", producer_rule());
  if (!overrides.modules) return;
  const TextRule known = config::one_of(kModuleNames);
  for (const std::string& module : *overrides.modules) {
    if (known.accepts(module)) continue;
    problems.push_back({"command line", 0, "--modules",
                        "\"" + module + "\" is no module; it must be " + known.allowed});
  }
  config.modules = *overrides.modules;
}

}  // namespace

std::optional<std::string> consuming_group(const Config::Topic& topic) {
  if (!topic.on.starts_with(kOnConsumed)) return std::nullopt;
  return topic.on.substr(kOnConsumed.size());
}

std::map<std::string, Config::Topic> topics_with_rules(const Config& config) {
  std::map<std::string, Config::Topic> topics = config.topics;
  const auto& modules = config.modules;
  if (std::find(modules.begin(), modules.end(), kReservationsModule) != modules.end()) {
    topics.try_emplace(std::string(domain::kReservationsTopic),
                       Config::Topic{std::string(kOnConsumed) + "payments"});
  }
  return topics;
}

std::vector<Problem> load_config(const std::string& chosen_file, const ConfigOverrides& overrides,
                                 Config& config) {
  Reader reader;
  declare(reader, config);
  std::vector<Problem> problems =
      reader.read_files(config::files_to_read(chosen_file, kMainConfigFile));
  apply(overrides, config, problems);
  if (problems.empty()) {
    check_together(config, chosen_file.empty() ? kMainConfigFile : chosen_file, problems);
  }
  return problems;
}

std::vector<Problem> parse_config(std::string_view toml, const std::string& name, Config& config) {
  Reader reader;
  declare(reader, config);
  std::vector<Problem> problems = reader.read_text(toml, name);
  if (problems.empty()) check_together(config, name, problems);
  return problems;
}

}  // namespace outboxd::daemon
