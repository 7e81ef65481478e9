// One consumer group of one topic, as a state machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/engine.h"
#include "broker/groups/ahead_lane.h"
#include "broker/groups/consumers.h"
#include "broker/groups/deadlines.h"
#include "broker/groups/envelope_cache.h"
#include "broker/groups/event_source.h"
#include "broker/groups/event_table.h"
#include "broker/groups/key_queues.h"
#include "broker/groups/offset_window.h"
#include "broker/groups/producer_names.h"
#include "broker/groups/retry_policy.h"
#include "broker/groups/seq_ranges.h"
#include "transport/link/frames.h"
#include "transport/msgpack/value.h"

namespace outboxd::broker {

// The last reason of an event whose consumer died with it; stored, so it must not change.
inline constexpr std::string_view kConsumerDied = "the consumer died with it";

// Bounds on what one group holds in memory.
struct GroupLimits {
  std::size_t cached_events = 8192;  // read, not delivered yet
  std::size_t cached_bytes = 4 << 20;
  std::size_t read_events = 512;  // in one read of the topic
  std::size_t read_bytes = 512 << 10;
  std::size_t reads = 8;             // in one turn
  std::size_t deferred = 1'000'000;  // retrying or behind such; past it the group reads no further
  std::size_t dirty = 4096;          // of these, with records to be written
  std::size_t backlog = 10'000;      // more events than these wait: fresh ones overtake them
  std::size_t scan_events = 4096;    // of the backlog, in one look for its keys
  std::size_t window = 1 << 18;      // between the cursor and what was read last
  std::size_t buried_events = 1024;  // in one change
  std::size_t buried_bytes = 1 << 20;
};

struct GroupOptions {
  RetryPolicy policy;
  GroupLimits limits;
};

// An event on its way to a consumer.
struct Handout {
  ConsumerIndex consumer = 0;
  std::uint64_t tag = 0;
  std::uint32_t attempt = 1;
  ProducerIndex producer = 0;
  domain::Seq seq = 0;
  std::string envelope;
  std::string reason;  // why it died; of dead letters only
};

// How much a group may hand out in one turn.
struct HandoutBudget {
  std::size_t events = 0;
  std::size_t bytes = 0;
};

enum class SettleResult : std::uint8_t {
  kSettled,
  kUnknown,  // no such delivery: settled before, given back, or never made
  kForeign,  // somebody else's delivery
};

// What may be told once a change is durable, and to whom.
struct Receipts {
  std::vector<std::pair<ConsumerIndex, std::uint64_t>> settled;  // these tags
  std::map<ProducerIndex, SeqRanges> completed;                  // these of the producer's events
  std::size_t buried = 0;                                        // new dead letters
};

struct GroupSnapshot {
  GroupId id;
  Offset cursor = 1;
  Offset next = 1;             // behind the last event that was read
  std::size_t unresolved = 0;  // of those that were read
  std::size_t in_flight = 0;
  std::size_t retrying = 0;
  std::size_t parked = 0;  // behind a retrying event of their key
  std::size_t consumers = 0;
};

// Reads a topic in order and hands its events out to consumers within their credit, one in flight
// per key (G7). What a consumer rejects comes back after a back-off; its key waits for it in the
// deferred table, on disk, and everything else passes. What fails too often, or for too long, goes
// to the dead letters.
//
// Only a rejection, and the death of a consumer with its deliveries, counts as a failed attempt
// (G11). A suspect, an event whose last consumer died, is handed out alone, so that an event that
// kills its consumers takes the others of its batch with it once and not until all of them are
// dead. The time to live runs from an event's first delivery, and only while the group has a
// consumer.
//
// Inputs change the state in memory; take_change() says what of it has to be made durable; only one
// change is out at a time, and durable() ends it. An acknowledged event frees its key at once (a
// redelivery after a crash finds the consumer's processed mark), a retried or dead one when its
// record is on the disk.
//
// Groups of dead letters have no dead letters of their own: they retry for ever, and to refuse
// such an event for good settles it.
//
// Deterministic; single-threaded. Times are service time, which does not pass while the broker is
// down. When its source fails it freezes: see failure().
class ConsumerGroup {
 public:
  using Random = std::function<std::uint64_t()>;

