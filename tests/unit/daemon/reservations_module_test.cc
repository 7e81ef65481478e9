#include "daemon/reservations_module.h"

#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "daemon/random_ids.h"
#include "tests/support/manual_elapsed_time.h"
#include "tests/unit/daemon/api/served_methods.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using client::Failure;
using client::Json;
using testing::MatchesRegex;

constexpr std::int64_t kHoldTtlMs = 600'000;
constexpr std::int64_t kTokenTtlMs = 900'000;

// The module behind its methods, as composed, over a store in memory.
class ReservationsModuleTest : public testing::Test, protected ServedMethods {
 protected:
  ReservationsModuleTest() {
    module_.add_methods(methods_);
    core_.at_unit_end([this](bool accepted) { return events_.unit_ended(accepted); });
    start();
  }
  ~ReservationsModuleTest() override { stop(); }

  void deposit(const std::string& user, std::int64_t points) {
    call("wallet.deposit", {{"deposit_id", "of-" + user}, {"user_id", user}, {"points", points}});
  }
  void hold(const std::string& id, const std::string& user, const std::string& item) {
    call("reservation.hold",
         {{"reservation_id", id}, {"user_id", user}, {"item_id", item}, {"price_points", 40}});
  }
  std::string token_of(const std::string& user) {
    return call("token.issue", {{"user_id", user}}).at("token");
  }
  bool is_valid(const std::string& user, const std::string& token) {
    return call("token.check", {{"user_id", user}, {"token", token}}).at("valid");
  }
  std::int64_t points_of(const std::string& user) {
    return call("wallet.get", {{"user_id", user}}).at("points");
  }
  std::string status_of(const std::string& id) {
    return call("reservation.get", {{"reservation_id", id}}).at("status");
  }
  ReservationFigures figures() {
    return on_core([this] { return module_.figures(); });
  }
  void pass(std::int64_t ms) {
    on_core([&] {
      clock_.now_ms += ms;
      elapsed_.now_ms += ms;
    });
  }
  static Json payment(const std::string& id, const std::string& user, const std::string& token) {
    return {{"reservation_id", id}, {"user_id", user}, {"token", token}};
  }

  OutboxPublisher::Backlog backlog_{.max_entries = 100};  // core thread
  OutboxPublisher publisher_{backlog_};
  InProcessEvents events_{publisher_};
  SetClock clock_;
  support::ManualElapsedTime elapsed_;
  RandomIds ids_;
  ReservationsModule module_{{.core = core_,
                              .server = server_,
                              .reader = store_,
                              .events = events_,
                              .clock = clock_,
                              .elapsed = elapsed_,
                              .ids = ids_,
                              .hold_ttl_ms = kHoldTtlMs,
                              .token_ttl_ms = kTokenTtlMs}};
};

TEST_F(ReservationsModuleTest, ASaleTakesThePointsAndItsTokenIsGoneByTheNextRequest) {
  deposit("ada", 100);
  hold("r-1", "ada", "seat-A1");
  const std::string token = token_of("ada");
  EXPECT_TRUE(is_valid("ada", token));
  EXPECT_FALSE(is_valid("bob", token));
  const Json paid = call("reservation.pay", payment("r-1", "ada", token));
  EXPECT_EQ(paid.at("status"), "PAID");
  EXPECT_EQ(paid.at("replayed"), false);
  EXPECT_FALSE(is_valid("ada", token));
  EXPECT_EQ(points_of("ada"), 60);
  EXPECT_EQ(status_of("r-1"), "PAID");
}

TEST_F(ReservationsModuleTest, ARepeatedPaymentIsAnsweredAsThePaymentWas) {  // G4
  deposit("ada", 100);
  hold("r-1", "ada", "seat-A1");
  const std::string token = token_of("ada");
  const Json first = call("reservation.pay", payment("r-1", "ada", token));
  Json again = call("reservation.pay", payment("r-1", "ada", token));
  EXPECT_EQ(again.at("replayed"), true);
  again["replayed"] = false;
  EXPECT_EQ(again, first);
  EXPECT_EQ(points_of("ada"), 60);
}

TEST_F(ReservationsModuleTest, MissingPointsAreCountedInTheDetailsAndNothingHasChanged) {
  deposit("ada", 30);
  hold("r-1", "ada", "seat-A1");
  const std::string token = token_of("ada");
  const Failure refused = refusal("reservation.pay", payment("r-1", "ada", token));
  EXPECT_EQ(refused.code, "insufficient_points");
  EXPECT_EQ(refused.details.at("missing"), 10);
  EXPECT_EQ(points_of("ada"), 30);
  EXPECT_EQ(status_of("r-1"), "HELD");
  EXPECT_TRUE(is_valid("ada", token)) << "a refused payment uses up nothing";
}

