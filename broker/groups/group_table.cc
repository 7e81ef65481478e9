#include "broker/groups/group_table.h"

#include <algorithm>
#include <utility>

#include "broker/groups/consumer_frames.h"
#include "domain/check.h"
#include "transport/limits.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {

GroupTable::Member::Member(GroupId id, const GroupTable& table, ProducerNames& names,
                           TagSource& tags)
    : source(table.engine_, id),
      group(id, {table.options_.policy(id), table.options_.limits}, source, names, tags,
            table.options_.random, table.elapsed_.elapsed_ms()) {}

GroupTable::GroupTable(GroupTableOptions options, const Engine& engine, const domain::Clock& clock,
                       const domain::ElapsedTime& elapsed, GroupOutput& output)
    : options_(std::move(options)),
      engine_(engine),
      clock_(clock),
      elapsed_(elapsed),
      output_(output),
      tags_(engine.starts()),
      letters_(engine) {}

domain::Status GroupTable::restore() {
  OUTBOXD_ASSIGN_OR_RETURN(std::vector<GroupState> states, engine_.groups());
  for (GroupState& state : states) {
    Member& member = add(state.id);
    member.group.restore(std::exchange(state, {}), elapsed_.elapsed_ms());
    activate(member);
  }
  return domain::ok_status();
}

GroupTable::Member& GroupTable::add(const GroupId& id) {
  auto& entry = members_[id];
  entry = std::make_unique<Member>(id, *this, names_, tags_);
  by_topic_[id.topic].push_back(entry.get());
  return *entry;
}

GroupTable::Member* GroupTable::find(const GroupId& id) const {
  const auto entry = members_.find(id);
  return entry == members_.end() ? nullptr : entry->second.get();
}

void GroupTable::activate(Member& member) {
  if (std::exchange(member.active, true)) return;
  active_.push_back(&member);
}

void GroupTable::on_session(std::string_view producer, std::uint64_t /*epoch*/,
                            const std::vector<transport::CompletionRule>& completions) {
  const ConsumerIndex consumer = names_.index_of(producer);
  Session& session = sessions_[consumer];
  leave_all(consumer, session);
  session.connected = true;
  session.completions.clear();
  for (const auto& [topic, group] : completions) {
    const GroupId id{std::string(topic), std::string(group)};
    session.completions.insert(id);
    const Member* member = find(id);
    if (member == nullptr) continue;
    if (!send(consumer, completed_frames(topic, member->group.completed(consumer)))) return;
  }
}

// The consumer is no consumer any more, and nothing of what it had counts against the events.
void GroupTable::leave_all(ConsumerIndex consumer, Session& session) {
  session.lost_in.merge(session.subscribed);
  for (Member* member : std::exchange(session.lost_in, {})) {
    member->group.leave(consumer, elapsed_.elapsed_ms());
    activate(*member);
  }
  session.subscribed.clear();
}

void GroupTable::on_session_end(std::string_view producer, transport::SessionEnd why) {
  const ConsumerIndex consumer = names_.index_of(producer);
  const auto entry = sessions_.find(consumer);
  if (entry == sessions_.end()) return;
  Session& session = entry->second;
  session.connected = false;
  switch (why) {
    case transport::SessionEnd::kLeft: return leave_all(consumer, session);
    case transport::SessionEnd::kLost: return lost(consumer);
    case transport::SessionEnd::kDied:
      ++counters_.consumers_died;
      session.lost_in.merge(session.subscribed);
      session.subscribed.clear();
      for (Member* member : std::exchange(session.lost_in, {})) {
        member->group.died(consumer, elapsed_.elapsed_ms());
        activate(*member);
      }
  }
}

void GroupTable::lost(ConsumerIndex consumer) {
  Session& session = sessions_[consumer];
  session.connected = false;
  for (Member* member : session.subscribed) {
    member->group.lose(consumer, elapsed_.elapsed_ms());
    activate(*member);
  }
  session.lost_in.merge(session.subscribed);
  session.subscribed.clear();
}

