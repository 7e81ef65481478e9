#include "daemon/inbox/local_consumers.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <optional>

#include "domain/origin.h"
#include "transport/limits.h"
#include "transport/msgpack/envelope.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using transport::ConnectionId;
using transport::Writer;

namespace {

std::uint64_t tag_of(DeliveryId delivery) {
  return static_cast<std::uint64_t>(delivery);
}

// [{tag, topic, group, event, attempt, reason?}]
Result<std::string> encode_delivery(const InboxEvent& event, DeliveryId delivery,
                                    transport::Document& document) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto envelope,
                           transport::decode_envelope(event.envelope, document));
  std::string params;
  Writer writer(params);
  writer.array(1).map(event.reason.empty() ? 5 : 6).field("tag", tag_of(delivery));
  writer.field("topic", event.topic).field("group", event.group).key("event");
  const std::string origin =
      domain::origin_name(event.producer, event.life).value_or(event.producer);
  transport::write_event(writer, origin, event.seq, envelope);
  writer.field("attempt", std::uint64_t{event.attempt});
  if (!event.reason.empty()) writer.field("reason", event.reason);
  return params;
}

}  // namespace

// The connections that share one (topic, group), and what waits for them.
class LocalConsumers::Group : public EventConsumer {
 public:
  struct Member {
    ConnectionId connection;
    std::size_t credit;  // 0: has ended its subscription, and settles what it has
    std::size_t unsettled = 0;
  };
  struct Waiting {
    DeliveryId delivery;
    std::string params;
  };

  Group(LocalConsumers& owner, std::string topic_name, std::string group_name)
      : topic(std::move(topic_name)), name(std::move(group_name)), owner_(owner) {}

  void consume(const InboxEvent& event, DeliveryId delivery) override {
    Result<std::string> params = encode_delivery(event, delivery, owner_.document_);
    if (!params) return owner_.inbox_.bury(delivery, "undecodable: " + params.error().message);
    owner_.waiting_bytes_ += params->size();
    waiting.push_back({delivery, std::move(params).value()});
    send_waiting();
  }

  // Hands over what waits, to the members with credit in turns, until none can take more.
  void send_waiting() {
    while (!waiting.empty()) {
      Member* member = next_with_room(waiting.front().params);
      if (member == nullptr) return;
      ++member->unsettled;
      owner_.handed_.emplace(waiting.front().delivery, Handed{member->connection, this});
      drop_first();
    }
  }

  void drop_first() {
    owner_.waiting_bytes_ -= waiting.front().params.size();
    waiting.pop_front();
  }

  Member* find(ConnectionId connection) {
    const auto found = std::find_if(members.begin(), members.end(), [&](const Member& member) {
      return member.connection == connection;
    });
    return found == members.end() ? nullptr : &*found;
  }

  [[nodiscard]] std::size_t credit() const {
    return std::accumulate(
        members.begin(), members.end(), std::size_t{0},
        [](std::size_t sum, const Member& member) { return sum + member.credit; });
  }
  [[nodiscard]] std::size_t unsettled() const {
    return std::accumulate(
        members.begin(), members.end(), waiting.size(),
        [](std::size_t sum, const Member& member) { return sum + member.unsettled; });
  }

  void remove_idle_members() {
    std::erase_if(members,
                  [](const Member& member) { return member.credit == 0 && member.unsettled == 0; });
  }

  const std::string topic;
  const std::string name;
  std::vector<Member> members;
  std::deque<Waiting> waiting;
  std::size_t asked = 0;  // the credit that the broker was last asked for

 private:
  // The next member in turn that takes the notification, which is sent by that; or none.
  Member* next_with_room(const std::string& params) {
    for (std::size_t tried = 0; tried < members.size(); ++tried) {
      turn_ = (turn_ + 1) % members.size();
      Member& member = members[turn_];
      if (member.unsettled < member.credit &&
          owner_.notify_(member.connection, "delivery", params)) {
        return &member;
      }
    }
    return nullptr;
  }

  LocalConsumers& owner_;
  std::size_t turn_ = 0;
};

LocalConsumers::LocalConsumers(BrokerInbox& inbox, Notify notify)
    : inbox_(inbox), notify_(std::move(notify)) {}
LocalConsumers::~LocalConsumers() = default;

Result<std::size_t> LocalConsumers::subscribe(ConnectionId connection, const std::string& topic,
                                              const std::string& group_name, std::size_t credit) {
  const auto known = groups_.find({topic, group_name});
  if (known == groups_.end()) {
    if (inbox_.has_consumer(topic, group_name)) {
      return Error{ErrorCode::kInvalidState,
                   "a module of this daemon consumes topic " + topic + " as group " + group_name +
                       "; choose a group of your own",
                   "group"};
    }
    if (credit > 0 && inbox_.subscriptions() >= transport::kMaxSubscriptions) {
      return Error{ErrorCode::kTooLarge,
                   "this daemon has " + std::to_string(transport::kMaxSubscriptions) +
                       " subscriptions, which is the limit",
                   "topic"};
    }
  }
  if (known == groups_.end() && credit == 0) return std::size_t{0};
  Group& group = group_of(topic, group_name);
  credit = std::min(credit, kMaxLocalCredit);
  if (Group::Member* member = group.find(connection)) {
    member->credit = credit;
  } else if (credit > 0) {
    group.members.push_back({connection, credit});
  }
  ask_broker(group);
  drop_if_unused(group);
  return credit;
}

