// Clients that break the framing, eat memory, or are simply too many: others notice nothing.
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/raw_connection.h"
#include "tests/support/sanitizers.h"

namespace outboxd::e2e {
namespace {

using ::testing::HasSubstr;

// What the daemon's memory may grow by through all that one test does to it. Sanitizers keep freed
// memory aside, and shadows of all.
constexpr std::uint64_t kMaxGrowthBytes = (support::kMemoryIsSanitized ? 700 : 80) << 20;

// One healthy client is connected through all of each test.
class HostileClients : public ApplianceTest {
 protected:
  void SetUp() override {
    // 2,000 connections and the daemon's own files, on both sides.
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);

    lonely_.start();
    healthy_.emplace(lonely_.connect());
    expect_others_notice_nothing();
    rss_before_ = lonely_.process().peak_rss_bytes();
  }

  void TearDown() override {
    expect_others_notice_nothing();
    ASSERT_TRUE(lonely_.is_running());
    EXPECT_LT(lonely_.process().peak_rss_bytes(), rss_before_ + kMaxGrowthBytes);
    healthy_.reset();
    ApplianceTest::TearDown();
  }

  void expect_others_notice_nothing() {
    const std::string id = "healthy-" + std::to_string(++healthy_orders_);
    const auto created = healthy_->call("order.create", order(id));
    ASSERT_TRUE(created) << created.error().message;
    EXPECT_EQ((*created).at("seq"), ++healthy_seq_);
  }

  // The daemon answers `bytes` with an error of `code`, and closes the connection.
  void expect_turned_out(std::string_view bytes, std::string_view code) {
    RawConnection hostile(lonely_.socket());
    hostile.send(bytes);
    const Json error = hostile.receive_error();
    EXPECT_EQ(error.at("code"), code) << error.dump();
    EXPECT_EQ(error.at("retry"), "never");
    EXPECT_TRUE(hostile.is_closed_by_daemon());
    expect_others_notice_nothing();
  }

  std::optional<Client> healthy_;
  int healthy_orders_ = 0;
  std::uint64_t healthy_seq_ = 0;
  std::uint64_t rss_before_ = 0;
};

TEST_F(HostileClients, AMessageOverOneMebibyteIsRefusedUnderItsMsgid) {
  RawConnection hostile(lonely_.socket());
  hostile.send(encoded_request(7, "order.get", {{"order_id", std::string((1 << 20) - 64, 'x')}}));
  EXPECT_EQ(hostile.receive_error().at("code"), "bad_request");  // still a message

  // [0, 77, "order.get", [ a string of 1 MiB
  const std::string header =
      std::string("\x94\x00\x4D\xA9", 4) + "order.get" + std::string("\x91\xDB\x00\x10\x00\x00", 6);
  hostile.send(header + std::string(1 << 20, 'x'));
  const auto refusal = hostile.receive();
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->at(1), 77);
  EXPECT_EQ(refusal->at(2).at("code"), "too_large");
  EXPECT_THAT(refusal->at(2).at("message").get<std::string>(), HasSubstr("1048576"));
  EXPECT_TRUE(hostile.is_closed_by_daemon());
}

