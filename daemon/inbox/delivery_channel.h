// The inbox's way to the broker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace outboxd::daemon {

// What became of a delivery.
enum class DeliveryOutcome : std::uint8_t {
  kAck,    // its effect is durable, or it has none
  kRetry,  // again later: counts one attempt
  kDead,   // never again: to the dead letters
};

struct DeliverySettlement {
  std::uint64_t tag = 0;  // the broker's
  DeliveryOutcome outcome = DeliveryOutcome::kAck;
  std::string reason;
};

// Port to the broker link. Core thread.
class DeliveryChannel {
 public:
  virtual ~DeliveryChannel() = default;

  // Asks for up to `credit` unsettled deliveries of (topic, group) at a time; replaces what was
  // asked for before, and is kept over reconnects. 0 ends the subscription.
  virtual void subscribe(const std::string& topic, const std::string& group,
                         std::size_t credit) = 0;

  // Settlements may be lost with the connection: the broker then delivers again, under new tags.
  virtual void settle(std::vector<DeliverySettlement> settlements) = 0;
};

}  // namespace outboxd::daemon
