// What every store promises of wallets and reservations, and of what goes with them by itself: the
// claim on an item, and the order in which holds end.
#include <gmock/gmock.h>

#include "tests/contract/store/store_under_test.h"

namespace outboxd {
namespace {

using domain::LiveHold;
using domain::ReservationSnapshot;
using domain::ReservationStatus;
using domain::UnitOfWork;
using domain::WalletSnapshot;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

domain::UserId user(const std::string& id) {
  return domain::UserId::parse(id).value();
}
domain::ItemId item(const std::string& id) {
  return domain::ItemId::parse(id).value();
}
domain::ReservationId reservation_id(const std::string& id) {
  return domain::ReservationId::parse(id).value();
}

ReservationSnapshot held(const std::string& id, const std::string& item_id,
                         std::int64_t expires_elapsed_ms = 600'000) {
  ReservationSnapshot reservation{.reservation_id = reservation_id(id),
                                  .user_id = user("ada"),
                                  .item_id = item(item_id),
                                  .price_points = 50};
  reservation.hold_ttl_ms = 5;
  reservation.expires_elapsed_ms = expires_elapsed_ms;
  reservation.held_until_ms = -7;
  reservation.created_at_ms = 1;
  reservation.updated_at_ms = 2;
  reservation.held_seq = 3;
  return reservation;
}

ReservationSnapshot settled(ReservationSnapshot reservation, ReservationStatus status) {
  reservation.status = status;
  reservation.settled_seq = 4;
  if (status == ReservationStatus::kPaid) {
    reservation.paid_at_ms = 8;
    reservation.token_digest = std::string("\x00\xff", 2);
  }
  if (status == ReservationStatus::kCancelled) reservation.failure = "changed my mind";
  return reservation;
}

class StorePointsContract : public StoreContract {
 protected:
  void put(const ReservationSnapshot& reservation) {
    run_durably([&](UnitOfWork& work) { EXPECT_TRUE(work.reservations().put(reservation).ok()); });
  }

  std::optional<domain::ReservationId> holder_of(const std::string& item_id) {
    std::optional<domain::ReservationId> holder;
    look([&](UnitOfWork& work) { holder = work.reservations().holder_of(item(item_id)).value(); });
    return holder;
  }

  std::vector<LiveHold> holds(std::int64_t from_elapsed_ms = 0, std::size_t limit = 100) {
    std::vector<LiveHold> seen;
    EXPECT_TRUE(reader()
                    .scan_holds(from_elapsed_ms,
                                [&](const LiveHold& hold) {
                                  seen.push_back(hold);
                                  return seen.size() < limit;
                                })
                    .ok());
    return seen;
  }

