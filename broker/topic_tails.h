// Who is told of events as they come.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "broker/engine.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"

namespace outboxd::broker {

// Sends notifications `event` to the connections that asked for them, each from an offset on and
// without gaps. A tail reads from the engine at the speed of its connection, so one that is slow
// costs nothing but its place, and loses nothing. One tail per connection. Loop thread only.
class TopicTails {
 public:
  // All of them must outlive it.
  TopicTails(transport::EventLoop& loop, transport::Server& server, const Engine& engine);

  // Begins a tail of `topic` at `from`, or of all topics that there are now at their ends, and of
  // the new ones from their beginning. Replaces the connection's earlier tail.
  void follow(transport::ConnectionId connection, const std::string& topic, Offset from);
  void follow_all(transport::ConnectionId connection);

  void forget(transport::ConnectionId connection) { tails_.erase(connection); }

  // Something became durable.
  void wake();

 private:
  struct Tail {
    std::optional<std::string> topic;  // nothing: all
    std::map<std::string, Offset, std::less<>> next;
  };
  enum class Reached { kEnd, kLimit, kFullConnection };

  void pump();
  Reached pump(transport::ConnectionId connection, Tail& tail,
               const std::vector<TopicInfo>& topics);

  transport::EventLoop& loop_;
  transport::Server& server_;
  const Engine& engine_;
  transport::EventLoop::Timer timer_;
  bool scheduled_ = false;
  std::map<transport::ConnectionId, Tail> tails_;
};

}  // namespace outboxd::broker
