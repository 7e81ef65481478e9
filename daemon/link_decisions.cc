#include "daemon/link_decisions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "domain/origin.h"
#include "domain/time_format.h"
#include "systemd/log.h"
#include "transport/link/frames.h"

namespace outboxd::daemon {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using domain::Seq;
using domain::Status;
using domain::StoreIdentity;
using transport::LinkState;
using Effects = std::vector<std::string>;

constexpr std::string_view kAcceptBroker = "accept-broker";
constexpr std::string_view kNewLife = "new-life";
constexpr std::string_view kTakeOver = "take-over";
// A unit of work is bounded, so that requests are served in between.
constexpr Seq kHeldAtATime = 256;

std::string range_text(Seq first, Seq last) {
  return "events " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

std::vector<std::string_view> LinkDecisions::applicable() const {
  const LinkStatus& link = parts_.relay.status();
  if (link.state == LinkState::kFenced) return {kTakeOver};
  if (link.state != LinkState::kConflict) return {};
  const std::string& code = link.conflict.code;
  if (code == transport::conflict_code::kOtherBroker ||
      code == transport::conflict_code::kBrokerBehind) {
    return {kAcceptBroker};
  }
  return {kNewLife};
}

Status LinkDecisions::check_applies(std::string_view command) const {
  if (is_holding_) {
    return Error{ErrorCode::kInvalidState, "another decision about the link is being carried out",
                 ""};
  }
  const auto commands = applicable();
  if (std::find(commands.begin(), commands.end(), command) != commands.end()) {
    return domain::ok_status();
  }
  const LinkStatus& link = parts_.relay.status();
  std::string state(name_of(link.state));
  if (link.state == LinkState::kConflict) state += " (" + link.conflict.code + ")";
  return Error{ErrorCode::kInvalidState,
               std::string(command) + " does not apply: the link is " + state +
                   (commands.empty() ? std::string() : "; try " + std::string(commands.front())),
               ""};
}

Result<Effects> LinkDecisions::accept_broker(bool dry_run) {
  OUTBOXD_TRY(check_applies(kAcceptBroker));
  const transport::LinkConflict& conflict = parts_.relay.status().conflict;
  const domain::OutboxProgress progress = parts_.progress();
  Effects effects;
  if (conflict.last_seq < progress.completed_seq) {
    effects.push_back(
        range_text(conflict.last_seq + 1, progress.completed_seq) +
        " are neither there nor here: outbox.entry_lost is published in their places");
  }
  const Seq first_here = std::max(conflict.last_seq, progress.completed_seq) + 1;
  if (first_here < progress.next_seq) {
    effects.push_back(range_text(first_here, progress.next_seq - 1) +
                      " are sent; what the broker before had handed to consumers of them, this one "
                      "hands out again");
  }
  effects.push_back("the box goes on with the broker that answers now" +
                    (conflict.history.empty() ? "" : ", whose store is " + conflict.history));
  StoreIdentity identity = parts_.keeper.identity();
  identity.history = conflict.history;
  return decide(std::move(identity), std::move(effects), dry_run, /*accept_loss=*/true);
}

Result<StoreIdentity> LinkDecisions::next_life() const {
  OUTBOXD_TRY(check_applies(kNewLife));
  StoreIdentity identity = parts_.keeper.identity();
  identity.life = std::max(identity.life, parts_.relay.status().conflict.life) + 1;
  if (domain::origin_name(identity.producer, identity.life)) return identity;
  return Error{ErrorCode::kInvalidState,
               "the name " + identity.producer +
                   " is too long for another life of it; give this box a data directory of its own",
               ""};
}

void LinkDecisions::new_life(Pending pending, bool dry_run, Done done) {
  Result<StoreIdentity> next = next_life();
  if (!next) return done(next.error());
  StoreIdentity identity = *std::move(next);
  const domain::OutboxProgress progress = parts_.progress();
  const bool is_held = pending == Pending::kHold;
  const Seq last = progress.next_seq - 1;
  identity.base_seq = is_held ? last : progress.completed_seq;
  Effects effects;
  effects.push_back("producer " + identity.producer + " begins life " +
                    std::to_string(identity.life) +
                    " with this store; the store that had the name is refused from then on");
  if (progress.completed_seq < last) {
    const std::string events = range_text(progress.completed_seq + 1, last);
    effects.push_back(
        is_held ? events + " move to the dead letters, to be replayed or discarded one by one"
                : events +
                      " are sent in the new life; those that the life before delivered reach "
                      "consumers a second time");
  }
  if (progress.completed_seq < last) {
    effects.push_back(
        "what the life before charged, and whose record was only in this store, is charged again "
        "for an order "
        "that is sent or replayed: see the gateway's books first");
  }
  if (dry_run || !is_held)
    return done(decide(std::move(identity), std::move(effects), dry_run, false));
  // The letters are durable before the numbers are given up (G5).
  is_holding_ = true;
  hold_pending(progress.completed_seq + 1, last,
               [this, identity = std::move(identity), effects = std::move(effects),
                done = std::move(done)]() mutable {
                 is_holding_ = false;
                 done(decide(std::move(identity), std::move(effects), false, false));
               });
}

Result<Effects> LinkDecisions::take_over(bool dry_run) {
  OUTBOXD_TRY(check_applies(kTakeOver));
  const std::uint64_t theirs = parts_.relay.status().conflict.epoch;
  Effects effects = {"this process takes an epoch above " + std::to_string(theirs) +
                     ", and the process that has it is fenced"};
  if (dry_run) return effects;
  if (theirs == std::numeric_limits<std::uint64_t>::max()) {
    return Error{ErrorCode::kInvalidState, "there is no epoch above theirs; use new-life", ""};
  }
  OUTBOXD_ASSIGN_OR_RETURN(const std::uint64_t epoch, parts_.keeper.take_epoch_above(theirs));
  systemd::log_notice("people decided: take over", {{"epoch", epoch}});
  transport::RelayLinkOptions link = parts_.relay.link_options();
  link.epoch = epoch;
  OUTBOXD_TRY(parts_.relay.restart(std::move(link)));
  return effects;
}

// What was decided is durable before the link begins anew by it.
Result<Effects> LinkDecisions::decide(StoreIdentity identity, Effects effects, bool dry_run,
                                      bool accept_loss) {
  if (dry_run) return effects;
  std::string decision = domain::rfc3339(parts_.clock.wall_ms());
  for (const std::string& effect : effects) decision += " · " + effect;
  OUTBOXD_TRY(parts_.keeper.remember(identity, decision));
  systemd::log_notice("people decided about the link", {{"decision", decision}});
  transport::RelayLinkOptions link = parts_.relay.link_options();
  link.life = identity.life;
  link.base_seq = identity.base_seq;
  link.history = identity.history;
  link.accept_loss = accept_loss;
  OUTBOXD_TRY(parts_.relay.restart(std::move(link)));
  return effects;
}

// In pieces, each of them durable before the next; then calls `then`.
void LinkDecisions::hold_pending(Seq from, Seq through, std::function<void()> then) {
  if (from > through) return then();
  const Seq last = std::min(through, from + kHeldAtATime - 1);
  std::vector<Seq> held;
  parts_.core.record([&](domain::UnitOfWork& work) -> Status {
    for (Seq seq = from; seq <= last; ++seq) {
      OUTBOXD_ASSIGN_OR_RETURN(const auto entry, work.outbox().find_pending(seq));
      if (!entry) continue;
      OUTBOXD_TRY(work.outbox().bury(seq, "held when a new life began", parts_.clock.wall_ms()));
      held.push_back(seq);
    }
    return domain::ok_status();
  });
  for (const Seq seq : held) parts_.buried(seq);
  parts_.core.apply(
      [](domain::UnitOfWork& work) {
        work.touch();
        return domain::ok_status();
      },
      [this, next = last + 1, through, then = std::move(then)](const Status&) mutable {
        hold_pending(next, through, std::move(then));
      });
}

}  // namespace outboxd::daemon
