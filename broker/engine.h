// The port to what keeps the broker's events: a durable log per topic, and how far each producer
// got.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.h"
#include "domain/result.h"

namespace outboxd::broker {

// Bounds on names, so that what the broker holds in memory about them is bounded too.
inline constexpr std::size_t kMaxTopics = 4096;
inline constexpr std::size_t kMaxProducers = 65536;

// Place of an event in its topic: 1, 2, 3 … without gaps.
using Offset = std::uint64_t;

// How far one producer got. Everything up to `last_seq` is settled: stored, rejected or withdrawn.
struct ProducerPosition {
  std::string producer;
  std::uint64_t epoch = 0;  // the highest that was admitted; lower ones are fenced (G12)
  domain::Seq last_seq = 0;

  friend bool operator==(const ProducerPosition&, const ProducerPosition&) = default;
};

// One event to be stored.
struct NewEvent {
  std::size_t position = 0;  // its producer: an index into AppendBatch::positions
  domain::Seq seq = 0;
  std::string_view topic;
  std::string_view envelope;
};

// What is made durable together. `positions` are the producers' positions once it is: a sequence
// number that was rejected or withdrawn moves its producer on without an event, and an epoch is
// taken by a position without events. Each producer occurs once. The views belong to the caller.
struct AppendBatch {
  std::vector<ProducerPosition> positions;
  std::vector<NewEvent> events;  // per topic in the order in which they are to be read
};

// One event as it is read. The views are valid during the call that passes it.
struct StoredEvent {
  Offset offset = 0;
  std::string_view producer;
  domain::Seq seq = 0;
  std::string_view envelope;
};

struct TopicInfo {
  std::string topic;
  Offset first_offset = 1;
  Offset next_offset = 1;  // of the event that comes next; next - first are there

  friend bool operator==(const TopicInfo&, const TopicInfo&) = default;
};

struct EngineStats {
  std::uint64_t disk_bytes = 0;
  std::uint64_t log_bytes = 0;     // of these, write-ahead logs
  std::uint64_t memory_bytes = 0;  // held for writes, caches and indexes
};

// Thread contract: append() from one thread at a time (the commit thread); everything else from any
// thread, at any time. Only what is durable is seen, whole batches at a time.
class Engine {
 public:
  virtual ~Engine() = default;

  // Stores `batch` as one write: when it returns ok all of it is on the disk, and after a crash all
  // of it is there or nothing. An error means that the outcome is unknown: the caller must stop the
  // process, and nothing that depends on the batch may be told to anyone (G6, G10).
  //
  // It is the caller's duty that positions never move backwards and that topics and producers stay
  // within kMaxTopics and kMaxProducers.
  virtual domain::Status append(const AppendBatch& batch) = 0;

  // The position of `producer`, or nothing when it was never heard of.
  virtual std::optional<ProducerPosition> producer(std::string_view producer) const = 0;

  // At most `limit` positions in byte order of the names, from the first name after `after`.
  virtual std::vector<ProducerPosition> producers(std::string_view after,
                                                  std::size_t limit) const = 0;

  // All topics that ever got an event, in byte order of their names.
  virtual std::vector<TopicInfo> topics() const = 0;

  // Calls `visit` with the events of `topic` from `from` on, in order of their offsets, until it
  // returns false or there are no more. Errors: not_found for a topic that has no events, internal
  // when the disk cannot be read or a record is not one.
  virtual domain::Status read(std::string_view topic, Offset from,
                              const std::function<bool(const StoredEvent&)>& visit) const = 0;

  virtual EngineStats stats() const = 0;
};

}  // namespace outboxd::broker
