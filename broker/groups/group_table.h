// All consumer groups of a broker, and the sessions that consume in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/engine.h"
#include "broker/groups/consumer_group.h"
#include "broker/groups/engine_source.h"
#include "broker/groups/letter_jobs.h"
#include "domain/clock.h"
#include "transport/link/broker_session.h"

namespace outboxd::broker {

// A bound on names in memory, like those of topics and producers.
inline constexpr std::size_t kMaxGroups = 4096;

struct GroupTableOptions {
  std::function<RetryPolicy(const GroupId&)> policy = [](const GroupId&) { return RetryPolicy{}; };
  GroupLimits limits;
  HandoutBudget per_turn{4096, 4 << 20};
  ConsumerGroup::Random random;
};

struct GroupCounters {
  std::uint64_t delivered = 0;
  std::uint64_t redelivered = 0;  // of these, not for the first time
  std::uint64_t acked = 0;
  std::uint64_t retried = 0;
  std::uint64_t refused = 0;   // settled as dead
  std::uint64_t released = 0;  // given back by a daemon that had nobody to look at them
  std::uint64_t buried = 0;    // for whatever reason
  std::uint64_t unknown_tags = 0;
  std::uint64_t foreign_tags = 0;
  std::uint64_t consumers_died = 0;
};

// What the table asks for.
class GroupOutput {
 public:
  virtual ~GroupOutput() = default;

  // As BrokerSessions::send_to. Must not call the table back.
  virtual bool send_to(std::string_view producer, std::string frame) = 0;

  // Makes the change durable; GroupTable::durable says when it is.
  virtual void commit(GroupChange change) = 0;

  // The engine cannot be read: the process must stop (G10).
  virtual void fail(const domain::Error& error) = 0;
};

// Routes sessions' frames to groups, groups' deliveries to sessions, and changes to the disk.
// Deterministic but for what it is given; single-threaded (the router thread). Inputs change state
// only; turn() then reads, sends and commits, in batches.
class GroupTable final : public transport::ConsumerHandler {
 public:
  // All of them must outlive it.
  GroupTable(GroupTableOptions options, const Engine& engine, const domain::Clock& clock,
             const domain::ElapsedTime& elapsed, GroupOutput& output);

  // Takes up what the engine has. Before any other input. Error: internal.
  domain::Status restore();

  // From the sessions.
  void on_session(std::string_view producer, std::uint64_t epoch,
                  const std::vector<transport::CompletionRule>& completions) override;
  void on_session_end(std::string_view producer, transport::SessionEnd why) override;
  std::optional<transport::Refused> on_subscribe(
      std::string_view producer, const transport::SubscribeFrame& subscribe) override;
  void on_settle(std::string_view producer, const transport::SettleFrame& settle) override;

  // From the disk: there are new events of this topic, and changes of these groups are durable.
  void appended(std::string_view topic);
  void durable(const std::vector<GroupId>& changed);

  // Hands out, sends, and commits. True when another turn should follow at once.
  bool turn();

  // When a turn is due though nothing happened, in service time.
  [[nodiscard]] std::optional<std::int64_t> next_deadline_ms() const;

  // Something waits for its time: service time must be kept even if nothing else is written.
  [[nodiscard]] bool waits() const;

  // Nothing is handed out any more; what was settled is still committed.
  void close() { closed_ = true; }

  // Nothing is on its way to the disk, or has to go there.
  [[nodiscard]] bool drained() const { return committing_ == 0 && active_.empty(); }

  // Replays or discards one dead letter of a group, or all that it has now. `done` is called when
  // that is durable, or with not_found when there is no such group or letter.
  void settle_letters(LetterAction action, const GroupId& id, std::optional<Offset> letter,
                      LetterJobs::Done done);

  // At most `limit` groups, in order, from the first after `after`.
  [[nodiscard]] std::vector<GroupSnapshot> groups(const GroupId& after, std::size_t limit) const;
  [[nodiscard]] const GroupCounters& counters() const { return counters_; }

 private:
  struct Member {
    Member(GroupId id, const GroupTable& table, ProducerNames& names, TagSource& tags);

    EngineSource source;
    ConsumerGroup group;
    bool active = false;
    bool committing = false;
    std::optional<std::int64_t> deadline_ms;  // for which it is in deadlines_
  };

  // By name and not by address, for the same inputs must have the same outputs.
  struct ByGroup {
    bool operator()(const Member* a, const Member* b) const {
      return a->group.id() < b->group.id();
    }
  };

  // A producer as a consumer.
  struct Session {
    bool connected = false;
    std::set<Member*, ByGroup> subscribed;
    std::set<Member*, ByGroup> lost_in;  // where it was subscribed when it was lost
    std::set<GroupId> completions;
  };

  struct Delivered {
    Member* member;
    Handout handout;
  };

  Member& add(const GroupId& id);
  [[nodiscard]] Member* find(const GroupId& id) const;
  void activate(Member& member);
  void note_deadline(Member& member);
  void lost(ConsumerIndex consumer);
  void leave_all(ConsumerIndex consumer, Session& session);
  void count(SettleResult result, transport::Outcome outcome);
  void send_deliveries(std::int64_t now_ms);
  void send_receipts(Member& member, const Receipts& receipts);
  bool send(ConsumerIndex consumer, std::vector<std::string> frames);
  bool send_all(ConsumerIndex consumer, std::vector<std::string> frames);
  void commit(Member& member, std::int64_t now_ms);

  const GroupTableOptions options_;
  const Engine& engine_;
  const domain::Clock& clock_;
  const domain::ElapsedTime& elapsed_;
  GroupOutput& output_;

  ProducerNames names_;
  TagSource tags_;
  std::map<GroupId, std::unique_ptr<Member>> members_;
  std::map<std::string, std::vector<Member*>, std::less<>> by_topic_;
  std::unordered_map<ConsumerIndex, Session> sessions_;
  std::vector<Member*> active_;  // to be looked at in the next turn

  using Deadline = std::pair<std::int64_t, Member*>;
  struct Later {
    bool operator()(const Deadline& a, const Deadline& b) const {
      return a.first != b.first ? a.first > b.first : ByGroup()(b.second, a.second);
    }
  };
  std::priority_queue<Deadline, std::vector<Deadline>, Later> deadlines_;

  std::size_t committing_ = 0;  // members whose change is out
  bool closed_ = false;
  LetterJobs letters_;
  GroupCounters counters_;
  std::vector<Handout> handouts_;                               // scratch
  std::map<ConsumerIndex, std::vector<Delivered>> deliveries_;  // of this turn
};

}  // namespace outboxd::broker
