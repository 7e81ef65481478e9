// kill -9 of the daemon and of the broker under load: what clients were told is what happened.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/load.h"

namespace outboxd::e2e {
namespace {

class Kills : public ApplianceTest {
 protected:
  static constexpr int kRounds = 20;
  static constexpr std::size_t kClients = 6;
  static constexpr std::uint64_t kAnswersPerRound = 150;

  // Everything that the broker has, by sequence number. Fails on duplicates, on gaps, and on
  // topics whose offsets do not follow the sequence (G3, G7, G8).
  std::map<std::uint64_t, Json> delivered() {
    std::map<std::uint64_t, Json> by_seq;
    for (const char* topic : {"orders", "stock"}) {
      std::uint64_t seq_before = 0;
      for (Json& event : events_at(broker_, topic)) {
        const auto seq = event.at("seq").get<std::uint64_t>();
        EXPECT_GT(seq, seq_before) << "in topic " << topic;
        seq_before = seq;
        EXPECT_TRUE(by_seq.emplace(seq, std::move(event)).second) << "event " << seq << " twice";
      }
    }
    std::uint64_t expected = 1;
    for (const auto& [seq, event] : by_seq) EXPECT_EQ(seq, expected++);
    return by_seq;
  }

  // What was told about one change, against what is there and what the broker got.
  void check_order(const Told& told, const std::map<std::uint64_t, Json>& by_seq, Client& client) {
    const Json stored = ok(client.call("order.get", {{"order_id", told.id}}));
    EXPECT_EQ(stored.at("lines"), told.request.at("lines"));
    const auto event = by_seq.find(told.seq);
    ASSERT_NE(event, by_seq.end()) << told.id << " was told event " << told.seq;
    EXPECT_EQ(event->second.at("type"), "order.created");
    EXPECT_EQ(event->second.at("subject"), told.id);
    EXPECT_EQ(event->second.at("data").at("total"), stored.at("total"));
  }

  void check_transaction(const Told& told, const std::map<std::uint64_t, Json>& by_seq) {
    const auto event = by_seq.find(told.seq);
    ASSERT_NE(event, by_seq.end()) << told.id << " was told event " << told.seq;
    EXPECT_EQ(event->second.at("type"), "stock.counted");
    EXPECT_EQ(event->second.at("subject"), told.request.at("put").at(0).at("key"));
    EXPECT_EQ(event->second.at("data"), told.request.at("put").at(0).at("value"));
  }

  void check_replay(const Told& told, Client& client) {
    const Json again = ok(client.call(told.method, told.request));
    EXPECT_EQ(again.at("replayed"), true) << told.id;
    EXPECT_EQ(again.at("seq"), told.seq) << told.id;
  }
};

TEST_F(Kills, TwentyKillsUnderLoadLoseNothingAndRepeatNothing) {
  broker_.start();
  daemon_.start();
  Load load(daemon_.socket(), kClients);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    load.wait_for_answers(kAnswersPerRound);
    const bool kills_daemon = round % 2 == 0 || round % 5 == 0;
    const bool kills_broker = round % 2 == 1 || round % 5 == 0;
    if (kills_broker) broker_.kill();
    if (kills_daemon) {
      daemon_.kill();
      daemon_.start();
      load.daemon_is_back();
    }
    if (kills_broker) {
      load.wait_for_answers(kAnswersPerRound);  // an outage is no failure (G11)
      broker_.start();
    }
    // The next kill should meet a link at work.
    wait_until_delivered(daemon_, load.highest_seq());
  }
  const std::vector<Told> told = load.finish();
  ASSERT_GT(told.size(), kRounds * kAnswersPerRound);
  wait_until_delivered(daemon_, load.highest_seq());

  const auto by_seq = delivered();
  // Every change was told, and one event belongs to each: nothing is there that nobody asked for.
  EXPECT_EQ(by_seq.size(), told.size());
  EXPECT_EQ(daemon_.ask("daemon.status").at("outbox").at("next_seq"), told.size() + 1);
  Client client = daemon_.connect();
  std::set<std::uint64_t> seqs;
  std::map<std::string, Json> last_values;
  for (const Told& change : told) {
    EXPECT_TRUE(seqs.insert(change.seq).second) << "two changes were told event " << change.seq;
    if (change.method == "order.create") {
      check_order(change, by_seq, client);
    } else {
      check_transaction(change, by_seq);
      last_values[change.request.at("put").at(0).at("key")] =
          change.request.at("put").at(0).at("value");
    }
    check_replay(change, client);
  }
  for (const auto& [key, value] : last_values) {
    EXPECT_EQ(ok(client.call("state.get", {{"key", key}})).at("value"), value) << key;
  }
  EXPECT_EQ(ok(client.call("daemon.verify")).at("ok"), true);
  EXPECT_EQ(daemon_.ask("daemon.status").at("outbox").at("next_seq"), told.size() + 1);
}

}  // namespace
}  // namespace outboxd::e2e
