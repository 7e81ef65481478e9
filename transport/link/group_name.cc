#include "transport/link/group_name.h"

#include <algorithm>

#include "domain/ids.h"
#include "transport/limits.h"

namespace outboxd::transport {

bool is_valid_group(std::string_view group) {
  return !group.empty() && group.size() <= kMaxGroupBytes &&
         std::all_of(group.begin(), group.end(), [](const char& c) {
           return domain::is_valid_id({&c, 1});
         });
}

bool is_consumable_topic(std::string_view topic) {
  if (topic.find(':') != std::string_view::npos) return split_dead_topic(topic).has_value();
  return domain::is_valid_id(topic);
}

std::string dead_topic(std::string_view topic, std::string_view group) {
  std::string name(kDeadTopicPrefix);
  name.append(topic).append(1, ':').append(group);
  return name;
}

std::optional<DeadTopicParts> split_dead_topic(std::string_view topic) {
  if (!topic.starts_with(kDeadTopicPrefix)) return std::nullopt;
  const std::string_view names = topic.substr(kDeadTopicPrefix.size());
  const std::size_t colon = names.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const DeadTopicParts parts{names.substr(0, colon), names.substr(colon + 1)};
  if (!domain::is_valid_id(parts.topic) || !is_valid_group(parts.group)) return std::nullopt;
  return parts;
}

}  // namespace outboxd::transport
