#include "domain/reservation.h"

#include <limits>

#include <gmock/gmock.h>

namespace outboxd::domain {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kDefaultTtlMs = 600'000;
constexpr Moment kHeldAt{.wall_ms = 1'000'000, .elapsed_ms = 5'000};
constexpr Moment kLastMoment{.wall_ms = 3, .elapsed_ms = 5'000 + kDefaultTtlMs - 1};
constexpr Moment kTooLate{.wall_ms = 3, .elapsed_ms = 5'000 + kDefaultTtlMs};

NewReservation wish(Points price_points = 50) {
  return {.reservation_id = ReservationId::parse("r-1").value(),
          .user_id = UserId::parse("ada").value(),
          .item_id = ItemId::parse("seat-1").value(),
          .price_points = price_points,
          .ttl_ms = std::nullopt};
}

Reservation held() {
  return Reservation::hold(wish(), kDefaultTtlMs, kHeldAt).value();
}

// The events recorded since the last call, by type.
std::vector<std::string> types_of(EventArchive& events) {
  std::vector<std::string> types;
  for (const DomainEvent& event : events.take()) types.push_back(event.type);
  return types;
}

void expect_refused(const Status& status, const std::string& why) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidState);
  EXPECT_EQ(status.error().argument, "reservation_id");
  EXPECT_THAT(status.error().message, HasSubstr(why));
}

TEST(Reservation, AHoldLastsTheTimeToLiveByBothClocks) {
  const Reservation reservation = held();
  EXPECT_EQ(reservation.snapshot().status, ReservationStatus::kHeld);
  EXPECT_EQ(reservation.snapshot().expires_elapsed_ms, 605'000);
  EXPECT_EQ(reservation.snapshot().held_until_ms, 1'600'000);
  EXPECT_FALSE(reservation.hold_is_over(604'999));
  EXPECT_TRUE(reservation.hold_is_over(605'000));
}

TEST(Reservation, TheCallersTimeToLiveGoesBeforeTheConfiguredOne) {
  NewReservation request = wish();
  request.ttl_ms = 7;
  const Reservation reservation = Reservation::hold(request, kDefaultTtlMs, kHeldAt).value();
  EXPECT_EQ(reservation.snapshot().expires_elapsed_ms, 5'007);
}

TEST(Reservation, EveryChangeIsAnEventWithTheReservationAsItWasThen) {
  Reservation reservation = held();
  const std::vector<DomainEvent> events = reservation.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].topic, "reservations");
  EXPECT_EQ(events[0].key, "r-1");
  EXPECT_EQ(events[0].type, "reservation.held");
  EXPECT_EQ(events[0].time_ms, kHeldAt.wall_ms);
  EXPECT_EQ(std::get<ReservationSnapshot>(events[0].payload), reservation.snapshot());

  ASSERT_TRUE(reservation.pay("digest", kLastMoment).ok());
  EXPECT_THAT(types_of(reservation.events()), testing::ElementsAre("reservation.paid"));
  Reservation cancelled = held();
  ASSERT_TRUE(cancelled.cancel("", kHeldAt).ok());
  EXPECT_THAT(types_of(cancelled.events()),
              testing::ElementsAre("reservation.held", "reservation.cancelled"));
  Reservation expired = held();
  ASSERT_TRUE(expired.expire(kTooLate).ok());
  EXPECT_THAT(types_of(expired.events()),
              testing::ElementsAre("reservation.held", "reservation.expired"));
}

TEST(Reservation, NoOutageIsLongEnoughToLoseItsEvents) {
  Reservation reservation = held();
  ASSERT_TRUE(reservation.pay("digest", kHeldAt).ok());
  for (const DomainEvent& event : reservation.events().take()) {
    EXPECT_EQ(event.ttl_ms, kNeverExpires) << event.type;
  }
}

TEST(Reservation, APaidOneKnowsWhenAndWithWhat) {
  Reservation reservation = held();
  ASSERT_TRUE(reservation.pay("digest", kLastMoment).ok());
  EXPECT_EQ(reservation.snapshot().status, ReservationStatus::kPaid);
  EXPECT_EQ(reservation.snapshot().paid_at_ms, kLastMoment.wall_ms);
  EXPECT_EQ(reservation.snapshot().updated_at_ms, kLastMoment.wall_ms);
  EXPECT_EQ(reservation.snapshot().token_digest, "digest");
}

TEST(Reservation, AHoldThatIsOverCannotBePaidAndStaysAsItIs) {
  Reservation reservation = held();
  const ReservationSnapshot before = reservation.snapshot();
  expect_refused(reservation.pay("digest", kTooLate), "was held until 1970-01-01T00:26:40.000Z");
  EXPECT_EQ(reservation.snapshot(), before);
}

TEST(Reservation, AHoldThatLastsCannotExpire) {
  Reservation reservation = held();
  expect_refused(reservation.expire(kLastMoment), "is HELD for another 1 ms");
  EXPECT_EQ(reservation.snapshot().status, ReservationStatus::kHeld);
}

TEST(Reservation, AWallClockThatJumpsExpiresNothing) {
  Reservation reservation = held();
  const Moment next_year{.wall_ms = 40'000'000'000, .elapsed_ms = 5'001};
  expect_refused(reservation.expire(next_year), "is HELD");
  EXPECT_TRUE(reservation.pay("digest", next_year).ok());
}

TEST(Reservation, WhatHasEndedStaysSo) {
  Reservation paid = held();
  ASSERT_TRUE(paid.pay("digest", kHeldAt).ok());
  Reservation cancelled = held();
  ASSERT_TRUE(cancelled.cancel("no time", kHeldAt).ok());
  Reservation expired = held();
  ASSERT_TRUE(expired.expire(kTooLate).ok());
  for (Reservation* ended : {&paid, &cancelled, &expired}) {
    (void)ended->events().take();
    const ReservationSnapshot before = ended->snapshot();
    const std::string is_what = "is " + std::string(name_of(before.status));
    expect_refused(ended->pay("other", kHeldAt), is_what);
    expect_refused(ended->cancel("other", kHeldAt), is_what);
    expect_refused(ended->expire(kTooLate), is_what);
    EXPECT_EQ(ended->snapshot(), before);
    EXPECT_TRUE(ended->events().take().empty());
  }
}

TEST(Reservation, APriceThatIsNotPositiveIsRefused) {
  for (const Points price : {Points{0}, Points{-1}, std::numeric_limits<Points>::min()}) {
    const auto refused = Reservation::hold(wish(price), kDefaultTtlMs, kHeldAt);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().argument, "price_points");
    EXPECT_THAT(refused.error().message, HasSubstr(std::to_string(price)));
  }
  EXPECT_TRUE(Reservation::hold(wish(std::numeric_limits<Points>::max()), 1, kHeldAt).ok());
}

TEST(Reservation, ATimeToLiveOutOfItsBoundsIsRefused) {
  for (const std::int64_t ttl_ms :
       {std::int64_t{0}, std::int64_t{-5}, kMaxHoldTtlMs + 1,
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    NewReservation request = wish();
    request.ttl_ms = ttl_ms;
    const auto refused = Reservation::hold(request, kDefaultTtlMs, kHeldAt);
    ASSERT_FALSE(refused.ok()) << ttl_ms;
    EXPECT_EQ(refused.error().argument, "ttl_ms");
  }
}

TEST(Reservation, AReasonMustBeTextOfBoundedLength) {
  Reservation reservation = held();
  EXPECT_EQ(
      reservation.cancel(std::string(kMaxCancelReasonBytes + 1, 'x'), kHeldAt).error().argument,
      "reason");
  EXPECT_EQ(reservation.cancel("\xff", kHeldAt).error().argument, "reason");
  EXPECT_EQ(reservation.snapshot().status, ReservationStatus::kHeld);
}

TEST(Reservation, ItIsKnownAgainByAllThatWasAskedFor) {
  const Reservation reservation = held();
  EXPECT_TRUE(reservation.was_held_from(wish()));
  NewReservation other = wish();
  other.user_id = UserId::parse("bob").value();
  EXPECT_FALSE(reservation.was_held_from(other));
  other = wish();
  other.item_id = ItemId::parse("seat-2").value();
  EXPECT_FALSE(reservation.was_held_from(other));
  EXPECT_FALSE(reservation.was_held_from(wish(51)));
  other = wish();
  other.ttl_ms = kDefaultTtlMs;  // the same by chance, and not what was asked
  EXPECT_FALSE(reservation.was_held_from(other));
}

TEST(Reservation, ItKnowsTheNumbersOfItsEvents) {
  Reservation reservation = held();
  reservation.note_published(7);
  ASSERT_TRUE(reservation.pay("digest", kHeldAt).ok());
  reservation.note_published(9);
  EXPECT_EQ(reservation.snapshot().held_seq, 7U);
  EXPECT_EQ(reservation.snapshot().settled_seq, 9U);
}

TEST(ReservationStatus, NamesGoBothWays) {
  for (const auto status : {ReservationStatus::kHeld, ReservationStatus::kPaid,
                            ReservationStatus::kCancelled, ReservationStatus::kExpired}) {
    EXPECT_EQ(parse_reservation_status(name_of(status)).value(), status);
  }
  EXPECT_EQ(parse_reservation_status("held").error().argument, "status");
}

}  // namespace
}  // namespace outboxd::domain
