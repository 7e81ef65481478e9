// What EventLoop is made of. For transport/ipc only: nobody else includes Asio.
#pragma once

#include <functional>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "transport/ipc/event_loop.h"

namespace outboxd::transport {

struct EventLoop::Native {
  asio::io_context io{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};

  // Loop thread only.
  std::vector<std::function<void()>> turn_end_hooks;
  bool stopping = false;
  // Something was left for the end of the turn, maybe after its hook had run: the next turn comes
  // without waiting. Set by those who leave something.
  bool turn_wanted = false;
};

}  // namespace outboxd::transport
