// Brokers that speak another language, lie, or flood: local clients notice nothing, nothing is
// counted as delivered that is not, and a good broker gets everything afterwards.
#include <atomic>
#include <future>
#include <random>
#include <variant>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/fake_broker.h"
#include "tests/support/sanitizers.h"
#include "transport/link/frame_codec.h"

namespace outboxd::e2e {
namespace {

using ::testing::HasSubstr;
using transport::AckFrame;
using transport::Frame;
using transport::HelloFrame;
using transport::PublishFrame;

using Answers = std::vector<std::string>;

bool is_hello(const Frame& frame) {
  return std::holds_alternative<HelloFrame>(frame);
}

class HostileBroker : public ApplianceTest {
 protected:
  void SetUp() override {
    daemon_.start();
    healthy_.emplace(daemon_.connect());
    expect_clients_notice_nothing();
  }

  void TearDown() override {
    healthy_.reset();
    ApplianceTest::TearDown();
  }

  void expect_clients_notice_nothing() {
    const auto created = healthy_->call("order.create", order("o-" + std::to_string(++orders_)));
    ASSERT_TRUE(created) << created.error().message;
    EXPECT_EQ(created->at("seq"), orders_);
  }

  // The link comes to `state` because of something that `reason` is part of, and nothing counts as
  // delivered.
  void expect_link(std::string_view state, std::string_view reason) {
    ASSERT_TRUE(daemon_.process().wait_for_output(reason));
    const Json status = ok(healthy_->call("daemon.status"));
    EXPECT_EQ(status.at("link").at("state"), state);
    EXPECT_THAT(status.at("link").at("last_error").get<std::string>(),
                HasSubstr(std::string(reason)));
    EXPECT_EQ(status.at("outbox").at("delivered_seq"), 0);
    expect_clients_notice_nothing();
  }

  // A restart asks the next broker at once, which has to get everything.
  void expect_a_good_broker_gets_everything() {
    broker_.start();
    EXPECT_EQ(daemon_.stop(), 0);
    daemon_.start();
    healthy_.emplace(daemon_.connect());
    expect_clients_notice_nothing();
    wait_until_delivered(daemon_, orders_);
    const auto events = events_at(broker_, "orders");
    ASSERT_EQ(events.size(), orders_);
    for (std::uint64_t i = 0; i < orders_; ++i) EXPECT_EQ(events[i].at("seq"), i + 1);
  }

