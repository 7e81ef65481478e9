#include "broker/report.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "domain/time_format.h"
#include "transport/msgpack/writer.h"

namespace outboxd::broker {
namespace {

std::uint64_t stored_events(const Report& report) {
  return std::accumulate(report.topics.begin(), report.topics.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const TopicInfo& topic) {
                           return sum + topic.next_offset - topic.first_offset;
                         });
}

std::uint64_t unresolved_events(const Report& report, const GroupSnapshot& group) {
  const auto topic = std::lower_bound(
      report.topics.begin(), report.topics.end(), group.id.topic,
      [](const TopicInfo& info, const std::string& name) { return info.topic < name; });
  if (topic == report.topics.end() || topic->topic != group.id.topic) return 0;
  return lag_of(group, topic->next_offset);
}

void write_groups(transport::Writer& writer, const Report& report) {
  const GroupCounters& counters = report.group_counters;
  std::uint64_t lag = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t retrying = 0;
  std::uint64_t parked = 0;
  for (const GroupSnapshot& group : report.groups) {
    lag += unresolved_events(report, group);
    in_flight += group.in_flight;
    retrying += group.retrying;
    parked += group.parked;
  }
  writer.key("groups")
      .map(12)
      .field("known", std::uint64_t{report.groups.size()})
      .field("lag", lag)
      .field("in_flight", in_flight)
      .field("retrying", retrying)
      .field("parked", parked)
      .field("dead", report.dead_letters)
      .field("delivered", counters.delivered)
      .field("redelivered", counters.redelivered)
      .field("acked", counters.acked)
      .field("retried", counters.retried)
      .field("buried", counters.buried)
      .field("consumers_died", counters.consumers_died);
}

class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "outbox_broker_" + std::string(name);
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n";
    text_ += "# TYPE " + name_ + " " + std::string(type) + "\n";
  }

  // Label values are identifiers or versions: nothing in them needs escaping.
  void sample(std::uint64_t value, std::string_view label = {}, std::string_view label_value = {}) {
    text_ += name_;
    if (!label.empty()) {
      text_ += "{" + std::string(label) + "=\"" + std::string(label_value) + "\"}";
    }
    text_ += " " + std::to_string(value) + "\n";
  }

  void sample(std::uint64_t value, const GroupId& group) {
    text_ += name_ + "{topic=\"" + group.topic + "\",group=\"" + group.group + "\"} " +
             std::to_string(value) + "\n";
  }

  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    sample(value);
  }

  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "gauge", help);
    sample(value);
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace

std::uint64_t lag_of(const GroupSnapshot& group, Offset topic_end) {
  return group.unresolved + (topic_end > group.next ? topic_end - group.next : 0);
}

std::string encode_status(const Report& report) {
  const transport::BrokerCounters& counters = report.broker.counters;
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(12)
      .field("version", OUTBOXD_VERSION)
      .field("uptime_ms", report.uptime_ms)
      .field("figures_age_ms", report.figures_age_ms)
      .field("listen", report.endpoint);
  writer.key("producers")
      .map(2)
      .field("known", std::uint64_t{report.broker.producers})
      .field("connected", std::uint64_t{report.broker.connected});
  writer.key("sessions")
      .map(3)
      .field("begun", counters.sessions)
      .field("fenced", counters.fenced)
      .field("errors_sent", counters.errors_sent);
  writer.key("events")
      .map(8)
      .field("stored", stored_events(report))
      .field("accepted", counters.events_accepted)
      .field("bytes", report.broker.bytes_accepted)
      .field("duplicates", counters.events_duplicate)
      .field("gaps", counters.gaps)
      .field("held", counters.events_held)
      .field("rejected", counters.events_refused)
      .field("withdrawn", counters.events_withdrawn);
  write_groups(writer, report);
  writer.field("commits", report.broker.groups);
  writer.field("topics", std::uint64_t{report.topics.size()});
  writer.key("storage")
      .map(5)
      .field("level", name_of(report.space))
      .field("bytes", report.engine.disk_bytes)
      .field("log_bytes", report.engine.log_bytes)
      .field("memory_bytes", report.engine.memory_bytes)
      .field("free_bytes", report.free_bytes);
  writer.key("last_error");
  if (report.last_error.empty()) {
    writer.nil();
  } else {
    writer.map(2)
        .field("message", report.last_error)
        .field("at", std::string_view(domain::rfc3339(report.last_error_at_ms)));
  }
  return encoded;
}

