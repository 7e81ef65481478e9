// What the tests over real sockets are made of: a box with an outbox, and brokers, honest and not.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "domain/clock.h"
#include "transport/link/broker_session.h"
#include "transport/link/relay_link.h"
#include "transport/link/router_link.h"

namespace outboxd::transport {

class SteadyClock final : public domain::Clock {
 public:
  domain::TimestampMs wall_ms() const override { return monotonic_ms(); }
  std::int64_t monotonic_ms() const override;
};

// A box: its outbox, and what its link found out. Any thread.
class LiveBox final : public PublishSource, public LinkObserver {
 public:
  // Adds `count` events, and returns the next sequence number.
  domain::Seq write(std::size_t count);
  domain::Seq next_seq();
  static std::string envelope_of(domain::Seq seq);

  // Nothing is completed here, and nothing has a chain value.
  std::uint64_t chain_at(domain::Seq) override { return 0; }
  domain::Seq first_kept() override { return 1; }

  // Waits until the link was in `state`, saying something with `text` in it. False after a while.
  bool saw(LinkState state, std::string_view text = {});
  // Waits until everything up to `seq` is acknowledged.
  bool acknowledged(domain::Seq seq);
  bool rejected(domain::Seq seq);
  domain::Seq acknowledged_now();

  // What came for consumers: waits until there is as much; the tags in the order in which they
  // came.
  bool delivered(std::size_t count);
  std::vector<std::uint64_t> delivered_tags();
  bool settled(std::uint64_t tag);
  std::vector<std::uint64_t> settled_tags();
  bool completed(std::string_view topic, SeqRange range);
  bool refused(std::string_view code);

  domain::Status read(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                      PublishBatch& batch) override;
  void on_link_state(LinkState state, std::string reason) override;
  void on_acknowledged(domain::Seq seq) override;
  void on_rejected(domain::Seq seq, std::string code, std::string message) override;
  void on_deliveries(std::vector<OwnedDelivery> deliveries) override;
  void on_settled(std::vector<std::uint64_t> tags) override;
  void on_completed(std::string topic, std::vector<SeqRange> ranges) override;
  void on_subscription_refused(std::string topic, std::string group, std::string code,
                               std::string message) override;

 private:
  bool wait(const std::function<bool()>& reached);

  std::mutex mutex_;
  std::condition_variable changed_;
  domain::Seq next_seq_ = 1;
  domain::Seq acknowledged_ = 0;
  std::vector<domain::Seq> rejected_;
  std::vector<std::pair<LinkState, std::string>> states_;
  std::vector<std::uint64_t> delivered_;
  std::vector<std::uint64_t> settled_;
  std::vector<std::pair<std::string, SeqRange>> completed_;
  std::vector<std::string> refused_;
};

// What a broker has on its disk. Survives the broker; one broker at a time.
struct LiveLog {
  std::uint64_t epoch = 0;
  domain::Seq last_seq = 0;
  std::vector<std::string> events;
};

// A broker whose disk is a map: the sessions over a real ROUTER.
class LiveBroker final : public RouterHandler, public BrokerOutput, public Admission {
 public:
  LiveBroker(std::string endpoint, std::map<std::string, LiveLog>& logs);
  ~LiveBroker() override;

  [[nodiscard]] const std::string& endpoint() const { return link_.endpoint(); }

  void on_frame(std::string_view peer, std::string_view frame, std::int64_t now_ms) override;
  void on_turn_end() override;
  void on_tick(std::int64_t now_ms) override;
  bool send(std::string_view peer, std::string frame) override;
  void append(const AppendRequest& request) override;
  std::optional<Refused> refuse(std::string_view envelope, std::string_view& topic) override;

 private:
  SteadyClock clock_;
  std::map<std::string, LiveLog>& logs_;
  std::set<std::string> written_;  // producers that moved in this turn
  BrokerSessions sessions_;
  RouterLink link_;
};

// A broker that answers each frame with what its script says.
class ScriptedBroker final : public RouterHandler {
 public:
  // Gets the frame and how many came before it; returns the answers.
  using Script = std::function<std::vector<std::string>(const Frame&, int)>;

  ScriptedBroker(std::string endpoint, Script script);
  ~ScriptedBroker() override;

  [[nodiscard]] const std::string& endpoint() const { return link_.endpoint(); }

  void on_frame(std::string_view peer, std::string_view frame, std::int64_t now_ms) override;
  void on_turn_end() override {}
  void on_tick(std::int64_t) override {}

 private:
  SteadyClock clock_;
  Script script_;
  Document document_;
  int frames_ = 0;
  RouterLink link_;
};

}  // namespace outboxd::transport
