#include "broker/settings.h"

#include "domain/ids.h"
#include "transport/link/endpoint.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {

std::optional<std::string> problem_with_endpoint(std::string_view endpoint) {
  const auto local = transport::local_endpoint(endpoint);
  if (local) return std::nullopt;
  return local.error().message;
}

namespace {

constexpr std::int64_t kMaxMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;

void declare_policy(config::Reader& reader, const std::string& table, GroupPolicy& policy) {
  reader.integer(table + "max_retries", policy.max_retries, {.min = 0, .max = 1'000'000})
      .integer(table + "backoff_base_ms", policy.backoff_base_ms, {.min = 1, .max = kMaxMs})
      .integer(table + "backoff_max_ms", policy.backoff_max_ms, {.min = 1, .max = kMaxMs})
      .duration_ms(table + "message_ttl_ms", policy.message_ttl_ms, {.min = 1, .max = kMaxMs});
}

std::optional<std::string> problem_with(const GroupPolicy& policy) {
  if (policy.backoff_base_ms <= policy.backoff_max_ms) return std::nullopt;
  return "backoff_base_ms (" + std::to_string(policy.backoff_base_ms) +
         ") must not exceed backoff_max_ms (" + std::to_string(policy.backoff_max_ms) + ")";
}

std::optional<std::string> problem_with(const std::deque<GroupSettings>& groups) {
  const GroupSettings& last = groups.back();
  if (last.topic.empty() || last.name.empty()) return "a group needs topic and name";
  for (const GroupSettings& group : groups) {
    if (&group != &last && group.topic == last.topic && group.name == last.name) {
      return "the group " + last.name + " of topic " + last.topic + " occurs twice";
    }
  }
  return problem_with(last.policy);
}

// [[group]] begins with `defaults`, which have to be known before.
void declare_groups(config::Reader& reader, const GroupPolicy& defaults,
                    std::deque<GroupSettings>& groups) {
  const config::TextRule topic{
      "a topic that groups can consume: 1 to 64 characters from A-Z a-z 0-9 . _ -, or "
      "dead:TOPIC:GROUP",
      transport::is_consumable_topic};
  const config::TextRule name{"a group: 1 to 128 characters from A-Z a-z 0-9 . _ : -",
                              transport::is_valid_group};
  reader.entries("group", [=, &groups](config::Reader& entry) {
    GroupSettings& group = groups.emplace_back(GroupSettings{"", "", defaults});
    entry.text("topic", group.topic, topic).text("name", group.name, name);
    declare_policy(entry, "", group.policy);
    return [&groups] { return problem_with(groups); };
  });
}

void declare_link(config::Reader& reader, Settings& settings) {
  reader.integer("link.window_events", settings.window_events, {.min = 1, .max = 1 << 20})
      .integer("link.window_bytes", settings.window_bytes, {.min = 1 << 20, .max = 1 << 28})
      .integer("link.peer_timeout_ms", settings.peer_timeout_ms, {.min = 1000, .max = 3'600'000})
      .integer("link.max_connections", settings.max_connections, {.min = 1, .max = 60000});
}

// What is wrong with keys that are good one by one.
void check_together(const Settings& settings, const std::string& file,
                    std::vector<config::Problem>& problems) {
  if (auto wrong = problem_with(settings.policy)) {
    problems.push_back({file, 0, "groups", std::move(*wrong)});
  }
  if (settings.hard_free_bytes > settings.soft_free_bytes) {
    problems.push_back({file, 0, "storage.hard_free_bytes",
                        "must not exceed storage.soft_free_bytes (" +
                            std::to_string(settings.soft_free_bytes) + ")"});
  }
}

std::vector<config::Problem> read_pass(const std::vector<std::string>& files,
                                       const GroupPolicy& defaults, Settings& settings) {
  const config::TextRule endpoint{
      "tcp://HOST:PORT or ipc:///PATH on this machine",
      [](std::string_view text) { return !problem_with_endpoint(text); }};
  const config::TextRule path{"an absolute path",
                              [](std::string_view text) { return text.starts_with('/'); }};
  const config::TextRule topic{"a topic: 1 to 64 characters from A-Z a-z 0-9 . _ : -",
                               domain::is_valid_id};
  config::Reader reader;
  reader.text("listen", settings.listen, endpoint)
      .text("data_dir", settings.data_dir, path)
      .text("socket", settings.socket, path)
      .texts("topics.allowed", settings.allowed_topics, topic)
      .duration_ms("topics.retention_ms", settings.retention_ms, {.min = 1, .max = kMaxMs})
      .duration_ms("groups.dead_retention_ms", settings.dead_retention_ms,
                   {.min = 1, .max = kMaxMs})
      .integer("storage.soft_free_bytes", settings.soft_free_bytes, {.min = 0})
      .integer("storage.hard_free_bytes", settings.hard_free_bytes, {.min = 0})
      .text("log.level", settings.log_level,
            config::one_of({"error", "warning", "notice", "info", "debug"}));
  declare_link(reader, settings);
  declare_policy(reader, "groups.", settings.policy);
  declare_groups(reader, defaults, settings.groups);
  return reader.read_files(files);
}

}  // namespace

std::vector<config::Problem> read_settings(const std::string& chosen, Settings& settings) {
  const std::vector<std::string> files = config::files_to_read(chosen, kConfigFile);
  // Twice, for [groups] may stand behind the [[group]] that inherits from it.
  Settings first = settings;
  std::vector<config::Problem> problems = read_pass(files, first.policy, first);
  if (problems.empty()) problems = read_pass(files, first.policy, settings);
  if (problems.empty()) check_together(settings, files.empty() ? "" : files.back(), problems);
  return problems;
}

const GroupPolicy& policy_of(const Settings& settings, std::string_view topic,
                             std::string_view name) {
  for (const GroupSettings& group : settings.groups) {
    if (group.topic == topic && group.name == name) return group.policy;
  }
  return settings.policy;
}

}  // namespace outboxd::broker
