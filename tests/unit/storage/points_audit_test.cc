#include "storage/points_audit.h"

#include <gmock/gmock.h>

#include "storage/families.h"
#include "storage/points_records.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

using domain::ReservationSnapshot;
using domain::ReservationStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

domain::UserId user(const std::string& id) {
  return domain::UserId::parse(id).value();
}
domain::ReservationId reservation_id(const std::string& id) {
  return domain::ReservationId::parse(id).value();
}

// A database with one user who deposited 90 points, paid 50 of them for seat-1 as r-1, and holds
// seat-2 as r-2: every test damages one thing.
class PointsAuditTest : public testing::Test {
 protected:
  void SetUp() override {
    DatabaseOptions options{.path = directory_.file("data"), .format_name = "test"};
    for (const char* name : kFamilyNames) options.families.push_back({.name = name});
    auto opened = Database::open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    database_ = std::move(opened).value();
    put_wallet("ada", 90, 50);
    put_deposit("d-1", "ada", 60);
    put_deposit("d-2", "ada", 30);
    put_deduction("r-1", "ada", 50);
    put_reservation(reservation("r-1", "seat-1", ReservationStatus::kPaid));
    put_reservation(reservation("r-2", "seat-2", ReservationStatus::kHeld));
    put_claim("seat-1", "r-1");
    put_claim("seat-2", "r-2");
    put(hold_key(600, "r-2"), "\x01\x90");
  }

  static ReservationSnapshot reservation(const std::string& id, const std::string& item_id,
                                         ReservationStatus status) {
    ReservationSnapshot reservation{.reservation_id = reservation_id(id),
                                    .user_id = user("ada"),
                                    .item_id = domain::ItemId::parse(item_id).value(),
                                    .price_points = 50,
                                    .status = status};
    reservation.expires_elapsed_ms = 600;
    if (status == ReservationStatus::kPaid) {
      reservation.paid_at_ms = 1;
      reservation.token_digest = "d";
    }
    return reservation;
  }

  void put(const std::string& key, std::string_view value) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(state(), key, value).ok());
    ASSERT_TRUE(database_->write_synced(batch).ok());
  }
  void remove(const std::string& key) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Delete(state(), key).ok());
    ASSERT_TRUE(database_->write_synced(batch).ok());
  }
  template <typename Record>
  void put_record(char prefix, const std::string& id, const Record& record) {
    std::string value;
    encode(record, value);
    put(state_key(prefix, id), value);
  }
  void put_wallet(const std::string& id, domain::Points deposited, domain::Points paid) {
    put_record(kWalletPrefix, id, domain::WalletSnapshot{user(id), deposited, paid});
  }
  void put_deposit(const std::string& id, const std::string& user_id, domain::Points points) {
    put_record(kDepositPrefix, id,
               domain::DepositRecord{domain::DepositId::parse(id).value(), user(user_id), points});
  }
  void put_deduction(const std::string& id, const std::string& user_id, domain::Points points) {
    put_record(kDeductionPrefix, id,
               domain::DeductionRecord{reservation_id(id), user(user_id), points});
  }
  void put_reservation(const ReservationSnapshot& reservation) {
    put_record(kReservationPrefix, reservation.reservation_id.text(), reservation);
  }
  void put_claim(const std::string& item_id, const std::string& holder) {
    std::string value;
    encode_claim(reservation_id(holder), value);
    put(state_key(kClaimPrefix, item_id), value);
  }

  std::vector<std::string> problems(std::size_t max_users_per_pass = kMaxUsersPerPass) {
    std::vector<std::string> found;
    EXPECT_TRUE(audit_points(
                    *database_, [&](std::string problem) { found.push_back(std::move(problem)); },
                    max_users_per_pass)
                    .ok());
    return found;
  }

 private:
  rocksdb::ColumnFamilyHandle* state() {
    return database_->family(static_cast<std::size_t>(Family::kState));
  }

  const support::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(PointsAuditTest, BooksThatAgreeAreWell) {
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(PointsAuditTest, ADepositThatIsInNoWalletIsFound) {
  put_deposit("d-3", "ada", 1);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("user 'ada' has 90 points deposited and 50 paid, "
                                                "but its records add up to 91 and 50")));
}

