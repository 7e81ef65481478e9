#include "transport/link/relay_link.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <random>
#include <utility>

#include <zmq.hpp>

#include "domain/check.h"
#include "transport/link/endpoint.h"
#include "transport/link/relay_session.h"
#include "transport/link/socket_thread.h"
#include "transport/link/zmq_frame.h"

namespace outboxd::transport {
namespace {

// Turns are bounded, so that ACKs are seen while a backlog is sent, and the other way round.
constexpr int kReadsPerTurn = 256;
constexpr int kBatchesPerTurn = 8;
// While ZeroMQ takes nothing, for how long at least to wait for it.
constexpr std::int64_t kBlockedMs = 20;

constexpr const char* kMonitorEndpoint = "inproc://relay-link-monitor";

RelaySessionOptions session_options(const RelayLinkOptions& options) {
  RelaySessionOptions session;
  session.producer = options.producer;
  session.epoch = options.epoch;
  session.software_version = options.software_version;
  session.window_events = options.window_events;
  session.window_bytes = options.window_bytes;
  session.instance = options.instance;
  session.completions = options.completions;
  session.store = options.store;
  session.life = options.life;
  session.base_seq = options.base_seq;
  session.history = options.history;
  session.accept_loss = options.accept_loss;
  return session;
}

// PROTOCOL.md, "Sockets", has the reason of each value.
void configure_dealer(zmq::socket_t& dealer) {
  configure_for_link(dealer);
  dealer.set(zmq::sockopt::immediate, true);
  dealer.set(zmq::sockopt::sndhwm, 64);
  dealer.set(zmq::sockopt::rcvhwm, 1000);
  dealer.set(zmq::sockopt::connect_timeout, 5'000);
  dealer.set(zmq::sockopt::reconnect_ivl, 200);
  dealer.set(zmq::sockopt::reconnect_ivl_max, 2'000);
  dealer.set(zmq::sockopt::ipv6, true);
}

}  // namespace

// Constant after start(): everything but what is marked. The link thread owns the session, the
// sockets and the batch; other threads reach it by the atomics and by what they post.
class RelayLink::Impl {
 public:
  Impl(RelayLinkOptions options, const domain::Clock& clock, PublishSource& source,
       LinkObserver& observer)
      : options_(std::move(options)), clock_(clock), source_(source), observer_(observer) {}

  ~Impl() { stop(0); }

  domain::Status start(domain::Seq next_seq) {
    OUTBOXD_CHECK(!thread_.is_running());
    OUTBOXD_ASSIGN_OR_RETURN(const std::string endpoint, local_endpoint(options_.endpoint));
    try {
      dealer_ = zmq::socket_t(context_, zmq::socket_type::dealer);
      configure_dealer(dealer_);
      if (zmq_socket_monitor(dealer_.handle(), kMonitorEndpoint,
                             ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0) {
        throw zmq::error_t();
      }
      monitor_ = zmq::socket_t(context_, zmq::socket_type::pair);
      monitor_.set(zmq::sockopt::linger, 0);
      monitor_.connect(kMonitorEndpoint);
      dealer_.connect(endpoint);
    } catch (const zmq::error_t& error) {
      return domain::bad_request(
          "endpoint", "the endpoint \"" + options_.endpoint + "\" is refused: " + error.what());
    }
    raise_to(next_seq);
    std::random_device seed;
    auto jitter = [engine = std::mt19937_64(seed())]() mutable {
      return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
    };
    session_.emplace(session_options(options_), next_seq, std::move(jitter), observer_);
    thread_.start([this] { run(); });
    return domain::ok_status();
  }

  void wake(domain::Seq next_seq) {
    raise_to(next_seq);
    // Every commit comes by here. Without a session the thread has nothing to do with it.
    if (streaming_.load()) thread_.wake();
  }

  void subscribe(Subscription subscription) {
    thread_.post(
        [this, subscription = std::move(subscription)] { session_->subscribe(subscription); });
  }

  void settle(std::vector<OwnedSettlement> settlements) {
    if (settlements.empty()) return;
    thread_.post([this, settlements = std::move(settlements)]() mutable {
      session_->settle(std::move(settlements));
    });
  }

  void stop(std::int64_t linger_ms) {
    if (!thread_.is_running()) return;
    linger_ms_.store(linger_ms);
    stopping_.store(true);
    thread_.wake();
    thread_.join();
    monitor_.close();
    dealer_.close();
  }

 private:
  void raise_to(domain::Seq next_seq) {
    domain::Seq known = next_seq_.load();
    while (known < next_seq && !next_seq_.compare_exchange_weak(known, next_seq)) {
    }
  }

  void run() {
    observer_.on_link_state(LinkState::kConnecting, {});
    try {
      while (!is_finished()) turn();
    } catch (const zmq::error_t& error) {
      // ZeroMQ fails on a socket that was set up only when it is out of something for good.
      session_->fail(std::string("ZeroMQ failed: ") + error.what());
    }
  }

  // What has arrived comes before what is due: after a pause of the whole process, silence must not
  // be concluded from what only was not read yet.
  void turn() {
    session_->entries_kept_from(source_.first_kept());
    bool more = read_monitor();
    more |= read_frames();
    streaming_.store(session_->state() == LinkState::kConnected);  // first, or a wake() is missed
    thread_.run_posted();
    if (const auto seq = session_->wanted_proof()) {
      session_->prove(*seq, source_.chain_at(*seq), now_ms());
    }
    session_->entries_available(next_seq_.load(), now_ms());
    session_->tick(now_ms());
    more |= send_frames();
    wait(more);
  }

  bool is_finished() {
    if (!stopping_.load()) return false;
    if (!close_deadline_ms_) {
      close_deadline_ms_ = now_ms() + linger_ms_.load();
      thread_.run_posted();  // settlements from before the stop
      session_->close();
      send_frames();
    }
    return session_->drained() || now_ms() >= *close_deadline_ms_;
  }

  // Connections come and go: the monitor tells, in their order.
  bool read_monitor() {
    for (int i = 0; i < kReadsPerTurn; ++i) {
      zmq::message_t event;
      if (!monitor_.recv(event, zmq::recv_flags::dontwait)) return false;
      zmq::message_t address;
      if (event.more()) (void)monitor_.recv(address, zmq::recv_flags::none);
      std::uint16_t number = 0;
      OUTBOXD_CHECK(event.size() >= sizeof number);
      std::memcpy(&number, event.data(), sizeof number);
      if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        unsent_.reset();
        session_->connected(now_ms());
      } else if (number == ZMQ_EVENT_DISCONNECTED) {
        unsent_.reset();
        session_->disconnected("the connection to the broker was lost");
      }
    }
    return true;
  }

  bool read_frames() {
    for (int i = 0; i < kReadsPerTurn; ++i) {
      zmq::message_t frame;
      if (!dealer_.recv(frame, zmq::recv_flags::dontwait)) return false;
      session_->receive(view_of(frame), now_ms());
    }
    return true;
  }

  // Returns true when there is more to send at once.
  bool send_frames() {
    for (int batches = 0; batches < kBatchesPerTurn;) {
      if (!unsent_) {
        if (auto frame = session_->next_frame()) unsent_ = to_message(std::move(*frame));
      }
      if (unsent_) {
        if (!dealer_.send(*unsent_, zmq::send_flags::dontwait)) return false;  // wait() waits
        unsent_.reset();
        continue;
      }
      const auto wanted = session_->wanted(now_ms());
      if (!wanted) return false;
      ++batches;
      batch_.first_seq = 0;
      batch_.envelopes.clear();
      batch_.chains.clear();
      const auto status = source_.read(wanted->from, wanted->max_events, wanted->max_bytes, batch_);
      if (!status) {
        session_->fail("the outbox cannot be read: " + status.error().message);
        return false;
      }
      session_->publish(batch_, now_ms());
    }
    return true;
  }

  void wait(bool more) {
    std::int64_t timeout_ms = -1;
    if (more || session_->drained()) {
      timeout_ms = 0;
    } else {
      std::optional<std::int64_t> due = session_->next_deadline_ms();
      if (close_deadline_ms_)
        due = std::min(due.value_or(*close_deadline_ms_), *close_deadline_ms_);
      if (due) timeout_ms = std::clamp<std::int64_t>(*due - now_ms(), 0, 60'000);
      if (unsent_ && timeout_ms >= 0) timeout_ms = std::max(timeout_ms, kBlockedMs);
    }
    const std::array<zmq_pollitem_t, 2> items{{
        {dealer_.handle(), 0, static_cast<short>(unsent_ ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN),
         0},
        {monitor_.handle(), 0, ZMQ_POLLIN, 0},
    }};
    thread_.wait(items, timeout_ms);
  }

  [[nodiscard]] std::int64_t now_ms() const { return clock_.monotonic_ms(); }

  const RelayLinkOptions options_;
  const domain::Clock& clock_;
  PublishSource& source_;
  LinkObserver& observer_;

  // Any thread.
  std::atomic<domain::Seq> next_seq_{0};
  std::atomic<bool> streaming_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> linger_ms_{0};

  // Link thread only, once it runs.
  zmq::context_t context_;
  zmq::socket_t dealer_;
  zmq::socket_t monitor_;
  std::optional<RelaySession> session_;
  std::optional<zmq::message_t> unsent_;  // ZeroMQ did not take it yet
  PublishBatch batch_;
  std::optional<std::int64_t> close_deadline_ms_;

  SocketThread thread_;
};

RelayLink::RelayLink(RelayLinkOptions options, const domain::Clock& clock, PublishSource& source,
                     LinkObserver& observer)
    : impl_(std::make_unique<Impl>(std::move(options), clock, source, observer)) {}

RelayLink::~RelayLink() = default;

domain::Status RelayLink::start(domain::Seq next_seq) {
  return impl_->start(next_seq);
}

void RelayLink::wake(domain::Seq next_seq) {
  impl_->wake(next_seq);
}

void RelayLink::subscribe(Subscription subscription) {
  impl_->subscribe(std::move(subscription));
}

void RelayLink::settle(std::vector<OwnedSettlement> settlements) {
  impl_->settle(std::move(settlements));
}

void RelayLink::stop(std::int64_t linger_ms) {
  impl_->stop(linger_ms);
}

}  // namespace outboxd::transport
