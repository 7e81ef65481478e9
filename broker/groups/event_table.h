// The events that a group is not done with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>

#include "broker/engine.h"
#include "broker/groups/producer_names.h"

namespace outboxd::broker {

// Place of an event in its group's table; reused when the event is done.
using EventIndex = std::uint32_t;
inline constexpr EventIndex kNoEvent = std::numeric_limits<EventIndex>::max();

inline constexpr std::int64_t kNeverDelivered = -1;
inline constexpr std::int64_t kTtlUnknown = -1;  // until the envelope is read again
inline constexpr std::int64_t kTtlNever = std::numeric_limits<std::int64_t>::max();

// One event between its being read and its being resolved. A million of these may wait for a
// consumer that is broken, so it has no envelope and no texts.
struct OpenEvent {
  enum class Place : std::uint8_t {
    kFree,      // no event
    kQueued,    // behind another of its key, or waiting for the disk
    kReady,     // head of its key, wants a consumer
    kInFlight,  // with a consumer
    kWaiting,   // head of its key, waiting for its time
    kDying,     // head of its key, to be put into the dead letters
    kBurying,   // head of its key, on its way to the dead letters' disk
  };

  Offset offset = 0;
  std::uint64_t key = 0;  // hash of producer and key
  domain::Seq seq = 0;
  std::int64_t first_delivered_ms = kNeverDelivered;  // in the group's attended time
  std::int64_t ttl_ms = kTtlUnknown;                  // from then on
  std::int64_t not_before_ms = 0;                     // in service time
  ProducerIndex producer = 0;
  std::uint32_t attempts = 0;  // that failed and count (G11)
  EventIndex next = kNoEvent;  // of its key
  std::uint32_t copy = 0;      // where its envelope is held in memory, plus 1; 0: nowhere
  std::uint32_t skipped = 0;   // sequence numbers right before it that are not of this topic
  Place place = Place::kFree;
  bool deferred : 1 = false;    // the cursor may pass it: it is, or will be, in the deferred table
  bool stored : 1 = false;      // it is in the deferred table, or in the change on its way there
  bool dirty : 1 = false;       // its record goes into the next change
  bool saving : 1 = false;      // not to be touched before its record is durable
  bool has_record : 1 = false;  // its record knows what the topic's log does not
  bool suspect : 1 = false;     // its last consumer died
};

// Hands out places and takes them back. Addresses are stable.
class EventTable {
 public:
  EventIndex add();

  // Makes the place free for the next add().
  void remove(EventIndex index);

  OpenEvent& operator[](EventIndex index) { return events_[index]; }
  const OpenEvent& operator[](EventIndex index) const { return events_[index]; }

  [[nodiscard]] std::size_t size() const { return used_; }

  // All places, also free ones.
  [[nodiscard]] EventIndex places() const { return static_cast<EventIndex>(events_.size()); }

 private:
  std::deque<OpenEvent> events_;
  EventIndex free_ = kNoEvent;  // linked by `next`
  std::size_t used_ = 0;
};

}  // namespace outboxd::broker