  std::vector<std::string> ids_in(std::optional<ReservationStatus> status, std::size_t limit) {
    std::vector<std::string> ids;
    for (domain::Page page{.limit = limit};;) {
      const auto result = reader().list_reservations(status, page).value();
      for (const auto& entry : result.entries) ids.push_back(entry.reservation_id.text());
      if (!result.next) return ids;
      page.after = *result.next;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(AllAdapters, StorePointsContract, testing::ValuesIn(all_adapters()),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(StorePointsContract, AWalletAndItsRecordsAreFoundAsTheyWerePutLast) {
  const domain::DepositRecord deposit{domain::DepositId::parse("d-1").value(), user("ada"), 90, 5};
  const domain::DeductionRecord deduction{reservation_id("r-1"), user("ada"), 40, 6};
  run_durably([&](UnitOfWork& work) {
    work.wallets().put({.user_id = user("ada"), .deposited = 90});
    work.wallets().put_deposit(deposit);
  });
  run_durably([&](UnitOfWork& work) {
    work.wallets().put({.user_id = user("ada"), .deposited = 90, .paid = 40});
    work.wallets().put_deduction(deduction);
  });
  now_and_after_reopening([&] {
    look([&](UnitOfWork& work) {
      const WalletSnapshot wallet = work.wallets().find(user("ada")).value().value();
      EXPECT_EQ(wallet, (WalletSnapshot{.user_id = user("ada"), .deposited = 90, .paid = 40}));
      EXPECT_EQ(wallet.points(), 50);
      EXPECT_THAT(work.wallets().find_deposit(deposit.deposit_id).value(), Optional(deposit));
      EXPECT_THAT(work.wallets().find_deduction(reservation_id("r-1")).value(),
                  Optional(deduction));
    });
  });
}

TEST_P(StorePointsContract, WhatIsOfTheSameNameAndAnotherKindIsNotFound) {
  run_durably([](UnitOfWork& work) {
    work.wallets().put({.user_id = user("x"), .deposited = 1});
    EXPECT_TRUE(work.reservations().put(held("y", "z")).ok());
  });
  now_and_after_reopening([&] {
    look([](UnitOfWork& work) {
      EXPECT_EQ(work.wallets().find(user("y")).value(), std::nullopt);
      EXPECT_EQ(work.wallets().find_deposit(domain::DepositId::parse("x").value()).value(),
                std::nullopt);
      EXPECT_EQ(work.wallets().find_deduction(reservation_id("y")).value(), std::nullopt);
      EXPECT_EQ(work.reservations().find(reservation_id("z")).value(), std::nullopt);
      EXPECT_EQ(work.reservations().holder_of(item("y")).value(), std::nullopt);
    });
  });
}

TEST_P(StorePointsContract, AReservationIsFoundAsItWasPutLastInEveryStatus) {
  for (const auto status : {ReservationStatus::kHeld, ReservationStatus::kPaid,
                            ReservationStatus::kCancelled, ReservationStatus::kExpired}) {
    const std::string id(domain::name_of(status));
    ReservationSnapshot reservation = held(id, "item-" + id);
    put(reservation);
    if (status != ReservationStatus::kHeld) put(reservation = settled(reservation, status));
    now_and_after_reopening([&] {
      look([&](UnitOfWork& work) {
        EXPECT_THAT(work.reservations().find(reservation_id(id)).value(), Optional(reservation));
      });
    });
  }
}

TEST_P(StorePointsContract, AnItemIsClaimedWhileItIsHeldAndForEverOnceItIsSold) {
  const ReservationSnapshot reservation = held("r-1", "seat-1");
  EXPECT_EQ(holder_of("seat-1"), std::nullopt);
  put(reservation);
  now_and_after_reopening([&] { EXPECT_EQ(holder_of("seat-1"), reservation_id("r-1")); });
  put(settled(reservation, ReservationStatus::kPaid));
  now_and_after_reopening([&] { EXPECT_EQ(holder_of("seat-1"), reservation_id("r-1")); });
}

TEST_P(StorePointsContract, AHoldThatWasCancelledOrIsOverGivesItsItemBack) {
  for (const auto status : {ReservationStatus::kCancelled, ReservationStatus::kExpired}) {
    const std::string id(domain::name_of(status));
    put(held(id, "seat-1"));
    put(settled(held(id, "seat-1"), status));
    now_and_after_reopening([&] { EXPECT_EQ(holder_of("seat-1"), std::nullopt); });
  }
}

TEST_P(StorePointsContract, AnItemChangesHandsWithinOneCommit) {
  put(held("r-1", "seat-1", 100));
  run_durably([](UnitOfWork& work) {
    auto& reservations = work.reservations();
    EXPECT_TRUE(
        reservations.put(settled(held("r-1", "seat-1", 100), ReservationStatus::kExpired)).ok());
    EXPECT_EQ(reservations.holder_of(item("seat-1")).value(), std::nullopt);
    EXPECT_TRUE(reservations.put(held("r-2", "seat-1", 200)).ok());
    EXPECT_EQ(reservations.holder_of(item("seat-1")).value(), reservation_id("r-2"));
  });
  now_and_after_reopening([&] {
    EXPECT_EQ(holder_of("seat-1"), reservation_id("r-2"));
    EXPECT_THAT(holds(), ElementsAre(LiveHold{200, reservation_id("r-2")}));
  });
}

TEST_P(StorePointsContract, AnEndedReservationThatIsPutAgainTakesNoItemFromItsSuccessor) {
  put(held("r-1", "seat-1"));
  put(settled(held("r-1", "seat-1"), ReservationStatus::kCancelled));
  put(held("r-2", "seat-1"));
  put(settled(held("r-1", "seat-1"), ReservationStatus::kCancelled));
  now_and_after_reopening([&] { EXPECT_EQ(holder_of("seat-1"), reservation_id("r-2")); });
}

TEST_P(StorePointsContract, AnItemThatIsTakenCannotBeHeldByAnother) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // RocksDB has threads
  put(held("r-1", "seat-1"));
  EXPECT_DEATH(
      {
        UnitOfWork& work = store().begin();
        (void)work.reservations().put(held("r-2", "seat-1"));
      },
      "CHECK failed");
}

TEST_P(StorePointsContract, AClaimThatIsNotDurableIsSeenAndDependedOn) {
  run([](UnitOfWork& work) { EXPECT_TRUE(work.reservations().put(held("r-1", "seat-1")).ok()); });
  std::uint64_t depends_on = 0;
  look([&](UnitOfWork& work) {
    EXPECT_EQ(work.reservations().holder_of(item("seat-1")).value(), reservation_id("r-1"));
    depends_on = work.depends_on();
  });
  EXPECT_EQ(depends_on, 1U);
  EXPECT_THAT(holds(), IsEmpty());
}

TEST_P(StorePointsContract, ADiscardedUnitOfWorkLeavesClaimsAndHoldsAsTheyWere) {
  put(held("r-1", "seat-1", 100));
  look([](UnitOfWork& work) {
    EXPECT_TRUE(work.reservations()
                    .put(settled(held("r-1", "seat-1", 100), ReservationStatus::kExpired))
                    .ok());
    EXPECT_TRUE(work.reservations().put(held("r-2", "seat-1", 200)).ok());
  });
  EXPECT_EQ(holder_of("seat-1"), reservation_id("r-1"));
  now_and_after_reopening([&] {
    EXPECT_THAT(holds(), ElementsAre(LiveHold{100, reservation_id("r-1")}));
  });
}

TEST_P(StorePointsContract, LiveHoldsComeInTheOrderInWhichTheyEnd) {
  run_durably([](UnitOfWork& work) {
    auto& reservations = work.reservations();
    EXPECT_TRUE(reservations.put(held("c", "i-1", 256)).ok());
    EXPECT_TRUE(reservations.put(held("b", "i-2", 255)).ok());
    EXPECT_TRUE(reservations.put(held("a", "i-3", 70'000)).ok());
    EXPECT_TRUE(reservations.put(held("paid", "i-4", 1)).ok());
    EXPECT_TRUE(reservations.put(settled(held("paid", "i-4", 1), ReservationStatus::kPaid)).ok());
    work.wallets().put({.user_id = user("ada"), .deposited = 1});
  });
  const LiveHold first{255, reservation_id("b")};
  const LiveHold second{256, reservation_id("c")};
  const LiveHold third{70'000, reservation_id("a")};
  now_and_after_reopening([&] {
    EXPECT_THAT(holds(), ElementsAre(first, second, third));
    EXPECT_THAT(holds(256), ElementsAre(second, third));
    EXPECT_THAT(holds(257), ElementsAre(third));
    EXPECT_THAT(holds(70'001), IsEmpty());
    EXPECT_THAT(holds(-1, 2), ElementsAre(first, second));
  });
}

TEST_P(StorePointsContract, ReservationsComeByIdPageByPageAndByStatus) {
  run_durably([](UnitOfWork& work) {
    for (const char* id : {"c", "a", "e", "b", "d"}) {
      EXPECT_TRUE(work.reservations().put(held(id, std::string("i-") + id)).ok());
    }
    EXPECT_TRUE(work.reservations().put(settled(held("d", "i-d"), ReservationStatus::kPaid)).ok());
  });
  now_and_after_reopening([&] {
    for (std::size_t limit = 1; limit <= 6; ++limit) {
      EXPECT_THAT(ids_in(std::nullopt, limit), ElementsAre("a", "b", "c", "d", "e"));
      EXPECT_THAT(ids_in(ReservationStatus::kPaid, limit), ElementsAre("d"));
    }
    EXPECT_THAT(ids_in(ReservationStatus::kExpired, 10), IsEmpty());
  });
}

TEST_P(StorePointsContract, WalletsComeByUserPageByPage) {
  run_durably([](UnitOfWork& work) {
    for (const char* id : {"bob", "ada", "cy"}) {
      work.wallets().put({.user_id = user(id), .deposited = 3, .paid = 1});
    }
  });
  now_and_after_reopening([&] {
    const auto first = reader().list_wallets({.limit = 2}).value();
    ASSERT_EQ(first.entries.size(), 2U);
    EXPECT_EQ(first.entries[0].user_id, user("ada"));
    EXPECT_EQ(first.entries[1].points(), 2);
    EXPECT_EQ(first.next, "bob");
    const auto rest = reader().list_wallets({.after = "bob", .limit = 2}).value();
    ASSERT_EQ(rest.entries.size(), 1U);
    EXPECT_EQ(rest.entries[0].user_id, user("cy"));
    EXPECT_EQ(rest.next, std::nullopt);
  });
}

}  // namespace
}  // namespace outboxd
