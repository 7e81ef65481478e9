// Bugs that the simulation must find: it is trusted as far as it does.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace outboxd::simulation {

enum class PlantedBug : std::uint8_t {
  kNone,
  kBrokerAcksEarly,
  kBrokerSkipsSync,
  kBrokerForgetsEpoch,
  kGroupForgetsRetries,
  kGroupLosesDeadLetters,
  kGroupSettlesEarly,
  kGroupIgnoresKeys,
  kOutageCounts,
  kDeathDoesNotCount,
  kLostFramesNotMissed,
  kInboxForgetsMarks,
  kInboxSettlesEarly,
  kInboxDropsMarksEarly,
  kOutboxRemovesOnAck,
  kOutboxForgetsEvents,
  kRelayPublishesEarly,
  kPaymentsGiveUpUnasked,
  kStoresHaveNoId,
  kChainIsNotKept,
  kBrokerHasNoHistory,
};

struct PlantedBugName {
  PlantedBug bug;
  std::string_view name;
  std::string_view what;
  std::string_view breaks;  // the guarantee
};

inline constexpr std::array kPlantedBugs = {
    PlantedBugName{PlantedBug::kBrokerAcksEarly, "broker_acks_early",
                   "the broker acknowledges events before they are on its disk", "G6"},
    PlantedBugName{PlantedBug::kBrokerSkipsSync, "broker_skips_sync",
                   "what the broker wrote last is gone after a power cut", "G6"},
    PlantedBugName{PlantedBug::kBrokerForgetsEpoch, "broker_forgets_epoch",
                   "the broker welcomes a process before its epoch is durable", "G12"},
    PlantedBugName{PlantedBug::kGroupForgetsRetries, "group_forgets_retries",
                   "an event that waits for another attempt is not on the disk", "G8"},
    PlantedBugName{PlantedBug::kGroupLosesDeadLetters, "group_loses_dead_letters",
                   "an event that is given up is not among the dead letters", "G5"},
    PlantedBugName{PlantedBug::kGroupSettlesEarly, "group_settles_early",
                   "the broker says SETTLED and COMPLETED before they are durable", "G8"},
    PlantedBugName{PlantedBug::kGroupIgnoresKeys, "group_ignores_keys",
                   "events of one key are handed out side by side", "G7"},
    PlantedBugName{PlantedBug::kOutageCounts, "outage_counts",
                   "a lost connection counts as a failed attempt", "G11"},
    PlantedBugName{PlantedBug::kDeathDoesNotCount, "death_does_not_count",
                   "an event that kills its consumers is delivered for ever", "G11"},
    PlantedBugName{PlantedBug::kLostFramesNotMissed, "lost_frames_not_missed",
                   "nobody counts the frames that consumers are sent", "G8"},
    PlantedBugName{PlantedBug::kInboxForgetsMarks, "inbox_forgets_marks",
                   "an effect is committed without its processed mark", "G8"},
    PlantedBugName{PlantedBug::kInboxSettlesEarly, "inbox_settles_early",
                   "a delivery is acknowledged before its effect is durable", "G8"},
    PlantedBugName{PlantedBug::kInboxDropsMarksEarly, "inbox_drops_marks_early",
                   "a processed mark goes before the broker can no longer redeliver", "G8"},
    PlantedBugName{PlantedBug::kOutboxRemovesOnAck, "outbox_removes_on_ack",
                   "entries whose completion is consumption go when the broker has them", "G5"},
    PlantedBugName{PlantedBug::kOutboxForgetsEvents, "outbox_forgets_events",
                   "an effect is committed without its own event", "G2"},
    PlantedBugName{PlantedBug::kRelayPublishesEarly, "relay_publishes_early",
                   "entries are published before they are durable on the box", "G3"},
    PlantedBugName{PlantedBug::kPaymentsGiveUpUnasked, "payments_give_up_unasked",
                   "a payment fails with its dead letter, and the gateway is not asked", "G9"},
    PlantedBugName{PlantedBug::kStoresHaveNoId, "stores_have_no_id",
                   "a box is known by its name alone, and a higher epoch fences it", "G13"},
    PlantedBugName{PlantedBug::kChainIsNotKept, "chain_is_not_kept",
                   "an older copy that made events of its own passes for its original", "G13"},
    PlantedBugName{PlantedBug::kBrokerHasNoHistory, "broker_has_no_history",
                   "another broker passes for the right one", "G13"},
};

}  // namespace outboxd::simulation
