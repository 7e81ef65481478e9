// G13 and G14 with real processes: stores that are copied, restored, swapped and wiped are noticed
// before anything is lost, and each conflict is left by the command that its explanation names.
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {
namespace {

namespace fs = std::filesystem;

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class Identity : public ApplianceTest {
 protected:
  void create_orders(const std::string& prefix, int count) {
    Client client = daemon_.connect();
    for (int i = 0; i < count; ++i) {
      (void)ok(client.call("order.create", order(prefix + std::to_string(i))));
    }
  }

  // Delivers `count` orders of a daemon and a broker that are started for it.
  void deliver_orders(const std::string& prefix, int count) {
    broker_.start();
    daemon_.start();
    create_orders(prefix, count);
    wait_until_delivered(daemon_, next_seq() - 1);
    wait_until_completed(next_seq() - 1);
    EXPECT_EQ(daemon_.stop(), 0);
  }

  // Waits until it is on the daemon's disk that everything up to `seq` is complete.
  void wait_until_completed(std::uint64_t seq) {
    Client client = daemon_.connect();
    for (int waits = 0; waits < 1'000; ++waits) {
      if (ok(client.call("link.explain")).at("box").at("completed_seq") == seq) return;
      // A moment: nobody makes the event that this waits for.
      (void)client.call("outbox.wait", {{"seq", seq + 1}, {"level", "stored"}, {"timeout_ms", 20}});
    }
    FAIL() << "event " << seq << " is not complete";
  }

  std::uint64_t next_seq() { return daemon_.ask("daemon.status").at("outbox").at("next_seq"); }

  // The ids of the orders that the broker was told of.
  std::vector<std::string> at_the_broker() {
    std::vector<std::string> ids;
    for (const Json& event : events_at(broker_, "orders")) ids.push_back(event.at("subject"));
    return ids;
  }

  // Waits for a conflict of the daemon that runs, and checks what is said of it.
  void expect_conflict(const std::string& code, const std::string& way_out) {
    ASSERT_TRUE(daemon_.process().wait_for_output("state=conflict"));
    const Json link = daemon_.ask("link.explain");
    EXPECT_EQ(link.at("state"), "conflict");
    EXPECT_EQ(link.at("conflict").at("code"), code);
    EXPECT_THAT(link.at("commands").get<std::vector<std::string>>(), ElementsAre(way_out));
    EXPECT_EQ(daemon_.ask("daemon.status").at("link").at("conflict").at("code"), code);
  }

  // Nothing of what waits passes for delivered.
  void expect_nothing_told_delivered(std::uint64_t seq) {
    Client client = daemon_.connect();
    const Failure failure = failed(
        client.call("outbox.wait", {{"seq", seq}, {"level", "delivered"}, {"timeout_ms", 50}}));
    EXPECT_EQ(failure.code, "timeout");
  }

  void copy(const fs::path& from, const fs::path& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  }
};

TEST_F(Identity, G13ANewDiskUnderAnOldNameIsNoticedAtEveryStartAndLosesNothing) {
  deliver_orders("old-", 5);
  fs::remove_all(daemon_.data());
  for (int start = 0; start < 2; ++start) {
    SCOPED_TRACE("start " + std::to_string(start));
    daemon_.start();
    expect_conflict("other_store", "new-life");
    create_orders("new-" + std::to_string(start) + "-", 8);
    expect_nothing_told_delivered(1);
    EXPECT_EQ(daemon_.stop(), 0);
  }
  EXPECT_EQ(at_the_broker().size(), 5U);
}

TEST_F(Identity, G14ANewLifeGoesOnUnderTheOldNameWithNumbersOfItsOwn) {
  deliver_orders("old-", 5);
  fs::remove_all(daemon_.data());
  daemon_.start();
  create_orders("new-", 3);
  expect_conflict("other_store", "new-life");

  const Json tried = daemon_.ask("link.new_life", {{"pending", "send"}, {"dry_run", true}});
  EXPECT_THAT(tried.at("effects").dump(), HasSubstr("begins life 1"));
  EXPECT_EQ(daemon_.ask("link.explain").at("state"), "conflict") << "a dry run changes nothing";

  (void)daemon_.ask("link.new_life", {{"pending", "send"}});
  wait_until_delivered(daemon_, 3);
  EXPECT_THAT(at_the_broker(),
              ElementsAre("old-0", "old-1", "old-2", "old-3", "old-4", "new-0", "new-1", "new-2"));
  const Json last = events_at(broker_, "orders").back();
  EXPECT_EQ(last.at("source"), "/outboxd/till-1") << "the name stays";
  EXPECT_EQ(last.at("id"), "1.3") << "and the number is of the new life";

  // It is remembered, and so is who decided it.
  EXPECT_EQ(daemon_.stop(), 0);
  daemon_.start();
  create_orders("later-", 1);
  wait_until_delivered(daemon_, 4);
  EXPECT_THAT(daemon_.ask("link.explain").at("decisions").get<std::string>(),
              HasSubstr("begins life 1"));
}

TEST_F(Identity, G14EventsHeldByANewLifeAreDeadLettersThatCanBeReplayed) {
  deliver_orders("old-", 5);
  fs::remove_all(daemon_.data());
  daemon_.start();
  create_orders("new-", 3);
  expect_conflict("other_store", "new-life");
  (void)daemon_.ask("link.new_life", {{"pending", "hold"}});
  create_orders("later-", 1);
  wait_until_delivered(daemon_, 4);
  EXPECT_EQ(daemon_.ask("daemon.status").at("outbox").at("dead"), 3);
  (void)daemon_.ask("dead.replay", {{"seq", 2}});
  wait_until_delivered(daemon_, 5);
  EXPECT_THAT(at_the_broker(),
              ElementsAre("old-0", "old-1", "old-2", "old-3", "old-4", "later-0", "new-1"));
}

TEST_F(Identity, G13AStoreThatLostItsNameToANewLifeIsToldSo) {
  deliver_orders("old-", 5);
  const fs::path original = directory_ / "original";
  copy(daemon_.data(), original);
  fs::remove_all(daemon_.data());
  daemon_.start();
  expect_conflict("other_store", "new-life");
  (void)daemon_.ask("link.new_life", {{"pending", "send"}});
  ASSERT_TRUE(daemon_.process().wait_for_output("state=connected"));
  EXPECT_EQ(daemon_.stop(), 0);

  copy(original, daemon_.data());
  daemon_.start();
  expect_conflict("other_life", "new-life");
  (void)daemon_.ask("link.new_life", {{"pending", "send"}});
  create_orders("back-", 1);
  wait_until_delivered(daemon_, 6);
  EXPECT_EQ(events_at(broker_, "orders").back().at("id"), "2.6");
}

TEST_F(Identity, G13AnOlderCopyOfABoxIsNoticedAtEveryStartHoweverMuchItSells) {
  deliver_orders("a-", 5);
  const fs::path copied = directory_ / "copy";
  copy(daemon_.data(), copied);
  daemon_.start();
  create_orders("b-", 5);
  wait_until_delivered(daemon_, 10);
  EXPECT_EQ(daemon_.stop(), 0);

  copy(copied, daemon_.data());
  daemon_.start();
  expect_conflict("box_behind", "new-life");
  create_orders("c-", 20);
  expect_nothing_told_delivered(6);
  EXPECT_EQ(daemon_.stop(), 0);

  daemon_.start();
  expect_conflict("other_history", "new-life");
  expect_nothing_told_delivered(6);
  (void)daemon_.ask("link.new_life", {{"pending", "send"}});
  wait_until_delivered(daemon_, 25);
  EXPECT_THAT(at_the_broker(), Contains("c-0"));
  EXPECT_THAT(at_the_broker(), Contains("c-19"));
}

TEST_F(Identity, G13ABrokerThatLostItsStoreIsAnotherBrokerUntilTheRightOneIsBack) {
  deliver_orders("a-", 5);
  EXPECT_EQ(broker_.stop(), 0);
  const fs::path right = directory_ / "right";
  fs::rename(broker_.data(), right);
  broker_.start();
  daemon_.start();
  expect_conflict("other_broker", "accept-broker");
  create_orders("b-", 2);
  expect_nothing_told_delivered(6);

  EXPECT_EQ(broker_.stop(), 0);
  copy(right, broker_.data());
  broker_.start();
  wait_until_delivered(daemon_, 7);  // by itself
  EXPECT_EQ(daemon_.ask("link.explain").at("conflict"), nullptr);
}

TEST_F(Identity, G14AnotherBrokerIsAcceptedAndConsumersLearnWhatItNeverHad) {
  deliver_orders("a-", 5);
  EXPECT_EQ(broker_.stop(), 0);
  fs::remove_all(broker_.data());
  broker_.start();
  daemon_.start();
  create_orders("b-", 2);
  expect_conflict("other_broker", "accept-broker");
  const Json tried = daemon_.ask("link.accept_broker", {{"dry_run", true}});
  EXPECT_THAT(tried.at("effects").dump(), HasSubstr("events 1 to 5 are neither there nor here"));
  (void)daemon_.ask("link.accept_broker");
  wait_until_delivered(daemon_, 7);
  EXPECT_THAT(at_the_broker(), ElementsAre("b-0", "b-1"));
  const std::vector<Json> lost = events_at(broker_, "outboxd");
  ASSERT_EQ(lost.size(), 5U);
  EXPECT_EQ(lost.front().at("type"), "outbox.entry_lost");
}

TEST_F(Identity, G13ABrokerFromABackupIsSentAgainWhatIsHereAndAsksAboutTheRest) {
  deliver_orders("a-", 5);
  EXPECT_EQ(broker_.stop(), 0);
  const fs::path backup = directory_ / "backup";
  copy(broker_.data(), backup);
  deliver_orders("b-", 5);
  EXPECT_EQ(broker_.stop(), 0);
  copy(backup, broker_.data());
  broker_.start();
  daemon_.start();
  expect_conflict("broker_behind", "accept-broker");
  EXPECT_EQ(daemon_.ask("link.explain").at("conflict").at("last_seq"), 5);
  (void)daemon_.ask("link.accept_broker");
  create_orders("c-", 1);
  wait_until_delivered(daemon_, 11);
  EXPECT_EQ(events_at(broker_, "outboxd").size(), 5U) << "b-0 to b-4 are gone from here, too";
}

TEST_F(Identity, G14AFencedBoxTakesItsNameBackWithoutARestart) {
  deliver_orders("a-", 2);
  const fs::path copied = directory_ / "other/data";
  fs::create_directories(copied.parent_path());
  copy(daemon_.data(), copied);
  daemon_.start();
  ASSERT_TRUE(daemon_.process().wait_for_output("state=connected"));
  Server other("outboxd", directory_ / "other",
               {"--producer", "till-1", "--broker", port_.endpoint()});
  other.start();
  EXPECT_EQ(other.stop(), 0);
  other.start();  // its second start has the higher epoch
  ASSERT_TRUE(daemon_.process().wait_for_output("state=fenced"));
  EXPECT_EQ(other.stop(), 0);

  EXPECT_EQ(failed(daemon_.connect().call("link.new_life", {{"pending", "send"}})).code,
            "invalid_state");
  (void)daemon_.ask("link.take_over");
  create_orders("b-", 1);
  wait_until_delivered(daemon_, 3);
}

TEST_F(Identity, TwoBoxesThatNobodyNamedHaveDifferentNamesAndKeepThem) {
  const fs::path other_directory = directory_ / "other";
  Server one("outboxd", directory_ / "one", {});
  Server other("outboxd", directory_ / "two", {});
  one.start();
  other.start();
  const std::string name = one.ask("daemon.status").at("producer");
  EXPECT_NE(name, other.ask("daemon.status").at("producer"));
  EXPECT_THAT(name, MatchesRegex(".*-[0-9a-f]{6}"));
  EXPECT_EQ(one.stop(), 0);
  EXPECT_EQ(other.stop(), 0);
  one.start();
  EXPECT_EQ(one.ask("daemon.status").at("producer"), name);
  EXPECT_EQ(one.stop(), 0);
}

TEST_F(Identity, AStoreThatNeverDeliveredTakesAnotherNameAndOneThatDidKeepsItsOwn) {
  lonely_.start();
  lonely_.ask("order.create", order("o-1"));
  EXPECT_EQ(lonely_.stop(), 0);
  Server renamed("outboxd", directory_ / "daemon",
                 {"--producer", "kiosk", "--broker", port_.endpoint()});
  broker_.start();
  renamed.start();
  EXPECT_EQ(renamed.ask("daemon.status").at("producer"), "kiosk");
  wait_until_delivered(renamed, 1);
  EXPECT_EQ(renamed.stop(), 0);
  const ProcessOutcome refused = lonely_.run();
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("producer 'kiosk', not of 'till-1', and has delivered"));
}

}  // namespace
}  // namespace outboxd::e2e
