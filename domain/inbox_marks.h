// The marks by which an event that was processed is known when it is delivered again (G8).
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "domain/ids.h"
#include "domain/result.h"

namespace outboxd::domain {

// Event `seq` of `producer`, as `group` processes it.
struct InboxKey {
  std::string group;
  std::string producer;
  Seq seq = 0;

  friend bool operator==(const InboxKey&, const InboxKey&) = default;
  friend bool operator<(const InboxKey& a, const InboxKey& b) {
    return std::tie(a.group, a.producer, a.seq) < std::tie(b.group, b.producer, b.seq);
  }
};

// Core thread only; part of a unit of work.
class InboxMarks {
 public:
  virtual ~InboxMarks() = default;

  // Error: internal, when the store cannot be read.
  virtual Result<bool> contains(const InboxKey& key) = 0;

  // `elapsed_ms` is the elapsed time now: a mark that nobody removes goes when it is old.
  virtual void put(const InboxKey& key, std::int64_t elapsed_ms) = 0;
  virtual void remove(const InboxKey& key) = 0;
};

}  // namespace outboxd::domain
