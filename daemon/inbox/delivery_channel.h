// The inbox's way to the broker.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "transport/link/relay_link.h"

namespace outboxd::daemon {

// Port to the broker link. Core thread.
class DeliveryChannel {
 public:
  virtual ~DeliveryChannel() = default;

  // Asks for up to `credit` unsettled deliveries of (topic, group) at a time; replaces what was
  // asked for before, and is kept over reconnects. 0 ends the subscription.
  virtual void subscribe(const std::string& topic, const std::string& group,
                         std::size_t credit) = 0;

  // Settlements may be lost with the connection: the broker then delivers again, under new tags.
  virtual void settle(std::vector<transport::OwnedSettlement> settlements) = 0;
};

}  // namespace outboxd::daemon