  // The references must outlive it.
  ConsumerGroup(GroupId id, GroupOptions options, EventSource& source, ProducerNames& names,
                TagSource& tags, Random random, std::int64_t now_ms);

  // Takes up what `state` says, of which the deferred events are moved from. At most once, first.
  void restore(GroupState state, std::int64_t now_ms);

  // Consumers. A credit above 0 makes one, or changes its credit.
  void subscribe(ConsumerIndex consumer, std::size_t credit, std::int64_t now_ms);

  // What the consumer had is handed out again and not counted.
  void leave(ConsumerIndex consumer, std::int64_t now_ms);

  // Like leave(), but should died() be the next that is heard of it, that will count for what it
  // had and what was not settled since.
  void lose(ConsumerIndex consumer, std::int64_t now_ms);

  // What the consumer had failed (G11).
  void died(ConsumerIndex consumer, std::int64_t now_ms);

  // The handout of that tag, which was made at this same time, never left: as if it had not been
  // made. Nothing when there is none.
  void take_back(std::uint64_t tag, std::int64_t now_ms);

  SettleResult settle(ConsumerIndex consumer, const transport::Settlement& settlement,
                      std::int64_t now_ms);

  // The topic has more events.
  void wake() { more_ = true; }

  // Hands out what is due, within `budget`, which it reduces. True when it could go on.
  bool pump(std::int64_t now_ms, HandoutBudget& budget, std::vector<Handout>& out);

  // When the next event's time comes.
  [[nodiscard]] std::optional<std::int64_t> next_deadline_ms() const {
    return deadlines_.next_ms();
  }

  // Defers the event of a dead letter again, as one that never failed, and removes the letter.
  // False when that is under way already.
  bool replay(Offset letter, const DeadLetter& contents);

  // Removes the letter. False when it is being removed already.
  bool discard(Offset letter);

  // What is to be made durable next; nothing when there is no change, or one is out.
  std::optional<GroupChange> take_change(std::int64_t now_ms);

  // The change that was taken last is durable.
  Receipts durable(std::int64_t now_ms);

  // A change is out.
  [[nodiscard]] bool committing() const { return committing_; }

  // All events of `producer` in this topic that are durably resolved.
  [[nodiscard]] SeqRanges completed(ProducerIndex producer) const;

  [[nodiscard]] GroupSnapshot snapshot() const;
  [[nodiscard]] const GroupId& id() const { return id_; }

  // Something waits for its time: service time has to be kept.
  [[nodiscard]] bool waits() const { return retrying_ > 0; }

  // Why the source could not be read. The group does nothing from then on (G10).
  [[nodiscard]] const std::optional<domain::Error>& failure() const { return failure_; }

 private:
  using Place = OpenEvent::Place;

  // What is known of an event's failures, while it is in flight or on its way to the disk.
  struct Past {
    std::string reason;
    std::vector<Failure> history;
    std::string envelope;  // of a replayed dead letter, whose topic may not have it any more
  };
  struct Dying {
    EventIndex event;
    std::string reason;
    std::optional<std::pair<ConsumerIndex, std::uint64_t>> settled;
  };
  struct Lost {
    EventIndex event;
    Offset offset;
  };

  // Reading (consumer_group_reading.cc).
  bool read_more(std::int64_t now_ms);
  void accept(const StoredEvent& stored, std::int64_t now_ms);
  EventIndex add_event(const StoredEvent& stored, ProducerIndex producer, std::uint32_t skipped);
  void place_event(EventIndex index, const StoredEvent& stored, std::int64_t now_ms);
  void take_up_before(Offset offset, std::int64_t now_ms);
  void relieve();
  std::optional<EventCopy> take_copy(EventIndex index);
  std::optional<EventCopy> fetch(EventIndex index);
  std::optional<EventCopy> read_one(Offset offset);
  Past* load_past(EventIndex index);

  // Reading ahead of a backlog (consumer_group_ahead.cc).
  bool read_ahead(std::int64_t now_ms);
  void scan_backlog();
  void accept_ahead(const StoredEvent& stored, std::int64_t now_ms);
  bool take_over(const StoredEvent& stored, ProducerIndex producer, std::uint32_t skipped);
  [[nodiscard]] bool is_ahead(Offset offset) const { return ahead_ && offset >= window_.next(); }
  void note_deferred(Offset offset);
  void note_resolved(Offset offset);