TEST_F(HostileClients, NestingBombsAreRefused) {
  expect_turned_out(std::string(100'000, '\x91'), "too_large");  // arrays
  std::string maps;
  for (int i = 0; i < 50'000; ++i) maps += "\x81\xA1k";
  expect_turned_out(maps, "too_large");
  const std::string request(
      "\x94\x00\x01\xA6"
      "x.yyyy",
      10);
  expect_turned_out(request + std::string(1000, '\x91'), "too_large");
}

TEST_F(HostileClients, LengthBombsAreRefusedBeforeTheyTakeMemory) {
  for (const char type : {'\xC6', '\xC9', '\xDB', '\xDD', '\xDF'}) {  // bin, ext, str, array, map
    expect_turned_out(std::string(1, type) + "\xFF\xFF\xFF\xFF", "too_large");
    // As an argument, and hundreds of them at a time.
    std::vector<RawConnection> bombs;
    for (int i = 0; i < 100; ++i) {
      bombs.emplace_back(lonely_.socket());
      bombs.back().send(std::string("\x94\x00\x01\xA1x\x91", 6) + type + "\xFF\xFF\xFF\xFF");
    }
    for (RawConnection& bomb : bombs) EXPECT_EQ(bomb.receive_error().at("code"), "too_large");
  }
  EXPECT_LT(lonely_.process().peak_rss_bytes(), rss_before_ + kMaxGrowthBytes / 8);
}

TEST_F(HostileClients, AnArrayOfTooManyEntriesIsRefusedThoughItsBytesWouldDo) {
  RawConnection hostile(lonely_.socket());
  hostile.send(std::string("\x94\x00\x09\xAA"
                           "order.list\x91\xDD\x00\x0C\x35\x00",
                           20) +
               std::string(800'000, '\xC0'));
  const auto refusal = hostile.receive();
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->at(1), 9);
  EXPECT_EQ(refusal->at(2).at("code"), "too_large");
}

TEST_F(HostileClients, HalfMessagesWaitForTheirOtherHalfAndHoldNobodyUp) {
  const std::string request = encoded_request(3, "order.create", order("halves"));
  std::vector<RawConnection> halves;
  for (int i = 0; i < 100; ++i) {
    halves.emplace_back(lonely_.socket());
    halves.back().send(std::string_view(request).substr(0, request.size() / 2));
  }
  expect_others_notice_nothing();
  halves.back().send(std::string_view(request).substr(request.size() / 2));
  const auto answer = halves.back().receive();
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->at(2).is_null()) << answer->dump();
  EXPECT_EQ(answer->at(3).at("order_id"), "halves");
  ++healthy_seq_;
  halves.clear();  // the others never send theirs
  expect_others_notice_nothing();
}

TEST_F(HostileClients, AMessageMayArriveByteByByte) {
  RawConnection slow(lonely_.socket());
  for (const char byte : encoded_request(3, "order.create", order("slow"))) {
    slow.send(std::string(1, byte));
  }
  const auto answer = slow.receive();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->at(3).at("order_id"), "slow");
  ++healthy_seq_;
}

TEST_F(HostileClients, BytesThatMessagePackDoesNotDefineAreRefused) {
  expect_turned_out("\xC1", "bad_request");
  expect_turned_out("\x94\xC1", "bad_request");
}

TEST_F(HostileClients, MessagesThatNoClientSendsAreRefused) {
  std::string response;
  ASSERT_TRUE(client::encode(Json::array({1, 1, nullptr, "surprise"}), response));
  for (const std::string& bytes :
       {response, std::string("\xC0"), std::string("\x2A"), std::string("\x80"),
        std::string("\x90"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("\x94\x03\x01\xA1x\x90", 6)}) {  // a message of type 3
    expect_turned_out(bytes, "bad_request");
  }
}

TEST_F(HostileClients, AMsgidThatIsNoUnsigned32BitIntegerIsRefused) {
  for (const Json& msgid : {Json(-1), Json("1"), Json(std::uint64_t{1} << 32), Json(nullptr)}) {
    std::string bytes;
    ASSERT_TRUE(client::encode(Json::array({0, msgid, "daemon.status", Json::array()}), bytes));
    expect_turned_out(bytes, "bad_request");
  }
}

TEST_F(HostileClients, ParamsThatAreNoSingleMapAreRefusedAndTheConnectionLivesOn) {
  RawConnection client(lonely_.socket());
  for (const Json& params : {Json("o-1"), Json::object(), Json::array({"o-1"}),
                             Json::array({Json::object(), Json::object()})}) {
    std::string bytes;
    ASSERT_TRUE(client::encode(Json::array({0, 5, "order.get", params}), bytes));
    client.send(bytes);
    EXPECT_EQ(client.receive_error().at("code"), "bad_request") << params.dump();
  }
}

TEST_F(HostileClients, GarbageHarmsNobodyButItsSender) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::string garbage(1 + random() % 4000, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    if (random() % 2 == 0) garbage.insert(0, std::string("\x94\x00\x01", 3));  // begins well
    RawConnection hostile(lonely_.socket());
    hostile.send(garbage);
    hostile.finish_sending();
    while (hostile.receive()) {
    }
  }
  expect_others_notice_nothing();
}

TEST_F(HostileClients, TwoThousandConnectionsAreServedUpToTheLimitAndTheOthersTurnedAway) {
  std::vector<RawConnection> crowd;
  for (int i = 0; i < 2000; ++i) crowd.emplace_back(lonely_.socket());
  expect_others_notice_nothing();

  std::size_t served = 0;
  std::size_t turned_away = 0;
  const std::string request = encoded_request(1, "order.list");
  for (RawConnection& connection : crowd) {
    connection.send(request);
    const auto answer = connection.receive();
    ASSERT_TRUE(answer.has_value());
    if (answer->at(2).is_null()) {
      ++served;
      continue;
    }
    ++turned_away;
    EXPECT_EQ(answer->at(2).at("code"), "too_large");
    EXPECT_EQ(answer->at(2).at("retry"), "later");
  }
  EXPECT_EQ(served, 1023U);  // and the healthy one
  EXPECT_EQ(turned_away, 977U);
  expect_others_notice_nothing();

  // When the crowd has gone, there is room again.
  crowd.clear();
  while (
      healthy_->call("daemon.metrics").value().get<std::string>().find("outboxd_connections 1\n") ==
      std::string::npos) {
  }
  EXPECT_EQ(lonely_.ask("order.get", {{"order_id", "healthy-1"}}).at("status"), "CREATED");
}

TEST_F(HostileClients, ConnectionsNeverTakeTheDescriptorsThatTheDatabaseNeeds) {
  healthy_.reset();
  lonely_.kill();
  lonely_.start({.max_open_files = 400});
  healthy_.emplace(lonely_.connect());
  std::vector<RawConnection> crowd;
  for (int i = 0; i < 500; ++i) crowd.emplace_back(lonely_.socket());
  const Json error = crowd.back().receive_error();
  EXPECT_EQ(error.at("retry"), "later");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("file descriptors"));
  // Enough for several logs and tables.
  const std::string data(400 << 10, 'x');
  for (int i = 0; i < 100; ++i) {
    ok(healthy_->call("tx.commit", transaction("t-" + std::to_string(i), "k", data)));
    ++healthy_seq_;
  }
}

TEST_F(HostileClients, AClientThatNeverReadsIsReadFromNoMoreUntilItDoes) {
  RawConnection hostile(lonely_.socket());
  std::string requests;
  std::uint32_t count = 0;
  while (requests.size() < (8 << 20)) requests += encoded_request(++count, "daemon.metrics");
  const std::size_t taken = hostile.send_until_unread(requests);
  EXPECT_LT(taken, requests.size());
  expect_others_notice_nothing();

  // Once it reads, it gets every answer.
  const std::size_t whole = taken / encoded_request(count, "daemon.metrics").size();
  for (std::size_t i = 0; i < whole / 2; ++i) {
    const auto answer = hostile.receive();
    ASSERT_TRUE(answer.has_value());
    ASSERT_TRUE(answer->at(2).is_null()) << answer->dump();
  }
}

TEST_F(HostileClients, ATailThatIsNeverReadDoesNotGrowInTheDaemon) {
  RawConnection hostile(lonely_.socket());
  hostile.send(encoded_request(1, "events.tail"));
  ASSERT_TRUE(hostile.receive().has_value());
  // 100 MB of events.
  const std::string data(400 << 10, 'x');
  for (int i = 0; i < 250; ++i) {
    ok(healthy_->call("tx.commit", transaction("t-" + std::to_string(i), "k", data)));
    ++healthy_seq_;
  }
  expect_others_notice_nothing();
  // What did not fit is read from the outbox later: nothing is lost.
  for (std::uint64_t seq = 2; seq <= healthy_seq_; ++seq) {
    const auto notification = hostile.receive();
    ASSERT_TRUE(notification.has_value());
    ASSERT_EQ(notification->at(1), "event") << notification->dump().substr(0, 300);
    ASSERT_EQ(notification->at(2).at(0).at("seq"), seq);
  }
}

TEST_F(HostileClients, MoreRequestsThanMayBeInFlightAreAllAnswered) {
  RawConnection eager(lonely_.socket());
  std::string requests;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    requests += encoded_request(i, "order.get", {{"order_id", "healthy-1"}});
  }
  eager.send(requests);
  std::vector<bool> answered(5000);
  for (int i = 0; i < 5000; ++i) {
    const auto answer = eager.receive();
    ASSERT_TRUE(answer.has_value());
    ASSERT_TRUE(answer->at(2).is_null());
    answered.at(answer->at(1).get<std::size_t>()) = true;
  }
  EXPECT_THAT(answered, ::testing::Each(true));
}

TEST_F(HostileClients, AClientThatDiesInMidRequestLeavesAWholeOrderOrNone) {
  for (int i = 0; i < 100; ++i) {
    const std::string id = "dying-" + std::to_string(i);
    const std::string request = encoded_request(1, "order.create", order(id));
    RawConnection dying(lonely_.socket());
    dying.send(i % 2 == 0 ? std::string_view(request)
                          : std::string_view(request).substr(0, request.size() - 1));
  }
  // Who asks again with the same id finds out (G4).
  for (int i = 0; i < 100; ++i) {
    const std::string id = "dying-" + std::to_string(i);
    const Json created = ok(healthy_->call("order.create", order(id)));
    EXPECT_TRUE(i % 2 == 0 || !created.at("replayed").get<bool>());
    ++healthy_seq_;
  }
  const Json all = ok(healthy_->call("order.list", {{"after", "dying"}, {"limit", 100}}));
  EXPECT_EQ(all.at("orders").size(), 100U);
}

}  // namespace
}  // namespace outboxd::e2e
