// The inbox as its consumers see it: what they may say about a delivery.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/group_commit.h"
#include "daemon/inbox/event_consumer.h"

namespace outboxd::daemon {

// Port to the inbox. Delivery is at least once; a processed mark, which is committed with the
// effect, makes the effect happen once (G8).
//
// Core thread only. A delivery that is not (or no longer) being worked on is a bug of the caller.
class Inbox {
 public:
  using Effect = GroupCommit::Effect;

  virtual ~Inbox() = default;

  // Gives the events of (topic, group) to `consumer`, up to `credit` at a time, as long as both
  // live. A second consumer of one (topic, group) is a bug; again with the same one replaces the
  // credit, and 0 ends the subscription.
  virtual void subscribe(const std::string& topic, const std::string& group, std::size_t credit,
                         EventConsumer& consumer) = 0;

  // Commits `effect` and the processed mark as one, and acknowledges the delivery when they are
  // durable. When the effect is refused nothing is written: storage_full and outbox_full hold the
  // delivery and run the effect again each second, for they are no fault of the event; internal is
  // a retry; everything else makes the event a dead letter, with the refusal's message as its
  // reason.
  virtual void commit(DeliveryId delivery, Effect effect) = 0;

  // The event means nothing to the consumer: acknowledges it without a commit and without a mark.
  // Should it come again, it means nothing again.
  virtual void pass_over(DeliveryId delivery) = 0;

  // Gives the event back, to be delivered again later. Counts one attempt (G11).
  virtual void retry(DeliveryId delivery, std::string reason) = 0;

  // Makes the event a dead letter of its group.
  virtual void bury(DeliveryId delivery, std::string reason) = 0;
};

}  // namespace outboxd::daemon
