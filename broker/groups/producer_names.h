// Names of producers as small numbers.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace outboxd::broker {

// What stands for a producer's name wherever there may be a million of them. A consumer is a
// producer's session, so it goes by the same number.
using ProducerIndex = std::uint32_t;

// Gives each name one number, for as long as it lives. Names are never forgotten: the engine bounds
// how many producers there are.
class ProducerNames {
 public:
  ProducerIndex index_of(std::string_view name);

  // The view lives as long as this.
  [[nodiscard]] std::string_view name_of(ProducerIndex index) const { return names_.at(index); }

 private:
  std::deque<std::string> names_;
  std::unordered_map<std::string_view, ProducerIndex> indexes_;  // views into names_
};

}  // namespace outboxd::broker
