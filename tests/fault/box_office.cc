#include "tests/fault/box_office.h"

#include <iterator>
#include <utility>

namespace outboxd::fault {
namespace {

using domain::ReservationStatus;
using domain::Result;
using Kind = PointsRequest::Kind;

constexpr std::size_t kUsers = 3;
constexpr std::size_t kItems = 5;
constexpr std::size_t kMaxUnits = 5;

domain::UserId user_of(const PointsRequest& request) {
  return *domain::UserId::parse(request.user);
}
domain::ReservationId reservation_of(const PointsRequest& request) {
  return *domain::ReservationId::parse(request.id);
}

template <typename Outcome>
Result<bool> replayed(const Result<Outcome>& outcome) {
  if (!outcome) return outcome.error();
  return outcome->replayed;
}

Result<bool> done(const domain::Status& status) {
  if (!status) return status.error();
  return false;
}

bool takes_item(const PointsBooks::Sale& sale, std::int64_t elapsed_ms) {
  return sale.status == ReservationStatus::kPaid ||
         (sale.status == ReservationStatus::kHeld && sale.expires_elapsed_ms > elapsed_ms);
}

}  // namespace

Result<bool> PointsServices::serve(const PointsRequest& request, domain::UnitOfWork& work) {
  switch (request.kind) {
    case Kind::kDeposit:
      return replayed(wallets_.deposit({.deposit_id = *domain::DepositId::parse(request.id),
                                        .user_id = user_of(request),
                                        .points = request.points},
                                       work));
    case Kind::kHold:
      return replayed(reservations_.hold({.reservation_id = reservation_of(request),
                                          .user_id = user_of(request),
                                          .item_id = *domain::ItemId::parse(request.item),
                                          .price_points = request.points,
                                          .ttl_ms = request.ttl_ms},
                                         work));
    case Kind::kPay:
      return replayed(reservations_.pay({.reservation_id = reservation_of(request),
                                         .user_id = user_of(request),
                                         .token = request.token},
                                        work));
    case Kind::kCancel:
      return replayed(reservations_.cancel(reservation_of(request), "changed my mind", work));
    case Kind::kExpire: return done(reservations_.expire(reservation_of(request), work));
  }
  OUTBOXD_CHECK(false);
}

std::string PointsServices::issue_token(const std::string& user) {
  return tokens_.issue(*domain::UserId::parse(user), domain::kMaxTokenTtlMs, elapsed_ms_).value();
}

void PointsServices::expire_token(const std::string& token) {
  tokens_.expire(domain::token_digest_of(token));
}

std::string PointsServices::next() {
  return "token-" + std::to_string(++tokens_issued_);
}

// The first request of a group is a deposit, so that every group has something to write.
domain::Status BoxOffice::fill_group(domain::Store& store) {
  group_.clear();
  ask(random_deposit(), store);
  for (std::size_t units = below(kMaxUnits); units > 0; --units) {
    services_.pass_ms(static_cast<std::int64_t>(below(100)));
    below(4) == 0 ? repeat_one(store) : ask(random_request(), store);
  }
  return domain::ok_status();
}

void BoxOffice::note_durable(const std::vector<PointsRequest>& group) {
  for (const PointsRequest& request : group) {
    if (request.kind == Kind::kPay) services_.expire_token(request.token);
  }
}

void BoxOffice::ask(const PointsRequest& request, domain::Store& store) {
  const bool should = should_succeed(request);
  const Result<bool> outcome = services_.serve(request, store.begin());
  if (outcome.ok() != should) {
    complaints_.push_back("request " + request.id + " was " +
                          (outcome ? "accepted" : "refused: " + outcome.error().message));
  }
  if (!outcome) {
    store.discard();
    ++counts_.refused;
    return;
  }
  if (*outcome) complaints_.push_back("G4: request " + request.id + " is new and was replayed");
  store.accept();
  enter(request);
  group_.push_back(request);
  accepted_.push_back(request);
  ++counts_.accepted[request.kind];
}

// A client that lost its answer asks again; one that reuses an id for something else is refused.
void BoxOffice::repeat_one(domain::Store& store) {
  PointsRequest request = accepted_[below(accepted_.size())];
  if (request.kind == Kind::kExpire) return;
  const bool takes_points = request.kind == Kind::kDeposit || request.kind == Kind::kHold;
  const bool is_other = takes_points && below(2) == 0;
  if (is_other) ++request.points;
  const Result<bool> outcome = services_.serve(request, store.begin());
  store.discard();
  ++counts_.repeated;
  const bool is_right = is_other
                            ? !outcome && outcome.error().code == domain::ErrorCode::kIdConflict
                            : outcome.ok() && *outcome;
  if (!is_right) complaints_.push_back("G4: " + request.id + " is not known again");
}

PointsRequest BoxOffice::random_deposit() {
  return {.kind = Kind::kDeposit,
          .id = "deposit-" + std::to_string(++ids_made_),
          .user = "user-" + std::to_string(below(kUsers)),
          .points = 1 + static_cast<domain::Points>(below(60))};
}

PointsRequest BoxOffice::random_hold() {
  return {.kind = Kind::kHold,
          .id = "reservation-" + std::to_string(++ids_made_),
          .user = "user-" + std::to_string(below(kUsers)),
          .item = "seat-" + std::to_string(below(kItems) + ids_made_ / 8),
          .points = 1 + static_cast<domain::Points>(below(80)),
          .ttl_ms = 1 + static_cast<std::int64_t>(below(600))};
}

// Something that a reservation can or cannot bear, of one that is HELD for the most part; or a new
// hold.
PointsRequest BoxOffice::random_request() {
  const std::size_t choice = below(8);
  if (choice < 3 || books_.sales.empty()) return random_hold();
  auto chosen = random_sale();
  for (int tries = 0; tries < 20 && chosen->second.status != ReservationStatus::kHeld; ++tries) {
    chosen = random_sale();
  }
  PointsRequest request{.id = chosen->first, .user = chosen->second.user};
  const bool is_cancelled = chosen->second.status == ReservationStatus::kCancelled;
  if (choice == 3 && !is_cancelled) {
    request.kind = Kind::kCancel;
  } else if (choice == 4) {
    request.kind = Kind::kExpire;
  } else {
    request.kind = Kind::kPay;
    if (below(6) == 0) request.user = "user-" + std::to_string(below(kUsers));
    request.token = services_.issue_token(request.user);
  }
  return request;
}

std::map<std::string, PointsBooks::Sale>::const_iterator BoxOffice::random_sale() {
  return std::next(books_.sales.cbegin(), static_cast<std::ptrdiff_t>(below(books_.sales.size())));
}

bool BoxOffice::should_succeed(const PointsRequest& request) const {
  const std::int64_t now_ms = services_.elapsed_ms();
  if (request.kind == Kind::kDeposit) return true;
  if (request.kind == Kind::kHold) {
    for (const auto& [id, sale] : books_.sales) {
      if (sale.item == request.item && takes_item(sale, now_ms)) return false;
    }
    return true;
  }
  const PointsBooks::Sale& sale = books_.sales.at(request.id);
  if (sale.status != ReservationStatus::kHeld) return false;
  const bool is_over = sale.expires_elapsed_ms <= now_ms;
  if (request.kind == Kind::kExpire) return is_over;
  if (request.kind == Kind::kCancel) return true;
  const auto account = books_.accounts.find(request.user);
  return !is_over && sale.user == request.user && account != books_.accounts.end() &&
         account->second.deposited - account->second.paid >= sale.price;
}

void BoxOffice::enter(const PointsRequest& request) {
  if (request.kind == Kind::kDeposit) {
    books_.accounts[request.user].deposited += request.points;
    return;
  }
  if (request.kind == Kind::kHold) {
    for (auto& [id, sale] : books_.sales) {
      const bool is_over = sale.item == request.item && sale.status == ReservationStatus::kHeld;
      if (is_over) sale.status = ReservationStatus::kExpired;
    }
    books_.sales[request.id] = {.user = request.user,
                                .item = request.item,
                                .price = request.points,
                                .expires_elapsed_ms = services_.elapsed_ms() + request.ttl_ms};
    return;
  }
  PointsBooks::Sale& sale = books_.sales.at(request.id);
  sale.status = request.kind == Kind::kPay      ? ReservationStatus::kPaid
                : request.kind == Kind::kCancel ? ReservationStatus::kCancelled
                                                : ReservationStatus::kExpired;
  if (request.kind == Kind::kPay) books_.accounts[request.user].paid += sale.price;
}

std::size_t BoxOffice::below(std::size_t bound) {
  return static_cast<std::size_t>(random_() % bound);
}

}  // namespace outboxd::fault
