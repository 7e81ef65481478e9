// Envelopes that were read and are not delivered yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/check.h"

namespace outboxd::broker {

// What an event's delivery needs from the disk.
struct EventCopy {
  std::string envelope;
  std::string reason;  // why it died; of dead letters only
};

// Copies by number, from 1 on; a number is used again after take().
class EnvelopeCache {
 public:
  std::uint32_t put(std::string_view envelope, std::string_view reason) {
    bytes_ += envelope.size() + reason.size();
    if (free_.empty()) {
      copies_.emplace_back();
      free_.push_back(static_cast<std::uint32_t>(copies_.size()));
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    copies_[number - 1] = {std::string(envelope), std::string(reason)};
    return number;
  }

  EventCopy take(std::uint32_t number) {
    OUTBOXD_CHECK(number > 0 && number <= copies_.size());
    EventCopy copy = std::exchange(copies_[number - 1], {});
    bytes_ -= copy.envelope.size() + copy.reason.size();
    free_.push_back(number);
    return copy;
  }

  [[nodiscard]] std::size_t size() const { return copies_.size() - free_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::vector<EventCopy> copies_;
  std::vector<std::uint32_t> free_;
  std::size_t bytes_ = 0;
};

}  // namespace outboxd::broker
