// The broker: the link's sessions and the consumer groups in front of an engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/committer.h"
#include "broker/engine.h"
#include "broker/groups/group_table.h"
#include "broker/service_time.h"
#include "broker/space_guard.h"
#include "domain/clock.h"
#include "transport/link/admission.h"
#include "transport/link/broker_session.h"
#include "transport/link/router_link.h"

namespace outboxd::broker {

struct BrokerOptions {
  std::string endpoint;                     // tcp://HOST:PORT or ipc://PATH
  std::vector<std::string> allowed_topics;  // empty: every topic
  transport::BrokerSessionOptions sessions;
  GroupTableOptions groups;
};

struct BrokerSnapshot {
  transport::BrokerCounters counters;
  std::uint64_t bytes_accepted = 0;  // of envelopes
  std::uint64_t groups = 0;          // synced writes
  std::size_t producers = 0;
  std::size_t connected = 0;  // of the producers
};

// Threads. The router thread (the link's) runs the sessions: it decodes, checks, gives each event
// its fate, and hands what it accepted to the commit thread (the Committer's), which writes it.
// Only when that is durable does the router thread learn of it, send the ACK (G6), and hand the
// events out to consumers, in the same turn. What groups have to keep goes the same way, at most
// one change of each group at a time. Neither thread holds a lock while it waits for the other, but
// for the router's wait for room in the Committer, which is how the broker takes no more than it
// can store.
class Broker final : private transport::RouterHandler,
                     private transport::BrokerOutput,
                     private GroupOutput {
 public:
  struct Callbacks {
    // Events became durable. Commit thread.
    std::function<void()> on_durable = [] {};

    // The engine failed: the outcome of what it was writing is unknown, or what it has cannot be
    // read, and the process must end without telling anyone (G10). Commit or router thread.
    std::function<void(const domain::Error&)> on_failure;
  };

  // `engine` and `clock` must outlive it.
  Broker(BrokerOptions options, Engine& engine, const domain::Clock& clock, Callbacks callbacks);
  ~Broker() override;  // stop()

  // Binds, and serves producers and consumers from where the engine stands. Errors: bad_request for
  // an endpoint that cannot be bound, internal when the engine cannot be read; nothing runs then.
  domain::Status start();

  // The endpoint that was bound, with its port.
  [[nodiscard]] const std::string& endpoint() const { return link_.endpoint(); }

  // Takes no more events, makes durable what was accepted, acknowledges it, and joins. Any thread
  // but the broker's own.
  void stop();

  // Runs `work` on the router thread with what the sessions know. Dropped when the broker stopped.
  // Any thread.
  void query(std::function<void(const transport::BrokerSessions&)> work);
  void snapshot(std::function<void(const BrokerSnapshot&)> work);

  // Runs `work` on the router thread with the consumer groups; otherwise like query(). Any thread.
  void query_groups(std::function<void(const GroupTable&)> work);

  // GroupTable::settle_letters on the router thread, where `done` is called, too. Any thread.
  void settle_letters(LetterAction action, GroupId group, std::optional<Offset> letter,
                      LetterJobs::Done done);

  // Running time over all starts: what back-off and times to live go by. Any thread.
  [[nodiscard]] const domain::ElapsedTime& service_time() const { return service_time_; }

  // How much may be written from now on: past soft no events are taken, and past hard nothing is
  // done at all, so that nothing has to be written. Any thread.
  void limit_writes(SpaceLevel level);

  // Whether the disk moves. Any thread.
  [[nodiscard]] Committer::Progress progress() const { return committer_.progress(); }

 private:
  void on_frame(std::string_view peer, std::string_view frame, std::int64_t now_ms) override;
  void on_turn_end() override;
  void on_tick(std::int64_t now_ms) override;
  bool send(std::string_view peer, std::string frame) override;
  void append(const transport::AppendRequest& request) override;
  bool send_to(std::string_view producer, std::string frame) override;
  void commit(GroupChange change) override;
  void fail(const domain::Error& error) override;

  bool may_store(std::string_view topic);
  void report_durable(Committer::Written written);
  void keep_time(std::int64_t now_ms);

  // Constant after construction.
  Engine& engine_;
  const domain::Clock& clock_;
  const std::set<std::string, std::less<>> allowed_topics_;
  const Callbacks callbacks_;
  const ServiceTime service_time_;

  // Router thread only, after start().
  std::set<std::string, std::less<>> topics_;  // that exist, or will once they are durable
  transport::EnvelopeAdmission admission_;
  transport::BrokerSessions sessions_;
  GroupTable groups_;
  SpaceLevel space_ = SpaceLevel::kOk;
  std::uint64_t bytes_accepted_ = 0;
  std::int64_t written_at_ms_ = 0;  // when something was last, and with it the time
  std::promise<void>* drained_ = nullptr;

  Committer committer_;
  transport::RouterLink link_;
  bool running_ = false;  // owner's thread
};

}  // namespace outboxd::broker