TEST_F(PointsAuditTest, ADepositOfAUserWithoutAWalletIsFound) {
  put_deposit("d-3", "bob", 1);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("user 'bob' has records of points but no wallet")));
}

TEST_F(PointsAuditTest, PointsFromNowhereAreFound) {
  put_wallet("bob", 7, 0);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("user 'bob' has 7 points deposited")));
}

TEST_F(PointsAuditTest, ASaleWithoutItsDeductionIsFoundInTheWalletAndInTheReservation) {
  remove(state_key(kDeductionPrefix, "r-1"));
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("add up to 90 and 0"),
                                      HasSubstr("'r-1' is PAID but nothing was deducted")));
}

TEST_F(PointsAuditTest, ADeductionOfAnotherPriceOrUserIsFound) {
  put_deduction("r-1", "ada", 49);
  EXPECT_THAT(problems(),
              ElementsAre(HasSubstr("90 and 49"), HasSubstr("costs 50 points, but 49 were")));
  put_deduction("r-1", "bob", 50);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("90 and 0"), HasSubstr("'bob' has records"),
                                      HasSubstr("deducted from user 'bob'")));
}

TEST_F(PointsAuditTest, ADeductionForWhatIsNotPaidIsFound) {
  put_wallet("ada", 90, 60);
  put_deduction("r-2", "ada", 10);
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("for reservation 'r-2', which is not PAID")));
}

TEST_F(PointsAuditTest, AHeldOrSoldItemThatIsNotClaimedIsFound) {
  remove(state_key(kClaimPrefix, "seat-1"));
  EXPECT_THAT(problems(),
              ElementsAre(HasSubstr("'r-1' is PAID but has no claim on item 'seat-1'")));
}

TEST_F(PointsAuditTest, AnItemSoldTwiceIsFound) {
  put_wallet("ada", 90, 60);
  ReservationSnapshot second = reservation("r-3", "seat-1", ReservationStatus::kPaid);
  second.price_points = 10;
  put_reservation(second);
  put_deduction("r-3", "ada", 10);
  EXPECT_THAT(problems(),
              ElementsAre(HasSubstr("'r-3' is PAID but has no claim on item 'seat-1'")));
}

TEST_F(PointsAuditTest, AClaimOfWhatHasEndedIsFound) {
  put_reservation(reservation("r-3", "seat-3", ReservationStatus::kCancelled));
  put_claim("seat-3", "r-3");
  put_claim("seat-4", "r-4");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("item 'seat-3' is claimed by reservation 'r-3'"),
                                      HasSubstr("item 'seat-4' is claimed by reservation 'r-4'")));
}

TEST_F(PointsAuditTest, AHoldThatWouldNotExpireIsFound) {
  remove(hold_key(600, "r-2"));
  put(hold_key(601, "r-2"), "\x01\x90");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("'r-2' is HELD but would not expire"),
                                      HasSubstr("'r-2' would expire at 601 ms")));
}

TEST_F(PointsAuditTest, ASoldItemThatWouldExpireIsFound) {
  put(hold_key(600, "r-1"), "\x01\x90");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("'r-1' would expire at 600 ms")));
}

TEST_F(PointsAuditTest, ManyUsersAreLookedAtInSeveralPassesAndEachOfThemOnce) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = "user-" + std::to_string(i);
    put_wallet(id, 5, 0);
    put_deposit("deposit-" + id, id, i == 7 ? 6 : 5);
  }
  for (const std::size_t max_users : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    EXPECT_THAT(problems(max_users), ElementsAre(HasSubstr("'user-7'"))) << max_users;
  }
}

}  // namespace
}  // namespace outboxd::storage
