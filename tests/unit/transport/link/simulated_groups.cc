#include "tests/unit/transport/link/simulated_groups.h"

#include <utility>

#include <gtest/gtest.h>

#include "transport/link/frame_codec.h"

namespace outboxd::transport {

void SimulatedGroups::start(BrokerSessions& sessions) {
  sessions_ = &sessions;
  sessions.attach(*this);
  last_tag_ = ++starts_ << 32;
  open_.clear();
  epochs_.clear();
  waiting_.clear();
  for (std::uint64_t job = 1; job <= jobs_; ++job) {
    if (!done_.contains(job)) waiting_.push_back(job);
  }
}

void SimulatedGroups::on_session(std::string_view name, std::uint64_t epoch,
                                 const std::vector<CompletionRule>& completions) {
  const std::string producer(name);
  EXPECT_GE(epoch, epochs_[producer]) << "a fenced process got a session";
  epochs_[producer] = epoch;
  if (const auto older = open_.find(producer); older != open_.end()) {
    EXPECT_EQ(older->second.epoch, epoch) << "nobody said that the older process died";
    take_back(older->second);
  }
  open_[producer] = {.epoch = epoch};
  EXPECT_EQ(completions.size(), 1U);
  const domain::Seq durable = durable_seq_(producer);
  if (durable == 0) return;
  if (!sessions_->send_to(producer, encode(CompletedFrame{"t0", {{1, durable}}}))) lose(producer);
}

void SimulatedGroups::on_session_end(std::string_view name, SessionEnd why) {
  const std::string producer(name);
  EXPECT_TRUE(why == SessionEnd::kDied || open_.contains(producer)) << "an end without a session";
  lose(producer);
}

std::optional<Refused> SimulatedGroups::on_subscribe(std::string_view name,
                                                     const SubscribeFrame& subscribe) {
  const auto session = open_.find(std::string(name));
  EXPECT_TRUE(session != open_.end()) << "a subscription without a session";
  EXPECT_EQ(subscribe.topic, kTopic);
  EXPECT_EQ(subscribe.group, kGroup);
  if (session == open_.end()) return std::nullopt;
  session->second.credit = subscribe.credit;
  if (subscribe.credit == 0) take_back(session->second);
  return std::nullopt;
}

void SimulatedGroups::on_settle(std::string_view name, const SettleFrame& settle) {
  const auto session = open_.find(std::string(name));
  EXPECT_TRUE(session != open_.end()) << "a settlement without a session";
  if (session == open_.end()) return;
  SettledFrame settled;
  for (const Settlement& each : settle.settlements) {
    const auto delivery = session->second.in_flight.extract(each.tag);
    if (delivery.empty()) {
      ++stale_;
      continue;
    }
    const std::uint64_t job = delivery.mapped();
    if (each.outcome == Outcome::kAck) {
      EXPECT_TRUE(effects_.contains(job)) << "acknowledged, but not done";
      EXPECT_TRUE(done_.insert(job).second) << "two had job " << job << " at the same time";
      acknowledged_.insert(each.tag);
      settled.tags.push_back(each.tag);
    } else {
      waiting_.push_back(job);
    }
  }
  if (settled.tags.empty()) return;
  if (!sessions_->send_to(name, encode(settled))) lose(session->first);
}

void SimulatedGroups::deliver() {
  bool gave = true;
  while (gave && !waiting_.empty()) {
    gave = false;
    // A session that is lost on the way is one less in the map.
    for (auto entry = open_.begin(); entry != open_.end() && !waiting_.empty();) {
      const auto current = entry++;
      gave |= deliver_one(current->first, current->second);
    }
  }
}

bool SimulatedGroups::deliver_one(const std::string& producer, Session& session) {
  if (session.in_flight.size() >= session.credit) return false;
  const std::uint64_t tag = ++last_tag_;
  const std::uint64_t job = waiting_.front();
  waiting_.pop_front();
  session.in_flight[tag] = job;
  const std::string envelope = std::to_string(job);
  if (sessions_->send_to(producer, encode(DeliverFrame{
                                       {{tag, kTopic, kGroup, 1, "source", job, envelope, ""}}}))) {
    return true;
  }
  lose(std::string(producer));
  return false;
}

void SimulatedGroups::take_back(Session& session) {
  for (const auto& [tag, job] : std::exchange(session.in_flight, {})) waiting_.push_back(job);
}

void SimulatedGroups::lose(const std::string& producer) {
  const auto session = open_.find(producer);
  if (session == open_.end()) return;
  take_back(session->second);
  open_.erase(session);
}

}  // namespace outboxd::transport
