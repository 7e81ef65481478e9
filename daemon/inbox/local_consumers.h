// Local applications as consumers of events (`inbox.subscribe`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/event_consumer.h"
#include "domain/result.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/value.h"

namespace outboxd::daemon {

// Unsettled deliveries that one subscription may have; more credit than this counts as this.
inline constexpr std::size_t kMaxLocalCredit = 4096;

// Hands deliveries to connections as notifications `delivery`, and takes back what a connection
// leaves unsettled when it ends. Connections that subscribe to the same (topic, group) share its
// events in turns, each within its credit.
//
// A connection that does not read is not waited for: what it was not sent waits here, up to
// kMaxWaitingBytes in all. Past that the broker is asked for nothing more until half of it is gone.
//
// Core thread only. `inbox` outlives it.
class LocalConsumers {
 public:
  static constexpr std::size_t kMaxWaitingBytes = 8 << 20;

  // Sends a notification; see transport::Server::notify.
  using Notify = std::function<bool(transport::ConnectionId, std::string_view method,
                                    std::string_view params)>;

  LocalConsumers(BrokerInbox& inbox, Notify notify);
  ~LocalConsumers();

  // Subscribes, replaces the credit of an earlier subscription, or ends it (0). Returns the credit
  // that is given. Errors: invalid_state when (topic, group) is consumed by a module, too_large
  // when no more subscriptions fit.
  domain::Result<std::size_t> subscribe(transport::ConnectionId connection,
                                        const std::string& topic, const std::string& group,
                                        std::size_t credit);

  // The delivery that `connection` was given under `tag` and has not settled. Errors, about
  // `argument`: not_found, invalid_state (settled already, or taken back), permission_denied (it is
  // another connection's).
  [[nodiscard]] domain::Result<DeliveryId> find(transport::ConnectionId connection,
                                                std::uint64_t tag,
                                                const std::string& argument) const;

  // A unit of work with the mark of `delivery` was accepted: its tag is used up, and it counts
  // against nobody's credit any more.
  void note_committing(DeliveryId delivery);
  // It is durable.
  void acknowledge(DeliveryId delivery) { inbox_.acknowledge(delivery); }

  void retry(DeliveryId delivery, std::string reason);
  void bury(DeliveryId delivery, std::string reason);

  // The connection is gone: what it has not settled goes back, and counts one attempt each (G11).
  void forget(transport::ConnectionId connection);

  // The broker refuses the subscription: whoever has it is told by `subscription_ended`.
  void refuse(const std::string& topic, const std::string& group, std::string_view code,
              std::string_view message);

  // Sends what waits to those who can take it. Call it at the end of each turn.
  void pump();

  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] std::size_t handed_out() const { return handed_.size(); }

 private:
  class Group;
  struct Handed {
    transport::ConnectionId connection;
    Group* group;
  };

  Group& group_of(const std::string& topic, const std::string& group);
  void ask_broker(Group& group);
  void take_from(DeliveryId delivery);
  void drop_if_unused(Group& group);

  BrokerInbox& inbox_;
  const Notify notify_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Group>> groups_;
  std::unordered_map<DeliveryId, Handed> handed_;
  std::size_t waiting_bytes_ = 0;
  bool is_throttled_ = false;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::daemon
