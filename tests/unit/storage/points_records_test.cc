#include "storage/points_records.h"

#include <limits>

#include <gmock/gmock.h>

#include "storage/families.h"
#include "tests/unit/storage/encoded.h"

namespace outboxd::storage {
namespace {

using domain::ReservationSnapshot;
using domain::ReservationStatus;
using domain::WalletSnapshot;
using testing::HasSubstr;

constexpr domain::Points kMost = std::numeric_limits<domain::Points>::max();

domain::UserId ada() {
  return domain::UserId::parse("ada").value();
}

ReservationSnapshot full_reservation() {
  ReservationSnapshot reservation{.reservation_id = domain::ReservationId::parse("r-1").value(),
                                  .user_id = ada(),
                                  .item_id = domain::ItemId::parse("seat-1").value(),
                                  .price_points = kMost,
                                  .status = ReservationStatus::kPaid,
                                  .hold_ttl_ms = 5,
                                  .expires_elapsed_ms = kMost / 2,
                                  .held_until_ms = -1,
                                  .paid_at_ms = -2,
                                  .created_at_ms = -3,
                                  .updated_at_ms = kMost,
                                  .failure = "f",
                                  .token_digest = std::string("\x00\xff", 2),
                                  .held_seq = 17};
  reservation.settled_seq = std::numeric_limits<std::uint64_t>::max();
  return reservation;
}

ReservationSnapshot sparse_reservation() {
  ReservationSnapshot reservation = full_reservation();
  reservation.status = ReservationStatus::kHeld;
  reservation.hold_ttl_ms.reset();
  reservation.paid_at_ms.reset();
  reservation.failure.clear();
  reservation.token_digest.clear();
  return reservation;
}

TEST(PointsRecords, AWalletComesBackAsItWas) {
  for (const WalletSnapshot& wallet :
       {WalletSnapshot{.user_id = ada()}, WalletSnapshot{ada(), 90, 40},
        WalletSnapshot{ada(), kMost, kMost}}) {
    EXPECT_EQ(decode_wallet("ada", encoded(wallet)).value(), wallet);
  }
}

TEST(PointsRecords, AWalletThatPaidMoreThanItHadIsDamaged) {
  EXPECT_FALSE(decode_wallet("ada", encoded(WalletSnapshot{ada(), 40, 41})).ok());
  EXPECT_FALSE(decode_wallet("ada", encoded(WalletSnapshot{ada(), -1, -1})).ok());
  EXPECT_FALSE(decode_wallet("ada", encoded(WalletSnapshot{ada(), 5, -1})).ok());
  EXPECT_THAT(decode_wallet("ada", "").error().message, HasSubstr("wallet 'ada'"));
}

TEST(PointsRecords, DepositsAndDeductionsComeBackAsTheyWere) {
  const domain::DepositRecord deposit{domain::DepositId::parse("d-1").value(), ada(), kMost, -1};
  EXPECT_EQ(decode_deposit("d-1", encoded(deposit)).value(), deposit);
  const domain::DeductionRecord deduction{domain::ReservationId::parse("r-1").value(), ada(), 1, 2};
  EXPECT_EQ(decode_deduction("r-1", encoded(deduction)).value(), deduction);
}

TEST(PointsRecords, RecordsOfNoPointsAreDamaged) {
  const auto id = domain::DepositId::parse("d-1").value();
  for (const domain::Points points : {domain::Points{0}, domain::Points{-1}}) {
    EXPECT_FALSE(decode_deposit("d-1", encoded(domain::DepositRecord{id, ada(), points, 1})).ok());
  }
  EXPECT_FALSE(decode_deposit("not an id", encoded(domain::DepositRecord{id, ada(), 1, 1})).ok());
}

TEST(PointsRecords, AReservationComesBackAsItWasWithEveryFieldInUseAndWithNone) {
  for (const ReservationSnapshot& reservation : {full_reservation(), sparse_reservation()}) {
    EXPECT_EQ(decode_reservation("r-1", encoded(reservation)).value(), reservation);
  }
}

TEST(PointsRecords, AReservationIsPaidExactlyIfItSaysWhenAndWithWhat) {
  ReservationSnapshot reservation = full_reservation();
  reservation.token_digest.clear();
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  reservation = full_reservation();
  reservation.paid_at_ms.reset();
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  reservation = sparse_reservation();
  reservation.paid_at_ms = 1;
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  reservation = sparse_reservation();
  reservation.token_digest = "d";
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
}

TEST(PointsRecords, AReservationWithFieldsThatNoneHasIsRefused) {
  EXPECT_FALSE(decode_reservation("not an id", encoded(full_reservation())).ok());
  ReservationSnapshot reservation = sparse_reservation();
  reservation.price_points = 0;
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  reservation = sparse_reservation();
  reservation.expires_elapsed_ms = -1;
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  reservation.expires_elapsed_ms = kMost;
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  reservation = sparse_reservation();
  reservation.status = static_cast<ReservationStatus>(4);
  EXPECT_FALSE(decode_reservation("r-1", encoded(reservation)).ok());
  EXPECT_THAT(decode_reservation("r-9", "").error().message, HasSubstr("reservation 'r-9'"));
}

TEST(PointsRecords, AClaimComesBackAsItWas) {
  const auto holder = domain::ReservationId::parse("r-1").value();
  std::string bytes;
  encode_claim(holder, bytes);
  EXPECT_EQ(decode_claim("seat-1", bytes).value(), holder);
  EXPECT_THAT(decode_claim("seat-1", "\x01\x91\xa1 ").error().message, HasSubstr("'seat-1'"));
}

TEST(PointsRecords, AHoldIsInItsKeyAndKeysAreInTheOrderOfTheDeadlines) {
  const auto name = [](std::int64_t deadline_ms) { return hold_key(deadline_ms, "r-1").substr(1); };
  for (const std::int64_t deadline_ms : {std::int64_t{0}, std::int64_t{256}, kMost}) {
    const domain::LiveHold hold{deadline_ms, domain::ReservationId::parse("r-1").value()};
    EXPECT_EQ(decode_hold(name(deadline_ms)).value(), hold);
  }
  EXPECT_LT(name(255), name(256));
  EXPECT_LT(name(70'000), name(kMost));
}

TEST(PointsRecords, AHoldWithoutDeadlineOrReservationIsDamaged) {
  EXPECT_FALSE(decode_hold("").ok());
  EXPECT_FALSE(decode_hold("1234567").ok());
  EXPECT_FALSE(decode_hold("12345678").ok());
  EXPECT_FALSE(decode_hold("\xff\xff\xff\xff\xff\xff\xff\xffr-1").ok());
}

}  // namespace
}  // namespace outboxd::storage
