// A daemon whose tables were damaged while it was stopped.
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"
#include "tests/support/read_file.h"

namespace outboxd::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DamagedData : public ApplianceTest {
 protected:
  static constexpr std::uint64_t kOrders = 2000;

  // Commits orders to `lonely_` and leaves them in tables, nothing in the log, and nothing running.
  void make_tables() {
    lonely_.start();
    Client client = lonely_.connect();
    for (std::uint64_t i = 1; i <= kOrders; ++i) {
      ok(client.call("order.create", order("o-" + std::to_string(i))));
    }
    lonely_.ask("daemon.compact");
    EXPECT_EQ(lonely_.stop(), 0);
  }

  // Flips one bit in the middle of the table of `family` that has the most in it.
  void flip_a_bit_of(std::string_view family) {
    fs::path table;
    for (const auto& entry : fs::directory_iterator(lonely_.data())) {
      if (entry.path().extension() != ".sst") continue;
      const std::string bytes = support::read_file(entry.path());
      // A table names its family among the properties at its end.
      if (bytes.find(std::string(family),
                     bytes.size() - std::min<std::size_t>(bytes.size(), 2000)) ==
          std::string::npos) {
        continue;
      }
      if (table.empty() || entry.file_size() > fs::file_size(table)) table = entry.path();
    }
    ASSERT_FALSE(table.empty());
    std::string bytes = support::read_file(table);
    bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 0x10);
    std::ofstream(table, std::ios::binary) << bytes;
  }

  static ProcessOutcome outboxctl(const Server& server, const std::string& command) {
    return e2e::run({.argv = {program("outboxctl"), "--socket", server.socket(), command}});
  }
};

TEST_F(DamagedData, ADamagedOutboxIsFoundWithoutAReadAndWritesAreRefused) {
  make_tables();
  flip_a_bit_of("outbox");
  lonely_.start();
  ASSERT_TRUE(lonely_.process().wait_for_output("part of the data cannot be read"));

  Client client = lonely_.connect();
  const Failure refused = failed(client.call("order.create", order("one-more")));
  EXPECT_EQ(refused.code, "damaged");
  EXPECT_THAT(refused.message, HasSubstr("outboxd --repair"));
  EXPECT_EQ(ok(client.call("order.get", {{"order_id", "o-1"}})).at("status"), "CREATED");

  const Json status = lonely_.ask("daemon.status");
  EXPECT_THAT(status.at("damaged").at("problems").at(0).get<std::string>(), HasSubstr(".sst"));
  EXPECT_EQ(status.at("outbox").at("next_seq"), kOrders + 1);
  const ProcessOutcome shown = outboxctl(lonely_, "status");
  EXPECT_EQ(shown.status, 5);
  EXPECT_THAT(shown.err, HasSubstr("outboxd --repair"));
  EXPECT_EQ(lonely_.stop(), 0) << "and it can be stopped in an orderly way";
}

TEST_F(DamagedData, WhatStandsBeforeTheDamageIsPublishedAndTheLinkStaysUp) {
  make_tables();
  flip_a_bit_of("outbox");
  broker_.start();
  daemon_.start();
  ASSERT_TRUE(daemon_.process().wait_for_output("part of the data cannot be read"));
  wait_until_delivered(daemon_, 1);
  const Json status = daemon_.ask("daemon.status");
  EXPECT_EQ(status.at("link").at("state"), "connected");
  EXPECT_LT(status.at("outbox").at("delivered_seq"), kOrders);
  EXPECT_GT(status.at("outbox").at("pending"), 0);
}

TEST_F(DamagedData, AnOrderThatCannotBeReadIsTheDamageThatAReadComesUpon) {
  make_tables();
  flip_a_bit_of("state");
  lonely_.start();
  Client client = lonely_.connect();
  std::uint64_t unreadable = 0;
  for (std::uint64_t i = 1; i <= kOrders; ++i) {
    const auto read = client.call("order.get", {{"order_id", "o-" + std::to_string(i)}});
    if (read.ok()) continue;
    ++unreadable;
    EXPECT_EQ(read.error().code, "damaged");
  }
  EXPECT_GT(unreadable, 0U);
  EXPECT_LT(unreadable, kOrders / 4) << "the others are there";
  EXPECT_EQ(failed(client.call("order.create", order("one-more"))).code, "damaged");
}

TEST_F(DamagedData, ARepairRefusesDamagedTablesAndSaysWhatIsInThem) {
  make_tables();
  flip_a_bit_of("outbox");
  const ProcessOutcome repaired = lonely_.run({"--repair"});
  EXPECT_EQ(repaired.status, 1);
  EXPECT_THAT(repaired.err, AllOf(HasSubstr(".sst"), HasSubstr("outbox"), HasSubstr("events 1 to"),
                                  HasSubstr("restore a backup")));
  lonely_.start();
  EXPECT_EQ(lonely_.ask("order.get", {{"order_id", "o-1"}}).at("status"), "CREATED");
}

}  // namespace
}  // namespace outboxd::e2e