  std::optional<Client> healthy_;
  std::uint64_t orders_ = 0;
};

TEST_F(HostileBroker, OneThatSpeaksAnotherVersionIsNamedIncompatible) {
  {
    const FakeBroker broker(port_.endpoint(), [](const Frame& frame) -> Answers {
      if (!is_hello(frame)) return {};
      return {std::string("\x63\x92\x02\x01", 4)};  // version 99: [2, 1]
    });
    expect_link("incompatible", "the broker speaks version 99");
  }
  expect_a_good_broker_gets_everything();
}

TEST_F(HostileBroker, OneThatSendsGarbageIsSaidTo) {
  {
    std::mt19937 random(1);
    const FakeBroker broker(port_.endpoint(), [&random](const Frame&) -> Answers {
      std::string garbage(2000, '\0');
      for (char& byte : garbage) byte = static_cast<char>(random());
      garbage[0] = transport::kProtocolVersion;
      return {garbage, std::string(), std::string("\x01", 1),
              std::string("\x01\xDD\xFF\xFF\xFF\xFF", 6),
              std::string(1, '\x01') + std::string(5000, '\x91')};
    });
    expect_link("connecting", "the broker sent garbage");
  }
  expect_a_good_broker_gets_everything();
}

TEST_F(HostileBroker, OneThatAcknowledgesWhatWasNeverSentIsNotBelieved) {
  {
    const FakeBroker broker(port_.endpoint(), [](const Frame& frame) -> Answers {
      if (is_hello(frame)) return {welcome(0), transport::encode(AckFrame{1'000'000})};
      return {};
    });
    expect_link("incompatible", "the broker acknowledged event 1000000");
  }
  EXPECT_EQ(ok(healthy_->call("outbox.list")).at("entries").size(), orders_);
  expect_a_good_broker_gets_everything();
}

TEST_F(HostileBroker, OneThatHasMoreThanWasEverSentIsNotPublishedTo) {
  {
    const FakeBroker broker(port_.endpoint(), [](const Frame& frame) -> Answers {
      if (is_hello(frame)) return {welcome(1'000'000)};
      return {};
    });
    expect_link("conflict", "another box uses the name");
  }
  expect_a_good_broker_gets_everything();
}

TEST_F(HostileBroker, OneThatSendsADaemonsFramesIsGreetedAgain) {
  std::promise<void> greeted_again;
  {
    int greetings = 0;
    const FakeBroker broker(port_.endpoint(), [&](const Frame& frame) -> Answers {
      if (!is_hello(frame)) return {};
      if (++greetings == 2) greeted_again.set_value();
      if (greetings > 1) return {};  // or the link would be connected for a moment again
      return {welcome(0), transport::encode(HelloFrame{"till-1", 9, 1, "fake"})};
    });
    ASSERT_EQ(greeted_again.get_future().wait_for(kPatience), std::future_status::ready);
    expect_link("connecting", "a frame that only a daemon sends");
  }
  expect_a_good_broker_gets_everything();
}

TEST_F(HostileBroker, OneThatWelcomesAndNeverAcknowledgesLeavesEverythingPending) {
  std::atomic<std::uint64_t> published = 0;
  {
    const FakeBroker broker(port_.endpoint(), [&published](const Frame& frame) -> Answers {
      if (is_hello(frame)) return {welcome(0)};
      if (const auto* publish = std::get_if<PublishFrame>(&frame)) {
        published = publish->first_seq + publish->envelopes.size() - 1;
        published.notify_all();
      }
      return {};
    });
    for (std::uint64_t seen = 0; seen < orders_; seen = published) published.wait(seen);
    const Failure waiting = failed(
        healthy_->call("outbox.wait", {{"seq", 1}, {"level", "delivered"}, {"timeout_ms", 50}}));
    EXPECT_EQ(waiting.code, "timeout");
    EXPECT_EQ(ok(healthy_->call("outbox.list")).at("entries").size(), orders_);
    expect_clients_notice_nothing();
  }
  expect_a_good_broker_gets_everything();
}

TEST_F(HostileBroker, AFloodOfFramesIsReadInBoundedMemory) {
  const std::uint64_t before = daemon_.process().peak_rss_bytes();
  const FakeBroker broker(port_.endpoint(), [](const Frame& frame) -> Answers {
    if (is_hello(frame)) {
      Answers flood = {welcome(0)};
      flood.resize(500, transport::encode(transport::PingFrame{}));
      for (int i = 0; i < 100; ++i) flood.push_back(std::string(1 << 20, '\x01'));
      return flood;
    }
    return {};
  });
  ASSERT_TRUE(daemon_.process().wait_for_output("the broker sent garbage"));
  expect_clients_notice_nothing();
  constexpr std::uint64_t kMaxGrowthBytes = (support::kMemoryIsSanitized ? 700 : 64) << 20;
  EXPECT_LT(daemon_.process().peak_rss_bytes(), before + kMaxGrowthBytes);
}

TEST_F(HostileBroker, AnEventThatItRefusesForEverBecomesADeadLetterAndTheRestGoesOn) {
  const FakeBroker broker(port_.endpoint(), [](const Frame& frame) -> Answers {
    if (is_hello(frame)) return {welcome(0)};
    const auto* publish = std::get_if<PublishFrame>(&frame);
    if (publish == nullptr) return {};
    const domain::Seq last = publish->first_seq + publish->envelopes.size() - 1;
    const bool has_first = publish->first_seq == 1 && !publish->envelopes.front().empty();
    if (!has_first) return {transport::encode(AckFrame{last})};
    return {transport::encode(
        transport::RejectFrame{{{1, transport::reject_code::kForbiddenTopic, "not for you"}}})};
  });
  const Failure refused = failed(healthy_->call(
      "outbox.wait", {{"seq", 1},
                      {"level", "delivered"},
                      {"timeout_ms", std::chrono::milliseconds(kPatience).count()}}));
  EXPECT_EQ(refused.code, "invalid_state");
  EXPECT_THAT(refused.message, HasSubstr("not for you"));
  expect_clients_notice_nothing();
  wait_until_delivered(daemon_, orders_);

  const Json dead = ok(healthy_->call("outbox.list", {{"state", "dead"}})).at("entries");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].at("seq"), 1);
  EXPECT_THAT(dead[0].at("reason").get<std::string>(), HasSubstr("forbidden_topic"));
  EXPECT_EQ(ok(healthy_->call("daemon.status")).at("outbox").at("dead"), 1);
}

}  // namespace
}  // namespace outboxd::e2e