TEST_F(ReservationsModuleTest, EachWrongPaymentIsRefusedForWhatIsWrong) {
  deposit("ada", 100);
  hold("r-1", "ada", "seat-A1");
  const auto code = [&](const std::string& id, const std::string& user, const std::string& token) {
    return refusal("reservation.pay", payment(id, user, token)).code;
  };
  EXPECT_EQ(code("r-2", "ada", token_of("ada")), "not_found");
  EXPECT_EQ(code("r-1", "bob", token_of("bob")), "permission_denied");
  EXPECT_EQ(code("r-1", "ada", token_of("bob")), "token_invalid");
  EXPECT_EQ(code("r-1", "ada", "guessed"), "token_invalid");
  const std::string old = token_of("ada");
  pass(kTokenTtlMs);
  EXPECT_EQ(code("r-1", "ada", old), "invalid_state") << "the hold is over, which comes first";
  hold("r-3", "ada", "seat-A2");
  EXPECT_EQ(code("r-3", "ada", old), "token_invalid");
  EXPECT_EQ(points_of("ada"), 100);
}

TEST_F(ReservationsModuleTest, BadArgumentsAreNamed) {
  const auto argument = [&](const std::string& method, const Json& arguments) {
    return refusal(method, arguments).argument();
  };
  for (const std::int64_t points : {0, -5}) {
    EXPECT_EQ(
        argument("wallet.deposit", {{"deposit_id", "d-1"}, {"user_id", "ada"}, {"points", points}}),
        "points");
    EXPECT_EQ(argument("reservation.hold",
                       {{"user_id", "ada"}, {"item_id", "seat"}, {"price_points", points}}),
              "price_points");
  }
  deposit("ada", std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(argument("wallet.deposit", {{"deposit_id", "d-2"}, {"user_id", "ada"}, {"points", 1}}),
            "points");
  EXPECT_EQ(argument("token.issue", {{"user_id", "ada"}, {"ttl_ms", 0}}), "ttl_ms");
  EXPECT_EQ(argument("reservation.list", {{"status", "SOLD"}}), "status");
  EXPECT_EQ(argument("reservation.get", {{"reservation_id", ""}}), "reservation_id");
}

TEST_F(ReservationsModuleTest, TheSameIdsWithOtherContentAreConflicts) {
  deposit("ada", 100);
  EXPECT_EQ(
      refusal("wallet.deposit", {{"deposit_id", "of-ada"}, {"user_id", "ada"}, {"points", 101}})
          .code,
      "id_conflict");
  hold("r-1", "ada", "seat-A1");
  EXPECT_EQ(refusal("reservation.hold", {{"reservation_id", "r-1"},
                                         {"user_id", "ada"},
                                         {"item_id", "seat-A2"},
                                         {"price_points", 40}})
                .code,
            "id_conflict");
}

TEST_F(ReservationsModuleTest, AHoldWithoutAnIdIsGivenOne) {
  const Json held =
      call("reservation.hold", {{"user_id", "ada"}, {"item_id", "seat-A1"}, {"price_points", 40}});
  EXPECT_THAT(held.at("reservation_id").get<std::string>(), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(call("reservation.list", {{"status", "HELD"}}).at("reservations").size(), 1U);
  EXPECT_EQ(call("reservation.list", {{"status", "PAID"}}).at("reservations").size(), 0U);
}

TEST_F(ReservationsModuleTest, FiguresCountWhatIsDurable) {
  deposit("ada", 100);
  hold("r-1", "ada", "seat-A1");
  hold("r-2", "ada", "seat-A2");
  hold("r-3", "ada", "seat-A3");
  EXPECT_EQ(figures().live_holds, 3);
  (void)refusal("reservation.hold",
                {{"user_id", "bob"}, {"item_id", "seat-A1"}, {"price_points", 40}});
  EXPECT_EQ(figures().live_holds, 3) << "what was refused is no hold";
  call("reservation.pay", payment("r-1", "ada", token_of("ada")));
  call("reservation.cancel", {{"reservation_id", "r-2"}, {"reason", "ill"}});
  EXPECT_EQ(figures().live_holds, 1);
  EXPECT_EQ(figures().sold, 1U);
  EXPECT_EQ(figures().tokens, 0U);
  EXPECT_EQ(figures().token_expiry_failures, 0U);
}

TEST_F(ReservationsModuleTest, AHoldEndsByItselfWhenItsTimeIsOver) {
  hold("r-1", "ada", "seat-A1");
  pass(kHoldTtlMs - 1);
  on_core([this] { EXPECT_FALSE(module_.expire_holds()); });
  EXPECT_EQ(status_of("r-1"), "HELD");
  EXPECT_TRUE(on_core([this] { return module_.needs_time(); }));
  pass(1);
  on_core([this] { module_.expire_holds(); });
  EXPECT_EQ(status_of("r-1"), "EXPIRED");
  EXPECT_EQ(figures().live_holds, 0);
  hold("r-2", "bob", "seat-A1");
}

}  // namespace
}  // namespace outboxd::daemon
