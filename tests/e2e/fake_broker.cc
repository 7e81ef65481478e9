#include "tests/e2e/fake_broker.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "transport/limits.h"
#include "transport/link/frame_codec.h"

namespace outboxd::e2e {
namespace {

class SteadyClock final : public domain::Clock {
 public:
  [[nodiscard]] domain::TimestampMs wall_ms() const override { return monotonic_ms(); }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
};

}  // namespace

FakeBroker::FakeBroker(const std::string& endpoint, Answer answer)
    : clock_(std::make_unique<SteadyClock>()),
      answer_(std::move(answer)),
      link_({.endpoint = endpoint}, *clock_, *this) {
  const auto started = link_.start();
  if (!started) throw std::runtime_error(started.error().message);
}

FakeBroker::~FakeBroker() {
  link_.stop();
}

void FakeBroker::on_frame(std::string_view peer, std::string_view bytes, std::int64_t) {
  const auto frame = transport::decode_frame(bytes, document_);
  if (!frame) throw std::runtime_error("the daemon sent no frame: " + frame.error().message);
  for (std::string& answer : answer_(*frame)) link_.send(peer, std::move(answer));
}

std::string welcome(domain::Seq last_seq) {
  return transport::encode(
      transport::WelcomeFrame{.session = 1,
                              .last_seq = last_seq,
                              .window_events = 1000,
                              .window_bytes = 1 << 20,
                              .max_publish_events = transport::kMaxPublishEvents,
                              .max_publish_bytes = transport::kMaxPublishBytes,
                              .max_envelope_bytes = transport::kMaxEnvelopeBytes,
                              .software = "fake"});
}

}  // namespace outboxd::e2e
