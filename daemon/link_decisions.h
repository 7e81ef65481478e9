// The ways out of a link that cannot go on by itself (G14): people decide, the box does it and
// remembers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core.h"
#include "daemon/relay.h"
#include "domain/clock.h"
#include "domain/store.h"
#include "domain/store_identity.h"

namespace outboxd::daemon {

struct LinkDecisionsParts {
  domain::IdentityKeeper& keeper;
  Relay& relay;
  Core& core;
  const domain::Clock& clock;
  std::function<domain::OutboxProgress()> progress;
  std::function<void(domain::Seq)> buried;  // a unit of work that buries an entry was accepted
};

// What becomes of pending events that the life before may have delivered.
enum class Pending : std::uint8_t { kSend, kHold };

// Explains the state of the link, and carries out one of the commands that lead out of it. Each
// first says what it would do, and refuses where it does not apply. Core thread only; the parts
// outlive it.
class LinkDecisions {
 public:
  explicit LinkDecisions(LinkDecisionsParts parts) : parts_(std::move(parts)) {}

  // The names of the commands that apply now.
  [[nodiscard]] std::vector<std::string_view> applicable() const;

  // Each returns what it did, or with `dry_run` would do, in sentences. Error: invalid_state when
  // it does not apply now; internal when the decision could not be kept (the daemon stops then,
  // G10).
  domain::Result<std::vector<std::string>> accept_broker(bool dry_run);
  domain::Result<std::vector<std::string>> take_over(bool dry_run);

  // The same; `done` is called when it is done, later where events are held first.
  using Done = std::function<void(domain::Result<std::vector<std::string>>)>;
  void new_life(Pending pending, bool dry_run, Done done);

 private:
  [[nodiscard]] domain::Status check_applies(std::string_view command) const;
  domain::Result<std::vector<std::string>> decide(domain::StoreIdentity identity,
                                                  std::vector<std::string> effects, bool dry_run,
                                                  bool accept_loss);
  [[nodiscard]] domain::Result<domain::StoreIdentity> next_life() const;
  void hold_pending(domain::Seq from, domain::Seq through, std::function<void()> then);

  const LinkDecisionsParts parts_;
  bool is_holding_ = false;  // a new life waits for the events that it holds
};

}  // namespace outboxd::daemon