std::optional<transport::Refused> GroupTable::on_subscribe(
    std::string_view producer, const transport::SubscribeFrame& subscribe) {
  const ConsumerIndex consumer = names_.index_of(producer);
  Session& session = sessions_[consumer];
  const GroupId id{std::string(subscribe.topic), std::string(subscribe.group)};
  Member* member = find(id);
  if (subscribe.credit == 0) {
    if (member == nullptr || session.subscribed.erase(member) == 0) return std::nullopt;
    member->group.leave(consumer, elapsed_.elapsed_ms());
    activate(*member);
    return std::nullopt;
  }
  if (member == nullptr) {
    if (members_.size() >= kMaxGroups) {
      return transport::Refused{transport::subscription_code::kTooMany,
                                "this broker has no room for another consumer group"};
    }
    member = &add(id);
  }
  session.subscribed.insert(member);
  member->group.subscribe(consumer,
                          std::min<std::uint64_t>(subscribe.credit, transport::kMaxCredit),
                          elapsed_.elapsed_ms());
  activate(*member);
  return std::nullopt;
}

void GroupTable::on_settle(std::string_view producer, const transport::SettleFrame& settle) {
  const ConsumerIndex consumer = names_.index_of(producer);
  const Session& session = sessions_[consumer];
  const std::int64_t now_ms = elapsed_.elapsed_ms();
  for (const transport::Settlement& settlement : settle.settlements) {
    SettleResult result = SettleResult::kUnknown;
    for (Member* member : session.subscribed) {
      result = member->group.settle(consumer, settlement, now_ms);
      if (result == SettleResult::kSettled) activate(*member);
      if (result != SettleResult::kUnknown) break;
    }
    count(result, settlement.outcome);
  }
}

void GroupTable::count(SettleResult result, transport::Outcome outcome) {
  if (result == SettleResult::kUnknown) {
    ++counters_.unknown_tags;
  } else if (result == SettleResult::kForeign) {
    ++counters_.foreign_tags;
  } else {
    switch (outcome) {
      case transport::Outcome::kAck: ++counters_.acked; break;
      case transport::Outcome::kRetry: ++counters_.retried; break;
      case transport::Outcome::kDead: ++counters_.refused; break;
      case transport::Outcome::kRelease: ++counters_.released; break;
    }
  }
}

void GroupTable::appended(std::string_view topic) {
  const auto groups = by_topic_.find(topic);
  if (groups == by_topic_.end()) return;
  for (Member* member : groups->second) {
    member->group.wake();
    activate(*member);
  }
}

void GroupTable::durable(const std::vector<GroupId>& changed) {
  for (const GroupId& id : changed) {
    Member* member = find(id);
    OUTBOXD_CHECK(member != nullptr && member->committing && committing_ > 0);
    member->committing = false;
    --committing_;
    send_receipts(*member, member->group.durable(elapsed_.elapsed_ms()));
    letters_.durable(member->group);
    activate(*member);
  }
}

void GroupTable::send_receipts(Member& member, const Receipts& receipts) {
  const GroupId& id = member.group.id();
  std::map<ConsumerIndex, std::vector<std::uint64_t>> settled;
  for (const auto& [consumer, tag] : receipts.settled) settled[consumer].push_back(tag);
  for (const auto& [consumer, tags] : settled) (void)send(consumer, settled_frames(tags));
  for (const auto& [producer, ranges] : receipts.completed) {
    const auto session = sessions_.find(producer);
    if (session == sessions_.end() || !session->second.completions.contains(id)) continue;
    (void)send(producer, completed_frames(id.topic, ranges));
  }
  if (receipts.buried == 0) return;
  counters_.buried += receipts.buried;
  appended(transport::dead_topic(id.topic, id.group));
}

// False when the consumer has no session, or none any more: it is lost then.
bool GroupTable::send(ConsumerIndex consumer, std::vector<std::string> frames) {
  const auto session = sessions_.find(consumer);
  if (session == sessions_.end() || !session->second.connected) return false;
  if (send_all(consumer, std::move(frames))) return true;
  lost(consumer);
  return false;
}

