#include "transport/link/router_link.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <zmq.hpp>

#include "domain/check.h"
#include "transport/link/endpoint.h"
#include "transport/link/socket_thread.h"
#include "transport/link/zmq_frame.h"

namespace outboxd::transport {
namespace {

// Frames that are handed over before a turn ends: enough for a good group, few enough that a turn
// stays short.
constexpr int kFramesPerTurn = 64;
constexpr std::int64_t kTickMs = 1'000;
constexpr std::int64_t kNoTurnDue = std::numeric_limits<std::int64_t>::max();

// PROTOCOL.md, "Sockets", has the reason of each value.
void configure_router(zmq::socket_t& router) {
  configure_for_link(router);
  router.set(zmq::sockopt::router_mandatory, true);
  router.set(zmq::sockopt::sndhwm, 1000);
  router.set(zmq::sockopt::rcvhwm, 64);
}

}  // namespace

class RouterLink::Impl {
 public:
  Impl(RouterLinkOptions options, const domain::Clock& clock, RouterHandler& handler)
      : options_(std::move(options)), clock_(clock), handler_(handler) {}

  ~Impl() { stop(); }

  domain::Status start() {
    OUTBOXD_CHECK(!thread_.is_running());
    OUTBOXD_ASSIGN_OR_RETURN(const std::string endpoint, local_endpoint(options_.endpoint));
    try {
      router_ = zmq::socket_t(context_, zmq::socket_type::router);
      configure_router(router_);
      // Only where it is meant: with it, ZeroMQ calls 127.0.0.1 "[::ffff:127.0.0.1]" in endpoint().
      router_.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
      router_.bind(endpoint);
      endpoint_ = router_.get(zmq::sockopt::last_endpoint);
    } catch (const zmq::error_t& error) {
      return domain::bad_request("endpoint", "the endpoint \"" + options_.endpoint +
                                                 "\" cannot be bound: " + error.what());
    }
    thread_.start([this] { run(); });
    return domain::ok_status();
  }

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  void post(std::function<void()> work) { thread_.post(std::move(work)); }

  bool send(std::string_view peer, std::string frame) {
    // The C functions: a peer that is gone is no exception here.
    if (zmq_send(router_.handle(), peer.data(), peer.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
      return false;
    }
    zmq::message_t message = to_message(std::move(frame));
    return zmq_msg_send(message.handle(), router_.handle(), ZMQ_DONTWAIT) >= 0;
  }

  void turn_by(std::int64_t at_ms) { turn_by_ms_ = std::min(turn_by_ms_, at_ms); }

  void stop() {
    if (!thread_.is_running()) return;
    post([this] { stopping_ = true; });
    thread_.join();
    router_.close();
  }

 private:
  void run() {
    try {
      while (!stopping_) turn();
    } catch (const zmq::error_t& error) {
      // ZeroMQ fails on a bound socket only when it is out of something for good: a broker that
      // hears nobody is better restarted.
      domain::check_failed(error.what(), __FILE__, __LINE__);
    }
  }

  void turn() {
    const std::int64_t due_ms = std::min(tick_due_ms_, std::exchange(turn_by_ms_, kNoTurnDue));
    const std::int64_t idle_ms = std::clamp<std::int64_t>(due_ms - now_ms(), 0, kTickMs);
    thread_.wait(std::array<zmq_pollitem_t, 1>{{{router_.handle(), 0, ZMQ_POLLIN, 0}}},
                 more_ ? 0 : idle_ms);
    thread_.run_posted();
    more_ = read_frames();
    if (now_ms() >= tick_due_ms_) {
      handler_.on_tick(now_ms());
      tick_due_ms_ = now_ms() + kTickMs;
    }
    handler_.on_turn_end();
  }

  // Returns true when there may be more.
  bool read_frames() {
    for (int i = 0; i < kFramesPerTurn; ++i) {
      zmq::message_t peer;
      if (!router_.recv(peer, zmq::recv_flags::dontwait)) return false;
      zmq::message_t frame;
      if (peer.more()) (void)router_.recv(frame, zmq::recv_flags::none);
      // Frames are one part. What has more is handed over as nothing, which no frame is.
      const bool is_frame = !frame.more();
      for (bool rest = frame.more(); rest;) {
        zmq::message_t part;
        (void)router_.recv(part, zmq::recv_flags::none);
        rest = part.more();
      }
      handler_.on_frame(view_of(peer), is_frame ? view_of(frame) : std::string_view(), now_ms());
    }
    return true;
  }

  [[nodiscard]] std::int64_t now_ms() const { return clock_.monotonic_ms(); }

  const RouterLinkOptions options_;
  const domain::Clock& clock_;
  RouterHandler& handler_;
  std::string endpoint_;  // constant after start()

  // Router thread only, once it runs.
  zmq::context_t context_;
  zmq::socket_t router_;
  std::int64_t tick_due_ms_ = 0;
  std::int64_t turn_by_ms_ = kNoTurnDue;
  bool more_ = false;  // the last turn left frames
  bool stopping_ = false;

  SocketThread thread_;
};

RouterLink::RouterLink(RouterLinkOptions options, const domain::Clock& clock,
                       RouterHandler& handler)
    : impl_(std::make_unique<Impl>(std::move(options), clock, handler)) {}

RouterLink::~RouterLink() = default;

domain::Status RouterLink::start() {
  return impl_->start();
}

const std::string& RouterLink::endpoint() const {
  return impl_->endpoint();
}

void RouterLink::post(std::function<void()> work) {
  impl_->post(std::move(work));
}

bool RouterLink::send(std::string_view peer, std::string frame) {
  return impl_->send(peer, std::move(frame));
}

void RouterLink::turn_by(std::int64_t at_ms) {
  impl_->turn_by(at_ms);
}

void RouterLink::stop() {
  impl_->stop();
}

}  // namespace outboxd::transport
