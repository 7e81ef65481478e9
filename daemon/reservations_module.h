// The reservations module: items held and sold for points.
#pragma once

#include <cstdint>

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/hold_expiry.h"
#include "daemon/in_process_events.h"
#include "daemon/services/reservation_service.h"
#include "daemon/services/wallet_service.h"
#include "domain/access_token.h"
#include "domain/clock.h"
#include "domain/store.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

struct ReservationsModuleParts {
  Core& core;
  transport::Server& server;
  domain::DurableReader& reader;
  InProcessEvents& events;
  const domain::Clock& clock;
  const domain::ElapsedTime& elapsed;
  domain::IdGenerator& ids;
  std::int64_t hold_ttl_ms = 0;
  std::int64_t token_ttl_ms = 0;
};

// What people want to know about it.
struct ReservationFigures {
  std::int64_t live_holds = 0;              // HELD, and durable
  std::uint64_t tokens = 0;                 // that were not used, and may have expired unnoticed
  std::uint64_t sold = 0;                   // since the start
  std::uint64_t token_expiry_failures = 0;  // side steps of sales; the sales stand
};

// Puts the use cases, their methods and their clockwork together. The token that a reservation was
// paid with expires in the process, after the commit and without broker or disk. Core thread only;
// constructed before the first use case runs, and the parts outlive it.
class ReservationsModule {
 public:
  explicit ReservationsModule(ReservationsModuleParts parts);

  void add_methods(MethodTable& methods);

  // Ends holds whose time is over, a bounded number. True when there are more.
  bool expire_holds() { return expiry_.step(); }

  // A hold may end one day: elapsed time has to be kept.
  [[nodiscard]] bool needs_time() const { return expiry_.is_waiting(); }

  [[nodiscard]] ReservationFigures figures() const;

 private:
  void listen();

  const ReservationsModuleParts parts_;
  domain::AccessTokens tokens_;
  WalletService wallets_;
  ReservationService reservations_;
  HoldExpiry expiry_;
  std::int64_t live_holds_ = 0;
  std::uint64_t sold_ = 0;
};

}  // namespace outboxd::daemon
