// The frames of consumers, as bytes.
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/frame_bytes.h"
#include "transport/limits.h"
#include "transport/link/frame_codec.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;

// The views of the frame point into `bytes`, which the caller keeps.
template <typename T>
T decoded(const std::string& bytes) {
  static Document document;
  auto frame = decode_frame(bytes, document);
  EXPECT_TRUE(frame.ok()) << (frame.ok() ? "" : frame.error().message);
  return std::get<T>(*frame);
}

Delivery some_delivery() {
  return {9, "orders", "payments", 2, "till-1", 70, "envelope", "why"};
}

std::vector<std::string> one_of_each_for_consumers() {
  Delivery without_reason = some_delivery();
  without_reason.reason = {};
  return {
      encode(HelloFrame{"till-1", 3, 7, "0.2.0", {{"orders", "payments"}, {"t", "g"}}, 1u << 31}),
      encode(PingFrame{SentCount{4, 70'000}}),
      encode(PongFrame{SentCount{4, 70'000}}),
      encode(SubscribeFrame{"orders", "payments", 256}),
      encode(DeliverFrame{{some_delivery(), without_reason}}),
      encode(SettleFrame{{{9, Outcome::kAck, ""}, {1ull << 40, Outcome::kDead, "poison"}}}),
      encode(CompletedFrame{"orders", {{1, 70}, {72, 72}}}),
      encode(SettledFrame{{9, 1ull << 40}}),
      encode(UnsubscribedFrame{"orders", "payments", "too_many", "no"}),
  };
}

TEST(FrameCodecOfConsumers, ConsumersFramesCarryTheirPlace) {
  const SentCount place{1ull << 40, 70'000};
  const std::vector<std::string> frames = one_of_each_for_consumers();
  for (std::size_t i = 3; i < frames.size(); ++i) {
    Document document;
    EXPECT_EQ(place_of(decode_frame(frames[i], document).value()), std::nullopt) << i;
    const std::string bytes = placed(frames[i], place);
    EXPECT_EQ(place_of(decode_frame(bytes, document).value()), place) << i;
    EXPECT_TRUE(is_no_frame(bytes.substr(0, bytes.size() - 1))) << i;
  }
}

TEST(FrameCodecOfConsumers, HelloCarriesCompletionRulesAndTheInstance) {
  const std::string bytes = one_of_each_for_consumers()[0];
  const auto hello = decoded<HelloFrame>(bytes);
  ASSERT_EQ(hello.completions.size(), 2U);
  EXPECT_EQ(hello.completions[0].topic, "orders");
  EXPECT_EQ(hello.completions[0].group, "payments");
  EXPECT_EQ(hello.instance, 1u << 31);
}

TEST(FrameCodecOfConsumers, AHelloOfAnEarlierReleaseHasNeither) {
  std::string bytes = frame_of(5);
  Writer(bytes).integer(1).string("till-1").integer(3).integer(7).string("0.1.0");
  const auto hello = decoded<HelloFrame>(bytes);
  EXPECT_EQ(hello.software, "0.1.0");
  EXPECT_TRUE(hello.completions.empty());
  EXPECT_EQ(hello.instance, 0U);
}

TEST(FrameCodecOfConsumers, APingOfAnEarlierReleaseCountsNothing) {
  const std::string ping = encode(PingFrame{});
  EXPECT_FALSE(decoded<PingFrame>(ping).sent.has_value());
  const std::string counting = encode(PongFrame{SentCount{4, 5}});
  EXPECT_EQ(decoded<PongFrame>(counting).sent->session, 4U);
  EXPECT_EQ(decoded<PongFrame>(counting).sent->frames, 5U);
  std::string half = frame_of(2);
  Writer(half).integer(8).integer(4);
  EXPECT_TRUE(is_no_frame(half));
}

TEST(FrameCodecOfConsumers, SubscribeComesBackAsItWas) {
  const std::string bytes = encode(SubscribeFrame{"orders", "payments", 1'000'000'000});
  const auto subscribe = decoded<SubscribeFrame>(bytes);
  EXPECT_EQ(subscribe.topic, "orders");
  EXPECT_EQ(subscribe.group, "payments");
  EXPECT_EQ(subscribe.credit, 1'000'000'000U) << "what that is worth is the broker's to say";
}

TEST(FrameCodecOfConsumers, DeliverComesBackAsItWas) {
  const std::string bytes = one_of_each_for_consumers()[4];
  const auto deliver = decoded<DeliverFrame>(bytes);
  ASSERT_EQ(deliver.deliveries.size(), 2U);
  const Delivery& first = deliver.deliveries[0];
  EXPECT_EQ(first.tag, 9U);
  EXPECT_EQ(first.topic, "orders");
  EXPECT_EQ(first.group, "payments");
  EXPECT_EQ(first.attempt, 2U);
  EXPECT_EQ(first.producer, "till-1");
  EXPECT_EQ(first.seq, 70U);
  EXPECT_EQ(first.envelope, "envelope");
  EXPECT_EQ(first.reason, "why");
  EXPECT_EQ(deliver.deliveries[1].reason, "");
}

TEST(FrameCodecOfConsumers, TheLargestDeliverFitsIntoAFrame) {
  const std::string envelope(kMaxDeliverBytes / kMaxDeliverEvents, 'x');
  const std::string topic(kMaxSubscribedTopicBytes, 't');
  const std::string group(kMaxGroupBytes, 'g');
  const std::string producer(64, 'p');
  const std::string reason(10'000, 'r');
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  DeliverFrame frame;
  frame.deliveries.assign(kMaxDeliverEvents,
                          {kMost, topic, group, ~0U, producer, kMost, envelope, reason});
  const std::string bytes = encode(frame);
  EXPECT_LE(bytes.size(), kMaxFrameBytes);
  EXPECT_EQ(decoded<DeliverFrame>(bytes).deliveries.back().reason.size(), kMaxReasonBytes);
}

TEST(FrameCodecOfConsumers, ADeliveryWithoutAnEventAnAttemptOrANumberIsRefused) {
  const auto with = [](std::uint64_t attempt, std::uint64_t seq, std::string_view envelope) {
    std::string bytes = frame_of(2);
    Writer writer(bytes);
    writer.integer(12).array(1).array(8).integer(9).string("t").string("g");
    writer.unsigned_integer(attempt).string("p").unsigned_integer(seq).binary(envelope).nil();
    return bytes;
  };
  EXPECT_FALSE(is_no_frame(with(1, 1, "e")));
  EXPECT_TRUE(is_no_frame(with(0, 1, "e"))) << "attempts count from 1";
  EXPECT_TRUE(is_no_frame(with(1ull << 32, 1, "e")));
  EXPECT_TRUE(is_no_frame(with(1, 0, "e"))) << "sequence numbers start at 1";
  EXPECT_TRUE(is_no_frame(with(1, 1, "")));
}

TEST(FrameCodecOfConsumers, SettleComesBackAsItWasWithItsReasonsCut) {
  const std::string bytes = encode(SettleFrame{{{9, Outcome::kAck, ""},
                                                {10, Outcome::kRetry, std::string(1000, 'r')},
                                                {11, Outcome::kDead, "x"},
                                                {12, Outcome::kRelease, ""}}});
  const auto settle = decoded<SettleFrame>(bytes);
  ASSERT_EQ(settle.settlements.size(), 4U);
  EXPECT_EQ(settle.settlements[0].tag, 9U);
  EXPECT_EQ(settle.settlements[0].outcome, Outcome::kAck);
  EXPECT_EQ(settle.settlements[1].outcome, Outcome::kRetry);
  EXPECT_EQ(settle.settlements[1].reason.size(), kMaxReasonBytes);
  EXPECT_EQ(settle.settlements[2].outcome, Outcome::kDead);
  EXPECT_EQ(settle.settlements[3].outcome, Outcome::kRelease);
}

TEST(FrameCodecOfConsumers, AnOutcomeThatIsNoneIsRefused) {
  std::string bytes = frame_of(2);
  Writer(bytes).integer(13).array(1).array(3).integer(9).integer(4).string("");
  EXPECT_TRUE(is_no_frame(bytes));
}

TEST(FrameCodecOfConsumers, CompletedComesBackAsItWas) {
  const std::string bytes = encode(CompletedFrame{"orders", {{1, 70}, {72, 72}}});
  const auto completed = decoded<CompletedFrame>(bytes);
  EXPECT_EQ(completed.topic, "orders");
  EXPECT_THAT(completed.ranges, ElementsAre(SeqRange{1, 70}, SeqRange{72, 72}));
}

TEST(FrameCodecOfConsumers, ARangeThatIsNoneIsRefused) {
  const auto with = [](std::uint64_t first, std::uint64_t last) {
    std::string bytes = frame_of(3);
    Writer(bytes)
        .integer(14)
        .string("t")
        .array(1)
        .array(2)
        .unsigned_integer(first)
        .unsigned_integer(last);
    return bytes;
  };
  EXPECT_FALSE(is_no_frame(with(1, 1)));
  EXPECT_TRUE(is_no_frame(with(2, 1)));
  EXPECT_TRUE(is_no_frame(with(0, 1)));
}

TEST(FrameCodecOfConsumers, SettledAndUnsubscribedComeBackAsTheyWere) {
  const std::string settled = encode(SettledFrame{{9, ~std::uint64_t{0}}});
  EXPECT_THAT(decoded<SettledFrame>(settled).tags, ElementsAre(9U, ~std::uint64_t{0}));
  const std::string refused = encode(UnsubscribedFrame{"orders", "payments", "too_many", "no"});
  EXPECT_EQ(decoded<UnsubscribedFrame>(refused).topic, "orders");
  EXPECT_EQ(decoded<UnsubscribedFrame>(refused).group, "payments");
  EXPECT_EQ(decoded<UnsubscribedFrame>(refused).code, "too_many");
  EXPECT_EQ(decoded<UnsubscribedFrame>(refused).message, "no");
}

TEST(FrameCodecOfConsumers, ListsOfNothingAndListsThatAreTooLongAreRefused) {
  const auto list = [](int type, std::size_t entries, auto write_entry) {
    std::string bytes = frame_of(type == 14 ? 3 : 2);
    Writer writer(bytes);
    writer.integer(type);
    if (type == 14) writer.string("orders");
    writer.array(entries);
    for (std::size_t i = 0; i < entries; ++i) write_entry(writer);
    return bytes;
  };
  const auto delivery = [](Writer& writer) {
    writer.array(8).integer(1).string("t").string("g").integer(1).string("p").integer(1);
    writer.binary("e").nil();
  };
  const auto settlement = [](Writer& writer) { writer.array(3).integer(1).integer(0).string(""); };
  const auto range = [](Writer& writer) { writer.array(2).integer(1).integer(1); };
  const auto tag = [](Writer& writer) { writer.integer(1); };
  const auto check = [&](int type, std::size_t most, auto write_entry) {
    EXPECT_TRUE(is_no_frame(list(type, 0, write_entry))) << type;
    EXPECT_FALSE(is_no_frame(list(type, most, write_entry))) << type;
    EXPECT_TRUE(is_no_frame(list(type, most + 1, write_entry))) << type;
  };
  check(12, kMaxDeliverEvents, delivery);
  check(13, kMaxSettlements, settlement);
  check(14, kMaxCompletedRanges, range);
  check(15, kMaxSettlements, tag);
}

TEST(FrameCodecOfConsumers, TooManyCompletionRulesAreRefused) {
  const auto with = [](std::size_t rules) {
    std::string bytes = frame_of(6);
    Writer writer(bytes);
    writer.integer(1).string("till-1").integer(3).integer(7).string("").array(rules);
    for (std::size_t i = 0; i < rules; ++i) writer.array(2).string("t").string("g");
    return bytes;
  };
  EXPECT_FALSE(is_no_frame(with(kMaxCompletionRules)));
  EXPECT_TRUE(is_no_frame(with(kMaxCompletionRules + 1)));
}

TEST(FrameCodecOfConsumers, AFrameCutAtAnyByteIsRefused) {
  for (const std::string& frame : one_of_each_for_consumers()) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      EXPECT_TRUE(is_no_frame(frame.substr(0, size))) << size << " of " << frame.size();
    }
  }
}

TEST(FrameCodecOfConsumers, RandomBytesAreNeverMoreThanRefused) {
  std::mt19937_64 random(2);
  const std::vector<std::string> frames = one_of_each_for_consumers();
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = frames[random() % frames.size()];
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      bytes[1 + random() % (bytes.size() - 1)] = static_cast<char>(random());
    }
    Document document;
    const auto frame = decode_frame(bytes, document);
    EXPECT_TRUE(frame.ok() || !frame.error().message.empty());
  }
}

}  // namespace
}  // namespace outboxd::transport
