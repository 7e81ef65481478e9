// The core is shown with a store whose disk the test holds in its hand: a group is durable when the
// test says so.
#include "daemon/core.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "transport/ipc/server.h"

namespace outboxd::daemon {
namespace {

using domain::Status;

// Lets writes through one by one.
class Disk {
 public:
  Status write() {
    std::unique_lock lock(mutex_);
    ++started_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return permits_ > 0; });
    --permits_;
    return failing_ ? Status(domain::Error{domain::ErrorCode::kInternal, "EIO", {}})
                    : domain::ok_status();
  }
  void await_start_of_write(int number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_ >= number; });
  }
  void permit_one(bool failing = false) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
    ++permits_;
    changed_.notify_all();
  }
  int started() {
    const std::lock_guard lock(mutex_);
    return started_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int started_ = 0;
  int permits_ = 0;
  bool failing_ = false;
};

class FakeGroup : public domain::SealedGroup {
 public:
  FakeGroup(std::uint64_t number, Disk& disk) : number_(number), disk_(disk) {}
  std::uint64_t number() const override { return number_; }
  const std::vector<domain::OutboxEntry>& entries() const override { return entries_; }
  Status write() override { return disk_.write(); }

 private:
  std::uint64_t number_;
  Disk& disk_;
  std::vector<domain::OutboxEntry> entries_;
};

// Knows only which group a unit of work depends on.
class FakeStore : public domain::Store, private domain::UnitOfWork {
 public:
  explicit FakeStore(Disk& disk) : disk_(disk) {}

  // What the next unit of work does.
  void next_writes(std::size_t bytes) { next_ = Next{bytes, building_number_}; }
  void next_reads_group(std::uint64_t number) { next_ = Next{0, number}; }

  domain::UnitOfWork& begin() override { return *this; }
  void accept() override { pending_bytes_ += next_.bytes; }
  void discard() override {}
  std::size_t pending_bytes() const override { return pending_bytes_; }
  std::unique_ptr<domain::SealedGroup> seal() override {
    if (pending_bytes_ == 0) return nullptr;
    pending_bytes_ = 0;
    return std::make_unique<FakeGroup>(building_number_++, disk_);
  }
  void retire(std::unique_ptr<domain::SealedGroup> group) override { retired_ = group->number(); }

 private:
  struct Next {
    std::size_t bytes = 0;
    std::uint64_t depends_on = 0;
  };

  domain::OrderRepository& orders() override { std::abort(); }
  domain::ApplicationState& application_state() override { std::abort(); }
  domain::RequestLog& requests() override { std::abort(); }
  domain::Outbox& outbox() override { std::abort(); }
  std::uint64_t revision() override { std::abort(); }
  std::uint64_t depends_on() const override { return next_.depends_on; }

  Disk& disk_;
  Next next_;
  std::uint64_t building_number_ = 1;
  std::uint64_t retired_ = 0;
  std::size_t pending_bytes_ = 0;
};

// The methods of the daemon under test say what their unit of work does:
//   write            writes 10 bytes            read1 / read2   depends on group 1 / 2, writes
//   nothing write_big        writes a whole group       refuse          is refused, having read
//   group 1 read             depends on nothing
// and `apply`, `apply_refused` and `apply_free` do the work of write, refuse and read for nobody's
// request: they are answered at once.
class ScriptedHandler : public transport::RequestHandler {
 public:
  ScriptedHandler(Core& core, FakeStore& store) : core_(core), store_(store) {}

  void on_request(const transport::Request& request) override {
    const std::string method(request.method);
    if (method.starts_with("apply")) apply(method);
    store_.next_reads_group(method == "read1" || method == "refuse" ? 1
                            : method == "read2"                     ? 2
                                                                    : 0);
    if (method == "write") store_.next_writes(10);
    if (method == "write_big") store_.next_writes(CoreOptions{}.max_group_bytes);
    core_.execute(request.reply_to, [&](domain::UnitOfWork&, transport::Writer& writer) -> Status {
      if (method == "refuse") return domain::bad_request("x", "refused");
      writer.string(method);
      return domain::ok_status();
    });
  }
  void on_disconnect(transport::ConnectionId) override {}

  // Core thread only.
  [[nodiscard]] bool is_applying() const { return is_applying_; }

  // What effects were told, in order. Core thread, or when that rests.
  std::string told;

