// What the daemon consumes over its link: a part of RelaySession, without I/O like that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/link/frames.h"
#include "transport/link/relay_link.h"

namespace outboxd::transport {

// Subscriptions outlive sessions; deliveries and their tags do not. With each session everything is
// subscribed again, and what was delivered before and not settled is forgotten here, for the broker
// forgets it too and delivers it again with new tags. So a settlement is sent in the session of its
// delivery, or never.
//
// Memory: as many tags as there is credit; what a broker delivers beyond it is a breach of the
// protocol. Deterministic, single-threaded.
class ConsumerHalf {
 public:
  // Why the session cannot go on, for people.
  using Breach = std::optional<std::string>;

  // `observer` must outlive it; it is called from within the frames, and must not call back.
  explicit ConsumerHalf(LinkObserver& observer) : observer_(observer) {}

  void subscribe(Subscription subscription);
  // Only what was delivered in this session and not settled yet; the rest is dropped.
  void settle(std::vector<OwnedSettlement> settlements);

  // WELCOME named `session`.
  void begin(std::uint64_t session);
  // The session is over, or there was none.
  void end();
  [[nodiscard]] std::optional<std::uint64_t> session() const { return session_; }

  // What is to be done with a consumer frame of the broker.
  enum class Arrival : std::uint8_t {
    kNext,   // it is the next one of the session
    kStale,  // it came before, or belongs to a session that is over
    kGap,    // others of the session were lost, or will come too late
  };
  // To be asked first, for each of them, while there is a session.
  Arrival arrive(const FramePlace& place);

  // Frames of the broker; on_settled() also those that come between two sessions.
  Breach on_deliver(const DeliverFrame& deliver);
  void on_settled(const SettledFrame& settled);
  void on_unsubscribed(const UnsubscribedFrame& unsubscribed);

  // The next SUBSCRIBE or SETTLE; nothing without a session.
  std::optional<std::string> next_frame();

  [[nodiscard]] bool has_subscriptions() const { return !subscriptions_.empty(); }
  [[nodiscard]] std::size_t unsettled() const { return unsettled_.size(); }

  // What was sent in this session, for PING; and whether everything arrived that PONG counts.
  [[nodiscard]] std::optional<SentCount> sent() const;
  [[nodiscard]] bool has_received(const SentCount& sent) const;

 private:
  using Name = std::pair<std::string, std::string>;  // topic, group
  struct Subscribed {
    std::size_t credit = 0;
    std::size_t most_credit = 0;  // asked for in this session
    std::size_t unsettled = 0;
    bool is_due = true;  // SUBSCRIBE is to be sent
  };
  using Entry = std::map<Name, Subscribed>::iterator;
  struct Unsettled {
    Entry subscription;
    bool is_settled = false;  // SETTLE is to be sent
  };

  std::optional<std::string> next_subscribe();
  std::optional<std::string> next_settle();
  void forget_tags_of(Entry subscription);

  LinkObserver& observer_;
  std::map<Name, Subscribed> subscriptions_;  // those that end as well, until SUBSCRIBE was sent

  std::optional<std::uint64_t> session_;
  std::size_t due_ = 0;                                     // subscriptions
  std::unordered_map<std::uint64_t, Unsettled> unsettled_;  // by tag
  std::vector<OwnedSettlement> settlements_;                // to be sent, each in unsettled_
  std::uint64_t frames_sent_ = 0;
  std::uint64_t frames_received_ = 0;
};

}  // namespace outboxd::transport
