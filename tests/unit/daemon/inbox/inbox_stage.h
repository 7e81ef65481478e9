// What the inbox stands on in its tests: a group commit whose disk the test holds in its hand, a
// broker that only listens, and a unit of work that knows marks and application keys.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/group_commit.h"
#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/delivery_channel.h"
#include "domain/unit_of_work.h"
#include "tests/support/manual_elapsed_time.h"

namespace outboxd::daemon {

// Marks and effects. A write counts at once for those who look, as in the store.
class MarksWork : public domain::UnitOfWork, private domain::InboxMarks {
 public:
  std::set<domain::InboxKey> marks;
  std::vector<std::string> effects;
  bool is_readable = true;

  domain::OrderRepository& orders() override { std::abort(); }
  domain::ApplicationState& application_state() override { std::abort(); }
  domain::RequestLog& requests() override { std::abort(); }
  domain::Outbox& outbox() override { std::abort(); }
  domain::InboxMarks& inbox() override { return *this; }
  std::uint64_t revision() override { std::abort(); }
  std::uint64_t depends_on() const override { std::abort(); }

 private:
  domain::Result<bool> contains(const domain::InboxKey& key) override {
    if (!is_readable) return domain::Error{domain::ErrorCode::kInternal, "EIO", {}};
    return marks.contains(key);
  }
  void put(const domain::InboxKey& key, std::int64_t) override { marks.insert(key); }
  void remove(const domain::InboxKey& key) override { marks.erase(key); }
};

class HeldCommits : public GroupCommit {
 public:
  void apply(const Effect& effect, WhenDurable when_durable) override {
    const auto marks = work.marks;
    const auto effects = work.effects;
    const domain::Status status = effect(work);
    if (!status) {
      work.marks = marks;
      work.effects = effects;
    }
    waiting_.emplace_back(std::move(when_durable), status);
  }
  void look(const std::function<void(domain::UnitOfWork&)>& read) override { read(work); }

  // Everything so far is durable.
  void sync() {
    for (auto& [told, status] : std::exchange(waiting_, {})) told(status);
  }

  MarksWork work;

 private:
  std::vector<std::pair<WhenDurable, domain::Status>> waiting_;
};

// Writes down what the broker is told: "ack 7", "retry 8 (why)", "subscribe orders/payments 10".
class RecordingChannel : public DeliveryChannel {
 public:
  void subscribe(const std::string& topic, const std::string& group, std::size_t credit) override {
    said.push_back("subscribe " + topic + "/" + group + " " + std::to_string(credit));
  }
  void settle(std::vector<transport::OwnedSettlement> settlements) override {
    for (const transport::OwnedSettlement& settlement : settlements) {
      said.push_back(name_of(settlement.outcome) + " " + std::to_string(settlement.tag) +
                     (settlement.reason.empty() ? "" : " (" + settlement.reason + ")"));
    }
  }

  std::vector<std::string> take() { return std::exchange(said, {}); }
  std::vector<std::string> said;

 private:
  static std::string name_of(transport::Outcome outcome) {
    switch (outcome) {
      case transport::Outcome::kAck: return "ack";
      case transport::Outcome::kRetry: return "retry";
      case transport::Outcome::kDead: return "dead";
      case transport::Outcome::kRelease: return "release";
    }
    return "nonsense";
  }
};

inline constexpr std::uint64_t kTestEpoch = 3;

class InboxStage {
 public:
  // An event of till-1 on `topic` for group payments.
  static transport::OwnedDelivery delivery(std::uint64_t tag, domain::Seq seq,
                                           std::string topic = "orders") {
    return {.tag = tag,
            .topic = std::move(topic),
            .group = "payments",
            .attempt = 1,
            .producer = "till-1",
            .seq = seq,
            .envelope = "envelope",
            .reason = {}};
  }

  // What the broker was told since the last call.
  std::vector<std::string> told() {
    inbox.flush();
    return channel.take();
  }

  HeldCommits commits;
  RecordingChannel channel;
  support::ManualElapsedTime elapsed{1'000};
  domain::Status admission = domain::ok_status();
  BrokerInbox inbox{{.commits = commits,
                     .channel = channel,
                     .elapsed = elapsed,
                     .admit_write = [this] { return admission; },
                     .epoch = kTestEpoch}};
};

}  // namespace outboxd::daemon