LocalConsumers::Group& LocalConsumers::group_of(const std::string& topic,
                                                const std::string& group) {
  std::unique_ptr<Group>& place = groups_[{topic, group}];
  if (place == nullptr) place = std::make_unique<Group>(*this, topic, group);
  return *place;
}

void LocalConsumers::ask_broker(Group& group) {
  std::size_t credit = std::min(group.credit(), transport::kMaxCredit);
  // As much as is unsettled already: nothing more comes, and nothing is taken back.
  if (is_throttled_ && credit > 0) credit = std::clamp<std::size_t>(group.unsettled(), 1, credit);
  if (credit == group.asked) return;
  group.asked = credit;
  inbox_.subscribe(group.topic, group.name, credit, group);
}

void LocalConsumers::drop_if_unused(Group& group) {
  group.remove_idle_members();
  if (group.credit() > 0) return;
  // Nobody is left to take these; they were not looked at, so another consumer may have them.
  while (!group.waiting.empty()) {
    inbox_.release(group.waiting.front().delivery);
    group.drop_first();
  }
  if (group.members.empty()) groups_.erase({group.topic, group.name});
}

Result<DeliveryId> LocalConsumers::find(ConnectionId connection, std::uint64_t tag,
                                        const std::string& argument) const {
  const DeliveryId delivery{tag};
  const auto found = handed_.find(delivery);
  if (found != handed_.end() && found->second.connection == connection) return delivery;
  const std::string name = "delivery " + std::to_string(tag);
  if (found != handed_.end()) {
    return Error{ErrorCode::kPermissionDenied, name + " was given to another connection", argument};
  }
  if (inbox_.was_given(delivery)) {
    return Error{ErrorCode::kInvalidState,
                 name + " was settled already, or went back when its connection ended", argument};
  }
  return Error{ErrorCode::kNotFound,
               "there is no " + name + "; tags end with the daemon that gave them", argument};
}

// The delivery leaves the hands of its connection, which makes room for the next.
void LocalConsumers::take_from(DeliveryId delivery) {
  const auto found = handed_.find(delivery);
  OUTBOXD_CHECK(found != handed_.end());
  const Handed handed = found->second;
  handed_.erase(found);
  Group::Member* member = handed.group->find(handed.connection);
  OUTBOXD_CHECK(member != nullptr && member->unsettled > 0);
  --member->unsettled;
  if (member->credit > 0) return;
  drop_if_unused(*handed.group);
}

void LocalConsumers::note_committing(DeliveryId delivery) {
  inbox_.note_committing(delivery);
  take_from(delivery);
}

void LocalConsumers::retry(DeliveryId delivery, std::string reason) {
  take_from(delivery);
  inbox_.retry(delivery, std::move(reason));
}

void LocalConsumers::bury(DeliveryId delivery, std::string reason) {
  take_from(delivery);
  inbox_.bury(delivery, std::move(reason));
}

void LocalConsumers::forget(ConnectionId connection) {
  std::vector<DeliveryId> left;
  for (const auto& [delivery, handed] : handed_) {
    if (handed.connection == connection) left.push_back(delivery);
  }
  std::sort(left.begin(), left.end());
  for (const DeliveryId delivery : left) {
    handed_.erase(delivery);
    inbox_.retry(delivery, "the consumer disconnected");
  }
  for (auto next = groups_.begin(); next != groups_.end();) {
    Group& group = *(next++)->second;  // it may be dropped
    if (std::erase_if(group.members, [&](const Group::Member& member) {
          return member.connection == connection;
        }) == 0) {
      continue;
    }
    ask_broker(group);
    drop_if_unused(group);
  }
}

void LocalConsumers::refuse(const std::string& topic, const std::string& group_name,
                            std::string_view code, std::string_view message) {
  const auto found = groups_.find({topic, group_name});
  if (found == groups_.end()) return;
  Group& group = *found->second;
  std::string params;
  Writer(params)
      .array(1)
      .map(4)
      .field("topic", topic)
      .field("group", group_name)
      .field("code", code)
      .field("message", message);
  for (Group::Member& member : group.members) {
    member.credit = 0;
    notify_(member.connection, "subscription_ended", params);
  }
  ask_broker(group);
  drop_if_unused(group);
}

void LocalConsumers::pump() {
  for (auto& [key, group] : groups_) group->send_waiting();
  const bool was_throttled = is_throttled_;
  is_throttled_ = waiting_bytes_ > (was_throttled ? kMaxWaitingBytes / 2 : kMaxWaitingBytes);
  if (!is_throttled_ && !was_throttled) return;
  for (auto& [key, group] : groups_) ask_broker(*group);
}

}  // namespace outboxd::daemon
