// A server on a thread of its own, for tests that talk to it over its socket.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"

namespace outboxd::transport {

// A directory of its own under the system's, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Serves until it is destroyed. Its methods:
//
//   echo [value]   replies with its params at once
//   later          is not answered until the test does it
//   fail           replies with a not_found for the argument "thing"
//   big [n]        replies with a string of n bytes
//   hold           holds the server and replies
//   peer           replies with [uid, gid, pid]
//
// Everything else gets unknown_method.
class RunningServer : private RequestHandler {
 public:
  explicit RunningServer(ServerLimits limits = {});
  ~RunningServer() override;
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] EventLoop& loop() { return loop_; }

  // Runs `work` on the loop's thread and returns what it returns.
  template <typename Work>
  auto on_loop(Work work) {
    std::packaged_task<decltype(work(server_))()> task([&] { return work(server_); });
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }

  // Wait, however long it takes; the test's own timeout ends what never comes.
  void wait_for_requests(std::size_t count);
  void wait_for_notifications(std::size_t count);
  void wait_for_disconnects(std::size_t count);
  void wait_until_idle();

  [[nodiscard]] std::size_t requests();

  // The addresses of the `later` requests so far, oldest first.
  [[nodiscard]] std::vector<ReplyAddress> waiting();

 private:
  void on_request(const Request& request) override;
  void on_disconnect(ConnectionId connection) override;
  void answer(const Request& request);

  TemporaryDirectory directory_;
  const std::string path_ = directory_.file("s");
  EventLoop loop_;
  Server server_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t requests_ = 0;
  std::size_t notifications_ = 0;
  std::size_t disconnects_ = 0;
  std::vector<ReplyAddress> waiting_;
};

}  // namespace outboxd::transport
