// A consumer group that is as simple as one can be, for the simulated link.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "transport/link/broker_session.h"

namespace outboxd::transport {

// Jobs with numbers, in one queue for all who subscribe. What is acknowledged stays done over
// crashes of the broker; all else starts over. Checks, as GoogleTest expectations, what the port
// promises: subscriptions and settlements come within sessions only, a younger process comes with
// the death of the older one, and a job is acknowledged by who was given it and did it.
class SimulatedGroups final : public ConsumerHandler {
 public:
  static constexpr std::string_view kTopic = "jobs";
  static constexpr std::string_view kGroup = "workers";

  // `durable_seq` tells how far a producer's events are on the broker's disk.
  explicit SimulatedGroups(std::function<domain::Seq(const std::string&)> durable_seq)
      : durable_seq_(std::move(durable_seq)) {}

  // A broker starts, over what the last one left.
  void start(BrokerSessions& sessions);

  void add_job() { waiting_.push_back(++jobs_); }
  // Some process applied the effect of `job`: from now on it may be acknowledged.
  void note_effect(std::uint64_t job) { effects_.insert(job); }
  // Hands out what waits, as far as there is credit.
  void deliver();

  // Whether the delivery `tag` was acknowledged.
  [[nodiscard]] bool is_acknowledged(std::uint64_t tag) const {
    return acknowledged_.contains(tag);
  }
  [[nodiscard]] bool all_done() const { return done_.size() == jobs_; }
  [[nodiscard]] std::uint64_t done() const { return done_.size(); }
  [[nodiscard]] std::uint64_t stale_settlements() const { return stale_; }

  void on_session(std::string_view producer, std::uint64_t epoch,
                  const std::vector<CompletionRule>& completions) override;
  void on_session_end(std::string_view producer, SessionEnd why) override;
  std::optional<Refused> on_subscribe(std::string_view producer,
                                      const SubscribeFrame& subscribe) override;
  void on_settle(std::string_view producer, const SettleFrame& settle) override;

 private:
  struct Session {
    std::uint64_t epoch = 0;
    std::uint64_t credit = 0;
    std::map<std::uint64_t, std::uint64_t> in_flight;  // job by tag
  };

  void take_back(Session& session);
  void lose(const std::string& producer);
  bool deliver_one(const std::string& producer, Session& session);

  const std::function<domain::Seq(const std::string&)> durable_seq_;
  BrokerSessions* sessions_ = nullptr;

  // On the disk.
  std::uint64_t jobs_ = 0;
  std::uint64_t starts_ = 0;
  std::set<std::uint64_t> done_;

  // Of this start of the broker.
  std::uint64_t last_tag_ = 0;
  std::deque<std::uint64_t> waiting_;
  std::map<std::string, Session> open_;
  std::map<std::string, std::uint64_t> epochs_;  // the last one that each producer had

  // What only the simulation knows.
  std::set<std::uint64_t> effects_;
  std::set<std::uint64_t> acknowledged_;  // tags
  std::uint64_t stale_ = 0;
};

}  // namespace outboxd::transport
