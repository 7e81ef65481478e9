// What selling for points stands on in its tests: the stage of services, the use cases, their
// events in the process, and an elapsed time that the test sets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/in_process_events.h"
#include "daemon/services/reservation_service.h"
#include "daemon/services/wallet_service.h"
#include "domain/access_token.h"
#include "tests/support/manual_elapsed_time.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {

class NumberedTokens : public domain::IdGenerator {
 public:
  std::string next() override { return "token-" + std::to_string(++last_); }

 private:
  int last_ = 0;
};

class SalesStage {
 public:
  template <typename Id>
  static Id id(std::string_view text) {
    return Id::parse(text).value();
  }

  // As the core does.
  template <typename UseCase>
  auto run(UseCase use_case) {
    auto result = services.run(std::move(use_case));
    if (auto follow_up = events.unit_ended(result.ok()))
      follow_ups_.push_back(std::move(follow_up));
    return result;
  }

  static constexpr std::int64_t kHoldTtlMs = 600'000;
  static constexpr std::int64_t kTokenTtlMs = 900'000;

  // Events go to the stage's outbox, unless the composition chose another publisher.
  SalesStage() : events(services.publisher) { listen(); }
  explicit SalesStage(domain::EventPublisher& publisher) : events(publisher) { listen(); }

  void deposit(std::string_view user, domain::Points points) {
    const Deposit request{domain::DepositId::parse("d-" + std::to_string(++deposits_)).value(),
                          id<domain::UserId>(user), points};
    OUTBOXD_CHECK(services.run([&](auto& work) { return wallets.deposit(request, work); }).ok());
  }
  domain::Points points_of(std::string_view user) {
    return services.run([&](auto& work) { return wallets.get(id<domain::UserId>(user), work); })
        .value()
        .points();
  }

  domain::Result<ReservationOutcome> hold(std::string_view reservation, std::string_view user,
                                          std::string_view item, domain::Points price = 100,
                                          std::optional<std::int64_t> ttl_ms = {}) {
    return run([&](auto& work) {
      return reservations.hold({.reservation_id = id<domain::ReservationId>(reservation),
                                .user_id = id<domain::UserId>(user),
                                .item_id = id<domain::ItemId>(item),
                                .price_points = price,
                                .ttl_ms = ttl_ms},
                               work);
    });
  }
  domain::Result<ReservationOutcome> pay(std::string_view reservation, std::string_view user,
                                         const std::string& token) {
    const ReservationPayment request{id<domain::ReservationId>(reservation),
                                     id<domain::UserId>(user), token};
    return run([&](auto& work) { return reservations.pay(request, work); });
  }
  domain::Result<ReservationOutcome> cancel(std::string_view reservation, std::string reason) {
    return run([&](auto& work) {
      return reservations.cancel(id<domain::ReservationId>(reservation), std::move(reason), work);
    });
  }
  domain::ReservationSnapshot get(std::string_view reservation) {
    return services
        .run([&](auto& work) {
          return reservations.get(id<domain::ReservationId>(reservation), work);
        })
        .value();
  }

  std::string issue_token(std::string_view user) {
    return tokens.issue(id<domain::UserId>(user), kTokenTtlMs, services.clock.monotonic_ms())
        .value();
  }

  // By all clocks.
  void pass(std::int64_t ms) {
    services.clock.now_ms += ms;
    elapsed.now_ms += ms;
    services.store.set_elapsed(elapsed.now_ms);
  }

  // Everything so far is durable, and who waits for that is told.
  void commit() {
    services.commit();
    for (const auto& follow_up : std::exchange(follow_ups_, {})) follow_up(domain::ok_status());
  }

  ServiceStage services;
  support::ManualElapsedTime elapsed;
  NumberedTokens token_ids;
  domain::AccessTokens tokens{token_ids};
  InProcessEvents events;
  WalletService wallets{services.clock};
  ReservationService reservations{{.publisher = events,
                                   .clock = services.clock,
                                   .elapsed = elapsed,
                                   .tokens = tokens,
                                   .hold_ttl_ms = kHoldTtlMs}};

 private:
  void listen() {
    events.after_commit("reservation.paid", [this](const domain::DomainEvent& event) {
      tokens.expire(std::get<domain::ReservationSnapshot>(event.payload).token_digest);
      return domain::ok_status();
    });
  }

  int deposits_ = 0;
  std::vector<GroupCommit::WhenDurable> follow_ups_;
};

}  // namespace outboxd::daemon
