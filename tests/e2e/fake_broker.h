// A broker that says what a test wants it to say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/clock.h"
#include "domain/ids.h"
#include "transport/link/frames.h"
#include "transport/link/router_link.h"
#include "transport/msgpack/value.h"

namespace outboxd::e2e {

// Answers each frame with the bytes that `answer` returns for it: one frame each, sent as they are,
// even when they are none. Runs on a thread of its own from construction to destruction; `answer`
// is called there.
class FakeBroker : private transport::RouterHandler {
 public:
  using Answer = std::function<std::vector<std::string>(const transport::Frame& frame)>;

  // Throws when `endpoint` cannot be bound.
  FakeBroker(const std::string& endpoint, Answer answer);
  ~FakeBroker() override;

 private:
  void on_frame(std::string_view peer, std::string_view bytes, std::int64_t now_ms) override;
  void on_turn_end() override {}
  void on_tick(std::int64_t) override {}

  const std::unique_ptr<domain::Clock> clock_;
  const Answer answer_;
  transport::Document document_;
  transport::RouterLink link_;
};

// WELCOME of a broker that has events up to `last_seq` and room for more.
std::string welcome(domain::Seq last_seq);

}  // namespace outboxd::e2e
