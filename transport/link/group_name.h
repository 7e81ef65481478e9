// Names of consumer groups, and of the topics that their dead letters go to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace outboxd::transport {

// What a dead letter topic begins with. No producer may publish to such a topic.
inline constexpr std::string_view kDeadTopicPrefix = "dead:";

// 1 to kMaxGroupBytes characters of those that identifiers have.
bool is_valid_group(std::string_view group);

// A topic that a group can consume: an identifier without ':', or a dead letter topic. (A topic
// with ':' would make the names of its dead letter topics ambiguous.)
bool is_consumable_topic(std::string_view topic);

// dead:<topic>:<group>
std::string dead_topic(std::string_view topic, std::string_view group);

// The two names in a dead letter topic; nothing for every other text.
struct DeadTopicParts {
  std::string_view topic;
  std::string_view group;
};
std::optional<DeadTopicParts> split_dead_topic(std::string_view topic);

}  // namespace outboxd::transport
