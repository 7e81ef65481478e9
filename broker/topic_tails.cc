#include "broker/topic_tails.h"

#include <algorithm>
#include <chrono>

#include "broker/topic_reader.h"
#include "transport/msgpack/writer.h"

namespace outboxd::broker {
namespace {

// Of one tail in one turn, so that other connections are served in between.
constexpr ReadLimits kTurn{.events = 256, .bytes = 256 << 10};

// When to look again whether a connection has read what waits for it.
constexpr std::chrono::milliseconds kRetry{20};

}  // namespace

TopicTails::TopicTails(transport::EventLoop& loop, transport::Server& server, const Engine& engine)
    : loop_(loop), server_(server), engine_(engine), timer_(loop) {}

void TopicTails::follow(transport::ConnectionId connection, const std::string& topic, Offset from) {
  Tail tail{topic, {}};
  tail.next.emplace(topic, from);
  tails_.insert_or_assign(connection, std::move(tail));
  wake();
}

void TopicTails::follow_all(transport::ConnectionId connection) {
  Tail tail;
  for (const TopicInfo& info : engine_.topics()) tail.next.emplace(info.topic, info.next_offset);
  tails_.insert_or_assign(connection, std::move(tail));
}

void TopicTails::wake() {
  if (tails_.empty() || scheduled_) return;
  scheduled_ = true;
  loop_.post([this] { pump(); });
}

void TopicTails::pump() {
  scheduled_ = false;
  const std::vector<TopicInfo> topics = engine_.topics();
  bool more = false;
  bool full = false;
  for (auto& [connection, tail] : tails_) {
    const Reached reached = pump(connection, tail, topics);
    more = more || reached == Reached::kLimit;
    full = full || reached == Reached::kFullConnection;
  }
  if (more) {
    wake();
  } else if (full) {
    timer_.start_once(kRetry, [this] { wake(); });
  }
}

TopicTails::Reached TopicTails::pump(transport::ConnectionId connection, Tail& tail,
                                     const std::vector<TopicInfo>& topics) {
  Reached reached = Reached::kEnd;
  for (const TopicInfo& info : topics) {
    if (tail.topic && *tail.topic != info.topic) continue;
    Offset& next = tail.next.try_emplace(info.topic, Offset{1}).first->second;
    if (next >= info.next_offset) continue;
    std::string params;
    bool sent = true;
    const auto read = read_topic(engine_, info.topic, next, kTurn, [&](std::string_view event) {
      params.clear();
      transport::Writer(params).array(1).raw(event);
      sent = server_.notify(connection, "event", params);
      return sent;
    });
    if (!read) continue;  // the disk does not answer; the tail keeps its place
    next = *read;
    if (!sent) return Reached::kFullConnection;
    if (next < info.next_offset) reached = Reached::kLimit;
  }
  return reached;
}

}  // namespace outboxd::broker