 private:
  void apply(const std::string& method) {
    is_applying_ = true;
    const bool is_refused = method == "apply_refused";
    store_.next_reads_group(is_refused ? 1 : 0);
    if (method == "apply") store_.next_writes(10);
    core_.apply(
        [is_refused](domain::UnitOfWork&) {
          return is_refused ? Status(domain::bad_request("x", "refused")) : domain::ok_status();
        },
        [this](const Status& status) { told += status ? "durable " : status.error().message; });
    is_applying_ = false;
  }

  Core& core_;
  FakeStore& store_;
  bool is_applying_ = false;
};

class CoreTest : public testing::Test {
 protected:
  CoreTest() {
    std::string pattern = testing::TempDir() + "/core.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/socket";
    handler_ = std::make_unique<ScriptedHandler>(core_, store_);
    server_ = std::make_unique<transport::Server>(loop_, *handler_);
    core_.attach(*server_);
    EXPECT_TRUE(server_->listen(path_, 0600));
    thread_ = std::thread([this] { loop_.run(); });
    socket_ = connect();
  }

  ~CoreTest() override {
    loop_.stop();
    thread_.join();
    ::close(socket_);
    // Whatever is still being written is let through, so that the core can join its commit thread.
    disk_.permit_one();
    disk_.permit_one();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  int connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  void send(std::uint32_t msgid, const std::string& method) {
    std::string message;
    transport::Writer(message).array(4).integer(0).integer(msgid).string(method).array(0);
    EXPECT_EQ(::send(socket_, message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
  }

  // The msgid of the next reply; -msgid when it is an error.
  int next_reply() {
    while (true) {
      if (const std::size_t end = message_end(); end > 0) {
        transport::Document document;
        const transport::Value reply =
            document.decode(std::string_view(buffer_).substr(0, end)).value();
        const int msgid = static_cast<int>(reply.at(1).as_integer().value());
        const int answer = reply.at(2).is_nil() ? msgid : -msgid;
        buffer_.erase(0, end);
        return answer;
      }
      char bytes[4096];
      const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
      if (count <= 0) return 0;
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
  }

  // The bytes of the first whole message in the buffer, or 0.
  std::size_t message_end() const {
    transport::Document document;
    for (std::size_t end = 1; end <= buffer_.size(); ++end) {
      if (document.decode(std::string_view(buffer_).substr(0, end))) return end;
    }
    return 0;
  }

  bool reply_is_waiting() const {
    pollfd poll{.fd = socket_, .events = POLLIN, .revents = 0};
    return !buffer_.empty() || ::poll(&poll, 1, 0) > 0;
  }

  // Every effect that is accepted leaves something to be told. Requests, which are units of work as
  // well, do not.
  void follow_every_effect() {
    core_.at_unit_end([this](bool accepted) -> GroupCommit::WhenDurable {
      if (!accepted || !handler_->is_applying()) return {};
      return [this](const Status&) { handler_->told += "followed "; };
    });
  }

  // What is told of an effect once it is durable; nothing may be before.
  std::string told_of_an_effect() {
    send(1, "apply");
    EXPECT_EQ(next_reply(), 1);
    disk_.await_start_of_write(1);
    settle();
    EXPECT_EQ(handler_->told, "") << "the disk has not confirmed anything";
    send(2, "read1");
    settle();
    disk_.permit_one();
    EXPECT_EQ(next_reply(), 2);
    settle();
    return handler_->told;
  }

  // The same of an effect that is refused for a write that is not durable yet.
  std::string told_of_a_refused_effect() {
    send(1, "write");
    disk_.await_start_of_write(1);
    send(2, "apply_refused");
    EXPECT_EQ(next_reply(), 2);
    EXPECT_EQ(handler_->told, "");
    disk_.permit_one();
    EXPECT_EQ(next_reply(), 1);
    settle();
    return handler_->told;
  }

  // Returns when the core has finished everything that was sent before: a read that depends on
  // nothing is answered at once, in order.
  void settle() {
    send(999, "read");
    EXPECT_EQ(next_reply(), 999);
  }

  std::string directory_;
  std::string path_;
  Disk disk_;
  FakeStore store_{disk_};
  transport::EventLoop loop_;
  std::atomic<int> failures_{0};
  Core core_{loop_, store_, {}, [this](const domain::Error&) { ++failures_; }};
  std::unique_ptr<ScriptedHandler> handler_;
  std::unique_ptr<transport::Server> server_;
  std::thread thread_;
  int socket_ = -1;
  std::string buffer_;
};

TEST_F(CoreTest, ANoteThatCannotBeMadeBecauseOfDamageIsToldAndEndsNothing) {
  std::atomic<int> told = 0;
  loop_.post([&] {
    core_.on_read_error([&](const domain::Error&) { ++told; });
    core_.record([](domain::UnitOfWork&) -> Status {
      return domain::Error{domain::ErrorCode::kDamaged, "event 3", {}};
    });
  });
  settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(failures_, 0);
  loop_.post([&] {
    core_.record([](domain::UnitOfWork&) -> Status {
      return domain::Error{domain::ErrorCode::kInternal, "EIO", {}};
    });
  });
  settle();
  EXPECT_EQ(failures_, 1);
}

TEST_F(CoreTest, AWriteIsAnsweredWhenItsGroupIsDurableAndNotBefore) {  // G1
  send(1, "write");
  disk_.await_start_of_write(1);
  settle();
  EXPECT_FALSE(reply_is_waiting()) << "the disk has not confirmed anything";
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 1);
}

TEST_F(CoreTest, RequestsThatComeDuringAWriteFormOneGroup) {
  send(1, "write");
  disk_.await_start_of_write(1);
  for (std::uint32_t id = 2; id <= 20; ++id) send(id, "write");
  settle();
  EXPECT_EQ(disk_.started(), 1) << "one group in flight";
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 1);
  disk_.await_start_of_write(2);
  disk_.permit_one();
  for (int id = 2; id <= 20; ++id) EXPECT_EQ(next_reply(), id);
  settle();
  EXPECT_EQ(disk_.started(), 2);
}

TEST_F(CoreTest, AReadOfSomethingNotYetDurableWaitsForIt) {
  send(1, "write");
  disk_.await_start_of_write(1);
  send(2, "read1");
  send(3, "read");
  EXPECT_EQ(next_reply(), 3) << "what is durable is answered at once";
  EXPECT_FALSE(reply_is_waiting());
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 1);
  EXPECT_EQ(next_reply(), 2);
}

TEST_F(CoreTest, AReadOfTheGroupBeingBuiltWaitsForThatOne) {
  send(1, "write");
  disk_.await_start_of_write(1);
  send(2, "write");
  send(3, "read2");
  settle();
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 1);
  disk_.await_start_of_write(2);
  settle();
  EXPECT_FALSE(reply_is_waiting());
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 2);
  EXPECT_EQ(next_reply(), 3);
}

