// A gateway that asks who is there: what the payment side shows it, and where it has that from.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/ledger_gateway.h"

namespace outboxd::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PaymentGateway : public ApplianceTest {
 protected:
  void SetUp() override {
    broker_.configure("[groups]\nmax_retries = 0\n");
    broker_.start();
    daemon_.start();
  }

  void TearDown() override {
    if (payer_.is_running()) {
      EXPECT_EQ(payer_.stop(), 0);
    }
    ApplianceTest::TearDown();
  }

  void configure_payer(const std::string& authorization_file) const {
    payer_.configure("[payments]\ngateway = 'http'\nurl = '" + gateway_.url() +
                     "'\nauthorization_file = '" + authorization_file + "'\n");
  }

  // A file that only its owner may read, as systemd gives credentials.
  std::filesystem::path write_key(const std::string& key) const {
    std::filesystem::path path = directory_ / "key";
    std::ofstream(path) << key << '\n';
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path;
  }

  // Creates an order, waits for the event that ends it, and returns what it is then.
  Json end_of_order() {
    const Json created = daemon_.ask("order.create", order("o-1"));
    (void)daemon_.ask("outbox.wait", {{"seq", created.at("seq").get<std::uint64_t>() + 1},
                                      {"level", "stored"},
                                      {"timeout_ms", kPatienceMs}});
    return daemon_.ask("order.get", {{"order_id", "o-1"}});
  }

  static constexpr std::int64_t kPatienceMs = std::chrono::milliseconds(kPatience).count();

  const LedgerGateway gateway_{"Bearer sk_till"};
  Server payer_{"outboxd",
                directory_ / "payer",
                {"--producer", "payer-1", "--broker", port_.endpoint(), "--modules", "payments"}};
};

TEST_F(PaymentGateway, IsShownTheAuthorizationInTheFile) {
  configure_payer(write_key("Bearer sk_till"));
  payer_.start();
  EXPECT_EQ(end_of_order().at("status"), "PAID");
  EXPECT_EQ(gateway_.entries().size(), 1U);
}

TEST_F(PaymentGateway, IsShownTheCredentialOfTheService) {
  const std::filesystem::path key = write_key("Bearer sk_till");
  configure_payer(key.filename());
  payer_.start({.argv = {}, .environment = {{"CREDENTIALS_DIRECTORY", key.parent_path()}}});
  EXPECT_EQ(end_of_order().at("status"), "PAID");
}

TEST_F(PaymentGateway, ThatDoesNotKnowUsDeclinesNobody) {
  configure_payer(write_key("Bearer sk_stolen"));
  payer_.start();
  const Json ended = end_of_order();
  EXPECT_EQ(ended.at("failure"), "dead_lettered")
      << "asked as often as the group may, not declined";
  const Json payments = payer_.ask("payment.list").at("payments");
  ASSERT_EQ(payments.size(), 1U);
  EXPECT_THAT(std::string(payments[0].at("failure_detail")), HasSubstr("401"));
  EXPECT_THAT(gateway_.entries(), IsEmpty());
}

TEST_F(PaymentGateway, IsNotAskedByAPayerThatCannotReadItsKey) {
  configure_payer(directory_ / "missing");
  const ProcessOutcome outcome = payer_.run();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("missing cannot be read"));
  EXPECT_FALSE(std::filesystem::exists(payer_.data())) << "it ends before it touches anything";

  const std::filesystem::path key = write_key("Bearer sk_till");
  std::filesystem::permissions(key, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  configure_payer(key);
  const ProcessOutcome open_to_all = payer_.run();
  EXPECT_EQ(open_to_all.status, 1);
  EXPECT_THAT(open_to_all.err, HasSubstr("may be read by everyone"));
  EXPECT_THAT(open_to_all.err, Not(HasSubstr("sk_till")));
}

TEST_F(PaymentGateway, G9AnOrderThatTheFormerLifeOfABoxPaidIsPaidAndNotChargedAgain) {
  configure_payer(write_key("Bearer sk_till"));
  payer_.start();
  EXPECT_EQ(daemon_.stop(), 0);
  const std::filesystem::path before = directory_ / "before";
  std::filesystem::copy(daemon_.data(), before, std::filesystem::copy_options::recursive);
  daemon_.start();
  EXPECT_EQ(end_of_order().at("status"), "PAID");

  // The box is restored from before it took the order, and whoever had no answer sends it again.
  EXPECT_EQ(daemon_.stop(), 0);
  std::filesystem::remove_all(daemon_.data());
  std::filesystem::copy(before, daemon_.data(), std::filesystem::copy_options::recursive);
  daemon_.start();
  ASSERT_TRUE(daemon_.process().wait_for_output("state=conflict"));
  (void)daemon_.ask("order.create", order("o-1"));
  (void)daemon_.ask("link.new_life", {{"pending", "send"}});
  EXPECT_EQ(end_of_order().at("status"), "PAID");
  EXPECT_EQ(gateway_.entries().size(), 1U) << "one charge, under one key";
}

}  // namespace
}  // namespace outboxd::e2e
