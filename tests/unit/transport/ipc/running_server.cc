#include "tests/unit/transport/ipc/running_server.h"

#include <cstdlib>
#include <filesystem>

#include "domain/check.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "outboxd-test-XXXXXX").string();
  OUTBOXD_CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

RunningServer::RunningServer(ServerLimits limits) : server_(loop_, *this, limits) {
  OUTBOXD_CHECK(server_.listen(path_, 0600).ok());
  thread_ = std::thread([this] { loop_.run(); });
}

RunningServer::~RunningServer() {
  loop_.stop();
  thread_.join();
}

void RunningServer::on_request(const Request& request) {
  {
    const std::lock_guard lock(mutex_);
    if (request.is_notification) {
      ++notifications_;
    } else {
      ++requests_;
      if (request.method == "later") waiting_.push_back(request.reply_to);
    }
  }
  changed_.notify_all();
  answer(request);
}

void RunningServer::answer(const Request& request) {
  std::string result;
  Writer writer(result);
  if (request.method == "echo") {
    request.params.encode_to(result);
  } else if (request.method == "big") {
    writer.string(std::string(request.params.at(0).as_unsigned().value_or(0), 'b'));
  } else if (request.method == "hold") {
    server_.hold();
    writer.nil();
  } else if (request.method == "peer") {
    writer.array(3).unsigned_integer(request.peer->uid).unsigned_integer(request.peer->gid);
    writer.integer(request.peer->pid);
  } else if (request.method == "fail") {
    return server_.reply_error(request.reply_to,
                               {domain::ErrorCode::kNotFound, "no such thing", "thing"});
  } else if (request.method != "later") {
    return server_.reply_error(
        request.reply_to,
        {domain::ErrorCode::kUnknownMethod, "there is no method of that name", {}});
  }
  if (!result.empty()) server_.reply(request.reply_to, result);
}

void RunningServer::on_disconnect(ConnectionId) {
  {
    const std::lock_guard lock(mutex_);
    ++disconnects_;
  }
  changed_.notify_all();
}

void RunningServer::wait_for_requests(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return requests_ >= count; });
}

void RunningServer::wait_for_notifications(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return notifications_ >= count; });
}

void RunningServer::wait_for_disconnects(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return disconnects_ >= count; });
}

void RunningServer::wait_until_idle() {
  while (!on_loop([](const Server& server) { return server.idle(); })) {
  }
}

std::size_t RunningServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<ReplyAddress> RunningServer::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

}  // namespace outboxd::transport
