// The port to what keeps the broker's events: a durable log per topic, how far each producer got,
// and what each consumer group is not done with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/result.h"

namespace outboxd::broker {

// Bounds on names, so that what the broker holds in memory about them is bounded too.
inline constexpr std::size_t kMaxTopics = 4096;
inline constexpr std::size_t kMaxProducers = 65536;

// Place of an event in its topic: 1, 2, 3 … without gaps.
using Offset = std::uint64_t;

// How far one producer got in one of its lives: `producer` is its origin (domain/origin.h).
// Everything up to `last_seq` is settled: stored, rejected or withdrawn.
struct ProducerPosition {
  std::string producer;
  std::uint64_t epoch = 0;  // the highest that was admitted; lower ones are fenced (G12)
  domain::Seq last_seq = 0;
  std::string store = {};   // id of the store that has the name; empty: of a release without
  std::uint64_t chain = 0;  // chain value of event `last_seq`; 0: not known

  friend bool operator==(const ProducerPosition&, const ProducerPosition&) = default;
};

// One event to be stored.
struct NewEvent {
  std::size_t position = 0;  // its producer: an index into AppendBatch::positions
  domain::Seq seq = 0;
  std::string_view topic;
  std::string_view envelope;
};

// A consumer group of a topic. Its dead letters are the events of the topic "dead:<topic>:<group>".
struct GroupId {
  std::string topic;
  std::string group;

  friend bool operator==(const GroupId&, const GroupId&) = default;
  friend bool operator<(const GroupId& a, const GroupId& b) {
    return std::tie(a.topic, a.group) < std::tie(b.topic, b.group);
  }
};

// One failed attempt at an event, in service time (see AppendBatch::elapsed_ms).
struct Failure {
  std::int64_t elapsed_ms = 0;
  std::string reason;

  friend bool operator==(const Failure&, const Failure&) = default;
};

// An event that a group's cursor may pass although the group is not done with it: it waits for
// another attempt, or behind one of its key that does.
struct DeferredEvent {
  Offset offset = 0;
  std::uint64_t key_hash = 0;  // of producer and key
  std::uint32_t attempts = 0;  // that failed and count (G11)
  std::int64_t first_delivered_ms = 0;
  std::int64_t not_before_ms = 0;
  std::string producer;
  domain::Seq seq = 0;
  std::string reason;  // of the last failure
  std::vector<Failure> history;
  std::string envelope;  // its own copy, when its topic may not have it any more; else empty

  friend bool operator==(const DeferredEvent&, const DeferredEvent&) = default;
};

// An event that a group gave up.
struct DeadLetter {
  std::string producer;
  domain::Seq seq = 0;
  Offset source_offset = 0;  // in the group's topic
  std::string envelope;
  std::string reason;
  std::uint32_t attempts = 0;
  std::vector<Failure> history;
  std::int64_t died_elapsed_ms = 0;
  domain::TimestampMs died_at_ms = 0;  // wall clock, for people

  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

// What changes about one group in one batch. The first change of a group makes it.
struct GroupChange {
  GroupId id;
  std::optional<Offset> cursor;  // every event below it is resolved or deferred
  std::vector<std::pair<std::string, domain::Seq>> passed;  // last seq of a producer below it
  std::vector<Offset> done;                                 // at or behind the cursor, and resolved
  std::vector<Offset> undone;                               // marks that are not needed any more
  std::vector<DeferredEvent> defer;                         // inserted or replaced
  std::vector<Offset> undefer;
  std::vector<DeadLetter> bury;
  std::vector<Offset> discard;  // dead letters that go, by their offset in the dead topic
};

// A group as it was found when the broker started. Its deferred events come without reason's
// history and without envelope: a million of them must fit into memory. Sorted by offset.
struct GroupState {
  GroupId id;
  Offset cursor = 1;
  std::vector<std::pair<std::string, domain::Seq>> passed;
  std::vector<Offset> done;
  std::vector<DeferredEvent> deferred;
};

// What is made durable together. `positions` are the producers' positions once it is: a sequence
// number that was rejected or withdrawn moves its producer on without an event, and an epoch is
// taken by a position without events. Each producer occurs once. The views belong to the caller.
struct AppendBatch {
  std::vector<ProducerPosition> positions;
  std::vector<NewEvent> events;     // per topic in the order in which they are to be read
  std::vector<GroupChange> groups;  // each group occurs once

  // The broker's accumulated running time, by which back-off, time to live and retention go: it
  // neither jumps with the wall clock nor passes while the broker is down. Kept with the batch.
  std::int64_t elapsed_ms = 0;
};

// One event as it is read. The views are valid during the call that passes it.
struct StoredEvent {
  Offset offset = 0;
  std::string_view producer;
  domain::Seq seq = 0;
  std::string_view envelope;
  std::string_view reason = {};  // why it died; of dead letters only
};

struct TopicInfo {
  std::string topic;
  Offset first_offset = 1;
  Offset next_offset = 1;  // of the event that comes next; of dead letters some between are gone

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

  // All topics that ever got an event, in byte order of their names; and one of them.
  virtual std::vector<TopicInfo> topics() const = 0;
  virtual std::optional<TopicInfo> topic(std::string_view topic) const = 0;

  // Calls `visit` with the events of `topic` from `from` on, in order of their offsets, until it
  // returns false or there are no more. Errors: not_found for a topic that has no events, internal
  // when the disk cannot be read or a record is not one.
  virtual domain::Status read(std::string_view topic, Offset from,
                              const std::function<bool(const StoredEvent&)>& visit) const = 0;

  virtual EngineStats stats() const = 0;

  // The id of what is stored here, for ever (G13): made with it, and copied with it.
  virtual std::string history() const = 0;

  // Numbers this opening: 1, 2, 3 … durably.
  virtual std::uint64_t starts() const = 0;

  // AppendBatch::elapsed_ms of the last batch before this opening.
  virtual std::int64_t elapsed_at_open() const = 0;

  // All groups as they were when the engine was opened, sorted. Once; the caller keeps them from
  // then on. Error: internal.
  virtual domain::Result<std::vector<GroupState>> groups() const = 0;

  // A deferred event with everything that is known of it, or nothing. Error: internal.
  virtual domain::Result<std::optional<DeferredEvent>> deferred(const GroupId& group,
                                                                Offset offset) const = 0;

  // Calls `visit` with the dead letters of `group` from offset `from` on until it returns false or
  // there are no more; none for a group that has none. Error: internal.
  using LetterVisitor = std::function<bool(Offset offset, const DeadLetter& letter)>;
  virtual domain::Status read_dead(const GroupId& group, Offset from,
                                   const LetterVisitor& visit) const = 0;

  // How many dead letters `group` has.
  virtual std::uint64_t count_dead(const GroupId& group) const = 0;

  // Frees the disk space of what is not retained any more. Blocks; from a background thread, one at
  // a time. Error: internal.
  virtual domain::Status collect() = 0;
};

}  // namespace outboxd::broker