bool GroupTable::send_all(ConsumerIndex consumer, std::vector<std::string> frames) {
  return std::all_of(frames.begin(), frames.end(), [&](std::string& frame) {
    return output_.send_to(names_.name_of(consumer), std::move(frame));
  });
}

bool GroupTable::turn() {
  const std::int64_t now_ms = elapsed_.elapsed_ms();
  while (!deadlines_.empty() && deadlines_.top().first <= now_ms) {
    Member& member = *deadlines_.top().second;
    deadlines_.pop();
    member.deadline_ms.reset();
    activate(member);
  }
  HandoutBudget budget = options_.per_turn;
  std::vector<Member*> again;
  for (Member* member : std::exchange(active_, {})) {
    member->active = false;
    if (!closed_ && member->group.pump(now_ms, budget, handouts_)) again.push_back(member);
    for (Handout& handout : handouts_) {
      const ConsumerIndex consumer = handout.consumer;
      deliveries_[consumer].push_back({member, std::move(handout)});
    }
    handouts_.clear();
    letters_.stage(member->group);
    commit(*member, now_ms);
    note_deadline(*member);
    if (member->group.failure()) output_.fail(*member->group.failure());
  }
  send_deliveries(now_ms);
  for (Member* member : again) activate(*member);
  return !again.empty();
}

void GroupTable::commit(Member& member, std::int64_t now_ms) {
  std::optional<GroupChange> change = member.group.take_change(now_ms);
  if (!change) return;
  for (DeadLetter& letter : change->bury) letter.died_at_ms = clock_.wall_ms();
  member.committing = true;
  ++committing_;
  output_.commit(std::move(*change));
}

void GroupTable::note_deadline(Member& member) {
  const std::optional<std::int64_t> next_ms = member.group.next_deadline_ms();
  if (!next_ms || (member.deadline_ms && *member.deadline_ms <= *next_ms)) return;
  member.deadline_ms = next_ms;
  deadlines_.emplace(*next_ms, &member);
}

void GroupTable::send_deliveries(std::int64_t now_ms) {
  for (const auto& [consumer, delivered] : std::exchange(deliveries_, {})) {
    std::vector<transport::Delivery> deliveries;
    deliveries.reserve(delivered.size());
    for (const auto& [member, handout] : delivered) {
      ++counters_.delivered;
      if (handout.attempt > 1) ++counters_.redelivered;
      const GroupId& id = member->group.id();
      deliveries.push_back({handout.tag, id.topic, id.group, handout.attempt,
                            names_.name_of(handout.producer), handout.seq, handout.envelope,
                            handout.reason});
    }
    if (send_all(consumer, deliver_frames(deliveries))) continue;
    // No event dies with a consumer that it was not sent to.
    for (const auto& [member, handout] : delivered) member->group.take_back(handout.tag, now_ms);
    lost(consumer);
  }
}

bool GroupTable::waits() const {
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& entry) { return entry.second->group.waits(); });
}

std::optional<std::int64_t> GroupTable::next_deadline_ms() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.top().first;
}

void GroupTable::settle_letters(LetterAction action, const GroupId& id,
                                std::optional<Offset> letter, LetterJobs::Done done) {
  Member* member = find(id);
  if (member == nullptr) {
    return done(domain::Error{
        domain::ErrorCode::kNotFound,
        "there is no group \"" + id.group + "\" of topic \"" + id.topic + "\"", "group"});
  }
  letters_.add(action, member->group, letter, std::move(done));
  activate(*member);
}

std::vector<GroupSnapshot> GroupTable::groups(const GroupId& after, std::size_t limit) const {
  std::vector<GroupSnapshot> snapshots;
  for (auto entry = members_.upper_bound(after);
       entry != members_.end() && snapshots.size() < limit; ++entry) {
    snapshots.push_back(entry->second->group.snapshot());
  }
  return snapshots;
}

}  // namespace outboxd::broker
