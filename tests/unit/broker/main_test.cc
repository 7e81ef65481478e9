// outbox-broker as a process: what operators start, stop and lose to a power cut.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/unit/broker/link_peer.h"

namespace outboxd::broker {
namespace {

using e2e::Json;
using e2e::ProcessOutcome;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using transport::FencedFrame;
using transport::WelcomeFrame;

class OutboxBrokerTest : public ::testing::Test {
 protected:
  [[nodiscard]] static std::string listening_on(e2e::Server& broker) {
    const std::string line = broker.process().line_with("ready: listening on ").value();
    const std::size_t begin = line.find("tcp://");
    return line.substr(begin, line.find(',', begin) - begin);
  }

  // Changes one byte in the middle of what is written in the write-ahead log.
  void damage_log() const {
    std::filesystem::path log;
    for (const auto& entry : std::filesystem::directory_iterator(broker_.data())) {
      if (entry.path().extension() == ".log" && entry.file_size() > 0) log = entry.path();
    }
    std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    // Behind its records a log file is zeros: it was given its size ahead of them.
    const std::size_t middle = bytes.find_last_not_of('\0') / 2;
    file.seekp(static_cast<std::streamoff>(middle));
    file.put(static_cast<char>(bytes.at(middle) ^ 0x55));
  }

  ProcessOutcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), e2e::program("outbox-broker"));
    return e2e::run({.argv = std::move(arguments)});
  }

  e2e::TempDir directory_;
  e2e::Server broker_{"outbox-broker", directory_ / "b", {"--listen", "tcp://127.0.0.1:0"}};
};

TEST_F(OutboxBrokerTest, SaysWhereItListensAndStopsWithZeroOnSigterm) {
  broker_.start();
  EXPECT_THAT(listening_on(broker_), StartsWith("tcp://127.0.0.1:"));
  EXPECT_EQ(broker_.stop(), 0);
}

TEST_F(OutboxBrokerTest, G6WhatWasAcknowledgedSurvivesSigkillAndDuplicatesAreDroppedAfterIt) {
  domain::Seq acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    broker_.start();
    LinkPeer peer(listening_on(broker_));
    peer.hello("shop-1", 1);
    // It may stand behind what was acknowledged: what was on its way counts, too.
    const domain::Seq last = peer.expect<WelcomeFrame>().last_seq;
    ASSERT_GE(last, acknowledged);
    // One that is there already, and some new ones, of which the last are cut off by the kill.
    const domain::Seq first = last == 0 ? 1 : last;
    for (domain::Seq seq = first; seq < first + 300; ++seq) {
      peer.publish(seq, {envelope("orders", std::to_string(seq))});
    }
    while (acknowledged < first + 100) {
      acknowledged = std::max(acknowledged, peer.expect<transport::AckFrame>().seq);
    }
    broker_.kill();
  }
  broker_.start();
  const std::vector<Json> events = e2e::events_at(broker_, "orders");
  ASSERT_GE(events.size(), acknowledged);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].at("seq"), i + 1);
  const Json producer = broker_.ask("producer.list").at("producers").at(0);
  EXPECT_EQ(producer.at("last_seq"), events.size());
  EXPECT_EQ(broker_.stop(), 0);
}

TEST_F(OutboxBrokerTest, G12AFencedEpochStaysFencedAfterSigkill) {
  broker_.start();
  {
    LinkPeer peer(listening_on(broker_));
    peer.hello("shop-1", 8);
    peer.expect<WelcomeFrame>();
    peer.publish(1, {envelope("orders")});
    peer.expect_ack(1);
  }
  broker_.kill();
  broker_.start();
  LinkPeer peer(listening_on(broker_));
  peer.hello("shop-1", 7);
  EXPECT_EQ(peer.expect<FencedFrame>().epoch, 8U);
}