TEST_F(CoreTest, ARefusalThatRestsOnSomethingNotYetDurableWaitsToo) {
  send(1, "write");
  disk_.await_start_of_write(1);
  send(2, "refuse");
  settle();
  EXPECT_FALSE(reply_is_waiting());
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 1);
  EXPECT_EQ(next_reply(), -2);
}

TEST_F(CoreTest, AFullGroupMakesRequestsWaitInTheirSocketUntilThereIsRoom) {
  send(1, "write");
  disk_.await_start_of_write(1);
  send(2, "write_big");  // fills the group being built
  send(3, "read");       // is not even looked at
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 1);
  EXPECT_EQ(next_reply(), 3) << "the second group is being written, so there is room again";
  disk_.permit_one();
  EXPECT_EQ(next_reply(), 2);
}

TEST_F(CoreTest, AnEffectWithoutARequestIsToldWhenItIsDurableAndNotBefore) {
  EXPECT_EQ(told_of_an_effect(), "durable ");
}

TEST_F(CoreTest, AnEffectThatWroteNothingAndReadNothingFreshIsToldAtOnce) {
  send(1, "apply_free");
  EXPECT_EQ(next_reply(), 1);
  EXPECT_EQ(handler_->told, "durable ");
  EXPECT_EQ(disk_.started(), 0);
}

TEST_F(CoreTest, AnEffectThatIsRefusedForWhatIsNotYetDurableIsToldWhenThatIs) {
  EXPECT_EQ(told_of_a_refused_effect(), "refused");
}

TEST_F(CoreTest, WhatFollowsAUnitOfWorkIsToldWithItAndAfterIt) {
  follow_every_effect();
  EXPECT_EQ(told_of_an_effect(), "durable followed ");
}

TEST_F(CoreTest, NothingFollowsARefusedUnitOfWork) {
  follow_every_effect();
  EXPECT_EQ(told_of_a_refused_effect(), "refused");
}

TEST_F(CoreTest, AfterAFailedWriteNothingIsAnswered) {  // G10
  send(1, "write");
  disk_.await_start_of_write(1);
  send(2, "read1");
  settle();
  disk_.permit_one(/*failing=*/true);
  while (failures_ == 0) std::this_thread::yield();
  settle();
  EXPECT_FALSE(reply_is_waiting());
}

}  // namespace
}  // namespace outboxd::daemon
