#include "broker/groups/producer_names.h"

namespace outboxd::broker {

ProducerIndex ProducerNames::index_of(std::string_view name) {
  if (const auto known = indexes_.find(name); known != indexes_.end()) return known->second;
  const auto index = static_cast<ProducerIndex>(names_.size());
  indexes_.emplace(names_.emplace_back(name), index);
  return index;
}

}  // namespace outboxd::broker