namespace {

void add_groups(Exposition& out, const Report& report) {
  const GroupCounters& counters = report.group_counters;
  out.counter("deliveries_total", "Events handed to consumers.", counters.delivered);
  out.counter("redeliveries_total", "Of these, not for the first time.", counters.redelivered);
  out.counter("settled_ack_total", "Events that consumers are done with.", counters.acked);
  out.counter("settled_retry_total", "Events that consumers could not process.", counters.retried);
  out.counter("settled_dead_total", "Events that consumers gave up.", counters.refused);
  out.counter("settled_release_total", "Events given back that nobody had looked at.",
              counters.released);
  out.counter("buried_total", "Events that became dead letters.", counters.buried);
  out.counter("unknown_tags_total", "Settlements of no delivery.", counters.unknown_tags);
  out.counter("foreign_tags_total", "Settlements of others' deliveries.", counters.foreign_tags);
  out.counter("consumers_died_total", "Consumers that died.", counters.consumers_died);
  out.gauge("dead_letters", "Dead letters of all groups.", report.dead_letters);
  const auto per_group = [&](std::string_view name, std::string_view help, auto figure) {
    out.family(name, "gauge", help);
    for (const GroupSnapshot& group : report.groups) out.sample(figure(group), group.id);
  };
  per_group("group_lag", "Events that the group is not done with.",
            [&](const GroupSnapshot& group) { return unresolved_events(report, group); });
  per_group("group_in_flight", "Events with consumers.",
            [](const GroupSnapshot& group) { return std::uint64_t{group.in_flight}; });
  per_group("group_retrying", "Events that wait for another attempt.",
            [](const GroupSnapshot& group) { return std::uint64_t{group.retrying}; });
  per_group("group_parked", "Events behind a retrying one of their key.",
            [](const GroupSnapshot& group) { return std::uint64_t{group.parked}; });
  per_group("group_consumers", "Consumers of the group.",
            [](const GroupSnapshot& group) { return std::uint64_t{group.consumers}; });
}

}  // namespace

std::string metrics_text(const Report& report) {
  const transport::BrokerCounters& counters = report.broker.counters;
  Exposition out;
  out.family("build_info", "gauge", "Version of the program.");
  out.sample(1, "version", OUTBOXD_VERSION);
  out.gauge("uptime_seconds", "Time since the start.",
            static_cast<std::uint64_t>(report.uptime_ms / 1000));
  out.gauge("producers", "Producers that were ever heard of.", report.broker.producers);
  out.gauge("producers_connected", "Producers with a session.", report.broker.connected);
  out.counter("sessions_total", "Sessions begun.", counters.sessions);
  out.counter("fenced_total", "HELLOs and sessions refused for a lower epoch.", counters.fenced);
  out.counter("link_errors_total", "ERROR frames sent.", counters.errors_sent);
  out.counter("events_accepted_total", "Events accepted for storing.", counters.events_accepted);
  out.counter("event_bytes_accepted_total", "Bytes of accepted envelopes.",
              report.broker.bytes_accepted);
  out.counter("events_duplicate_total", "Events dropped because they were there already.",
              counters.events_duplicate);
  out.counter("events_rejected_total", "Events refused for ever.", counters.events_refused);
  out.counter("events_withdrawn_total", "Sequence numbers withdrawn by their producer.",
              counters.events_withdrawn);
  out.counter("events_held_total", "Events not taken for want of disk space.",
              counters.events_held);
  out.counter("gaps_total", "PUBLISH frames refused because events before them are missing.",
              counters.gaps);
  out.counter("commits_total", "Synced writes.", report.broker.groups);
  out.family("topic_next_offset", "gauge", "Offset that the next event of the topic gets.");
  for (const TopicInfo& topic : report.topics) out.sample(topic.next_offset, "topic", topic.topic);
  add_groups(out, report);
  out.gauge("storage_bytes", "Disk space used.", report.engine.disk_bytes);
  out.gauge("storage_log_bytes", "Disk space used by write-ahead logs.", report.engine.log_bytes);
  out.gauge("storage_memory_bytes", "Memory used by the engine.", report.engine.memory_bytes);
  out.gauge("storage_free_bytes", "Space left on the file system.", report.free_bytes);
  out.gauge("storage_level", "0: enough space; 1: no events are taken; 2: nothing is written.",
            static_cast<std::uint64_t>(report.space));
  return out.take();
}

}  // namespace outboxd::broker