TEST_F(OutboxBrokerTest, G12AWelcomedEpochFencesAfterSigkillThoughItPublishedNothing) {
  broker_.start();
  {
    LinkPeer peer(listening_on(broker_));
    peer.hello("shop-1", 8);
    peer.expect<WelcomeFrame>();
  }
  broker_.kill();
  broker_.start();
  LinkPeer peer(listening_on(broker_));
  peer.hello("shop-1", 7);
  EXPECT_EQ(peer.expect<FencedFrame>().epoch, 8U);
}

TEST_F(OutboxBrokerTest, ASecondBrokerOnTheSameDataRefusesToStart) {
  broker_.start();
  const ProcessOutcome outcome = broker_.run();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot open"));
}

TEST_F(OutboxBrokerTest, ADamagedLogRefusesToStartUntilRepairedAndTheRestIsKept) {
  broker_.start();
  {
    LinkPeer peer(listening_on(broker_));
    peer.hello("shop-1", 1);
    peer.expect<WelcomeFrame>();
    for (domain::Seq seq = 1; seq <= 30; ++seq) {
      peer.publish(seq, {envelope("orders", std::string(200, 'x'))});
      peer.expect_ack(seq);
    }
  }
  broker_.kill();
  damage_log();

  const ProcessOutcome refused = broker_.run();
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("--repair"));
  const ProcessOutcome repaired = broker_.run({"--repair"});
  EXPECT_EQ(repaired.status, 0);
  EXPECT_THAT(repaired.out, HasSubstr("lost: topic orders, offsets "));
  broker_.start();
  EXPECT_GE(e2e::events_at(broker_, "orders").size(), 28U);
  LinkPeer peer(listening_on(broker_));
  peer.hello("shop-1", 1);
  EXPECT_EQ(peer.expect<WelcomeFrame>().last_seq, 30U);
}

TEST_F(OutboxBrokerTest, WrongUsageEndsWithTwo) {
  EXPECT_EQ(run({"--no-such-flag"}).status, 2);
  const ProcessOutcome endpoint = run({"--listen", "tcp://0.0.0.0:1"});
  EXPECT_EQ(endpoint.status, 2);
  EXPECT_THAT(endpoint.err, HasSubstr("--listen: "));
}

TEST_F(OutboxBrokerTest, CheckConfigSaysWhatTheStartWouldSay) {
  const std::string file = directory_ / "x.toml";
  std::ofstream(file) << "listen = 7\n";
  for (const std::string& flag : {std::string("--check-config"), std::string("--repair")}) {
    const ProcessOutcome outcome = run({"--config", file, flag});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, HasSubstr("x.toml:1: listen: must be tcp://HOST:PORT"));
  }
  std::ofstream(file) << "# empty\n";
  const ProcessOutcome good = run({"--config", file, "--check-config"});
  EXPECT_EQ(good.status, 0);
  EXPECT_THAT(good.out, HasSubstr("good"));
}

TEST_F(OutboxBrokerTest, WithoutTheSpaceToOpenSafelyItSaysSoAndTouchesNothing) {
  const std::string file = directory_ / "x.toml";
  std::ofstream(file) << "[storage]\nsoft_free_bytes = 9000000000000000000\n"
                         "hard_free_bytes = 9000000000000000000\n";
  const ProcessOutcome outcome = run({"--config", file, "--data-dir", directory_ / "data"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("(storage.hard_free_bytes)"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "data"));
}

TEST_F(OutboxBrokerTest, ShortOfSpaceFromTheStartItSaysSoAndRuns) {
  broker_.configure("[storage]\nsoft_free_bytes = 9000000000000000000\n");
  broker_.start();
  EXPECT_TRUE(broker_.process().wait_for_output("events are not taken"));
  EXPECT_EQ(broker_.ask("broker.status").at("storage").at("level"), "soft");
  EXPECT_EQ(broker_.stop(), 0);
}

TEST_F(OutboxBrokerTest, TellsItsVersion) {
  const ProcessOutcome outcome = run({"--version"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, EndsWith(std::string(OUTBOXD_VERSION) + "\n"));
}

}  // namespace
}  // namespace outboxd::broker