  // Handing out and settling (consumer_group.cc).
  void collect_due(std::int64_t now_ms);
  bool hand_out_one(std::int64_t now_ms, HandoutBudget& budget, std::vector<Handout>& out);
  bool give(EventIndex index, std::int64_t now_ms, HandoutBudget& budget,
            std::vector<Handout>& out);
  void enqueue(EventIndex index, std::int64_t now_ms);
  void activate(EventIndex index, std::int64_t now_ms);
  void make_ready(EventIndex index);
  void give_back(const std::vector<EventIndex>& events);
  void remove_consumer(ConsumerIndex consumer, std::int64_t now_ms, bool remember);
  void fail(EventIndex index, std::string_view reason, std::int64_t now_ms);
  void fail_later(const Lost& lost, std::int64_t now_ms);
  void die(EventIndex index, std::string reason,
           std::optional<std::pair<ConsumerIndex, std::uint64_t>> settled = std::nullopt);
  void note_failure(EventIndex index, std::string_view reason, std::int64_t now_ms);
  void defer(EventIndex index);
  void resolve(EventIndex index, std::int64_t now_ms);
  [[nodiscard]] std::int64_t attended_ms(std::int64_t now_ms) const;
  [[nodiscard]] bool expired(const OpenEvent& event, std::int64_t now_ms) const;
  [[nodiscard]] static std::string expiry_text(const OpenEvent& event);

  // Changes (consumer_group_changes.cc).
  void bury_some(GroupChange& change, std::int64_t now_ms);
  void bury(Dying dying, EventCopy copy, GroupChange& change, std::int64_t now_ms);
  void write_records(GroupChange& change, std::int64_t now_ms);
  [[nodiscard]] DeferredEvent record_of(EventIndex index, std::int64_t now_ms) const;
  void mark_dirty(EventIndex index);
  void note_resolved(EventIndex index);
  void release(EventIndex index, std::int64_t now_ms);
  void remove(EventIndex index);
  void drop_copy(OpenEvent& event);

  // Constant after construction.
  const GroupId id_;
  const GroupOptions options_;
  const bool buries_;  // false for the dead letters' own groups
  EventSource& source_;
  ProducerNames& names_;
  TagSource& tags_;
  const Random random_;

  EventTable events_;
  KeyQueues keys_{events_};
  OffsetWindow window_;
  std::unique_ptr<AheadLane> ahead_;  // while there is a backlog
  bool ahead_is_next_ = true;         // to be read; backlog and fresh events take turns
  EnvelopeCache cache_;
  Consumers consumers_;
  Deadlines deadlines_;
  std::deque<EventIndex> ready_;
  std::deque<EventIndex> suspects_;  // ready, too
  std::deque<Dying> dying_;
  std::unordered_map<EventIndex, Past> pasts_;
  std::map<ConsumerIndex, std::vector<Lost>> lost_;
  bool more_ = true;  // the topic may have events behind the window

  // Restored, and at or behind the cursor: they take their places in the order of the topic, among
  // the events that are read again. Both sorted.
  std::deque<EventIndex> restored_;
  std::deque<Offset> marked_;

  std::unordered_map<ProducerIndex, domain::Seq> last_seqs_;  // that were read, of each producer
  std::size_t deferred_ = 0;
  std::size_t retrying_ = 0;  // of these

  // Time without consumers, which is no event's fault.
  std::int64_t absent_ms_ = 0;
  std::optional<std::int64_t> absent_since_ms_;

  // For the next change.
  bool created_ = true;
  std::vector<EventIndex> dirty_;
  std::vector<Offset> undefer_;
  std::vector<Offset> removed_letters_;
  Receipts receipts_;

  // Of the change that is out.
  bool committing_ = false;
  Receipts pending_;
  std::vector<EventIndex> saved_;
  std::vector<EventIndex> buried_;
  std::vector<Offset> removing_letters_;

  transport::Document document_;  // scratch
  std::optional<domain::Error> failure_;
};

}  // namespace outboxd::broker
