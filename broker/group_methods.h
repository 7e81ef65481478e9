// What the broker answers about consumer groups and their dead letters (API.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/broker.h"
#include "broker/engine.h"
#include "domain/result.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"

namespace outboxd::broker {

// Replies at once, or when the router thread or the disk has done its part. Dead letters are read
// from the engine; what becomes of them goes through their group, so that memory and disk agree.
// Loop thread only.
class GroupMethods {
 public:
  // All of them must outlive it; `broker` is stopped before the loop is.
  GroupMethods(transport::EventLoop& loop, transport::Server& server, Broker& broker,
               const Engine& engine)
      : loop_(loop), server_(server), broker_(broker), engine_(engine) {}

  // Its methods, as a text for people.
  static constexpr std::string_view kNames =
      "group.list, dead.list, dead.get, dead.replay and dead.discard";

  // Nothing for a method that is not of these. An error is for the caller to reply.
  std::optional<domain::Status> handle(const transport::Request& request);

 private:
  domain::Status group_list(const transport::Request& request);
  domain::Status dead_list(const transport::Request& request);
  domain::Status dead_get(const transport::Request& request);
  domain::Status dead_replay(const transport::Request& request);
  domain::Status dead_discard(const transport::Request& request);
  domain::Status settle(const transport::Request& request, LetterAction action,
                        std::string_view done);
  void reply_later(transport::ReplyAddress to, domain::Result<std::string> result);

  transport::EventLoop& loop_;
  transport::Server& server_;
  Broker& broker_;
  const Engine& engine_;
};

}  // namespace outboxd::broker
