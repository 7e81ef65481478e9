// The box office of the scripted run: the real services sell seats for points, by a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/outbox_publisher.h"
#include "daemon/services/reservation_service.h"
#include "daemon/services/wallet_service.h"
#include "domain/store.h"

namespace outboxd::fault {

// What a client asks for, as often as it takes: the ids are its own.
struct PointsRequest {
  enum class Kind : std::uint8_t { kDeposit, kHold, kPay, kCancel, kExpire };

  Kind kind = Kind::kDeposit;
  std::string id;  // of the deposit or the reservation
  std::string user;
  std::string item;           // kHold
  domain::Points points = 0;  // kDeposit, kHold
  std::int64_t ttl_ms = 0;    // kHold
  std::string token;          // kPay
};

// What the store should hold, kept beside the services and without them.
struct PointsBooks {
  struct Account {
    domain::Points deposited = 0;
    domain::Points paid = 0;
    friend bool operator==(const Account&, const Account&) = default;
  };
  struct Sale {
    std::string user;
    std::string item;
    domain::Points price = 0;
    std::int64_t expires_elapsed_ms = 0;
    domain::ReservationStatus status = domain::ReservationStatus::kHeld;
    friend bool operator==(const Sale&, const Sale&) = default;
  };

  std::map<std::string, Account> accounts;  // by user
  std::map<std::string, Sale> sales;        // by reservation

  friend bool operator==(const PointsBooks&, const PointsBooks&) = default;
};

// The services of one process over injected time and a fresh set of tokens.
class PointsServices final : public domain::Clock,
                             public domain::ElapsedTime,
                             public domain::IdGenerator {
 public:
  explicit PointsServices(std::int64_t elapsed_ms) : elapsed_ms_(elapsed_ms) {}

  // Carries `request` out on `work`. True: it was known already, and nothing is written.
  domain::Result<bool> serve(const PointsRequest& request, domain::UnitOfWork& work);

  std::string issue_token(const std::string& user);
  void expire_token(const std::string& token);
  void pass_ms(std::int64_t ms) { elapsed_ms_ += ms; }

  domain::TimestampMs wall_ms() const override { return 1291161600000; }
  std::int64_t monotonic_ms() const override { return elapsed_ms_; }
  std::int64_t elapsed_ms() const override { return elapsed_ms_; }
  std::string next() override;

 private:
  std::int64_t elapsed_ms_;
  std::uint64_t tokens_issued_ = 0;
  daemon::OutboxPublisher::Backlog backlog_{.max_entries = 1};  // never more than the 0 entries
  daemon::OutboxPublisher publisher_{backlog_};
  domain::AccessTokens tokens_{*this};
  daemon::WalletService wallets_{*this};
  daemon::ReservationService reservations_{{.publisher = publisher_,
                                            .clock = *this,
                                            .elapsed = *this,
                                            .tokens = tokens_,
                                            .hold_ttl_ms = 1000}};
};

// Deposits, holds, payments, cancellations and expiries of a few users who want the same few seats,
// and what their clients send again because they lost the answer. A request that the books say must
// succeed and that is refused, or the reverse, is a complaint.
class BoxOffice {
 public:
  explicit BoxOffice(std::uint64_t seed) : random_(seed) {}

  // Adds one group's units of work to the group that `store` is building.
  domain::Status fill_group(domain::Store& store);

  // The requests of a group are durable: their tokens expire.
  void note_durable(const std::vector<PointsRequest>& group);

  [[nodiscard]] const PointsBooks& books() const { return books_; }

  // The requests that were accepted into the group filled last.
  [[nodiscard]] const std::vector<PointsRequest>& newest_group() const { return group_; }

  // What was accepted, by kind; how often something was sent again, and refused.
  struct Counts {
    std::map<PointsRequest::Kind, std::uint64_t> accepted;
    std::uint64_t repeated = 0;
    std::uint64_t refused = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  [[nodiscard]] std::int64_t elapsed_ms() const { return services_.elapsed_ms(); }

 private:
  void ask(const PointsRequest& request, domain::Store& store);
  void repeat_one(domain::Store& store);
  PointsRequest random_request();
  PointsRequest random_deposit();
  PointsRequest random_hold();
  std::map<std::string, PointsBooks::Sale>::const_iterator random_sale();
  [[nodiscard]] bool should_succeed(const PointsRequest& request) const;
  void enter(const PointsRequest& request);
  std::size_t below(std::size_t bound);

  std::mt19937_64 random_;
  PointsServices services_{5000};
  PointsBooks books_;
  std::vector<PointsRequest> group_;
  std::vector<PointsRequest> accepted_;  // ever
  std::uint64_t ids_made_ = 0;
  Counts counts_;
  std::vector<std::string> complaints_;
};

}  // namespace outboxd::fault
