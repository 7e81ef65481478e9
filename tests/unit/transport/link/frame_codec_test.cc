#include "transport/link/frame_codec.h"

#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/frame_bytes.h"
#include "transport/limits.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;

// A frame and the bytes that its views point into.
class Decoded {
 public:
  explicit Decoded(std::string bytes) : bytes_(std::move(bytes)) {
    auto frame = decode_frame(bytes_, document_);
    EXPECT_TRUE(frame.ok()) << (frame.ok() ? "" : frame.error().message);
    if (frame.ok()) frame_ = std::move(*frame);
  }

  template <typename T>
  const T& as() const {
    return std::get<T>(frame_);
  }

 private:
  std::string bytes_;
  Document document_;
  Frame frame_ = UnknownFrame{};
};

std::string publish(domain::Seq first_seq, const std::vector<std::string>& envelopes) {
  std::size_t bytes = 0;
  for (const std::string& envelope : envelopes) bytes += envelope.size();
  PublishEncoder encoder(first_seq, envelopes.size(), bytes);
  for (const std::string& envelope : envelopes) encoder.add(envelope);
  return std::move(encoder).finish();
}

std::vector<std::string> one_of_each() {
  return {
      encode(HelloFrame{"till-1", 3, 70'000, "0.1.0"}),
      encode(WelcomeFrame{9, 69'999, 65'536, 8 << 20, 1024, 1 << 20, 525'312, "0.1.0"}),
      encode(FencedFrame{4}),
      publish(7, {"first", "", std::string(300, 'x')}),
      encode(AckFrame{70'000}),
      encode(RejectFrame{{{7, reject_code::kTooLarge, "too much"}, {9, "later_code", ""}}}),
      encode(ErrorFrame{link_error::kGap, "expected event 5"}),
      encode(PingFrame{}),
      encode(PongFrame{}),
      encode(ByeFrame{"stopping"}),
  };
}

TEST(FrameCodec, HelloComesBackAsItWas) {
  const Decoded decoded(encode(HelloFrame{"till-1", 3, 70'000, "0.1.0"}));
  EXPECT_EQ(decoded.as<HelloFrame>().producer, "till-1");
  EXPECT_EQ(decoded.as<HelloFrame>().epoch, 3U);
  EXPECT_EQ(decoded.as<HelloFrame>().next_seq, 70'000U);
  EXPECT_EQ(decoded.as<HelloFrame>().software, "0.1.0");
}

TEST(FrameCodec, WelcomeComesBackAsItWas) {
  const Decoded decoded(encode(WelcomeFrame{1, 2, 3, 4, 5, 6, 7, "eight"}));
  const auto& welcome = decoded.as<WelcomeFrame>();
  EXPECT_EQ(welcome.session, 1U);
  EXPECT_EQ(welcome.last_seq, 2U);
  EXPECT_EQ(welcome.window_events, 3U);
  EXPECT_EQ(welcome.window_bytes, 4U);
  EXPECT_EQ(welcome.max_publish_events, 5U);
  EXPECT_EQ(welcome.max_publish_bytes, 6U);
  EXPECT_EQ(welcome.max_envelope_bytes, 7U);
  EXPECT_EQ(welcome.software, "eight");
}

TEST(FrameCodec, PublishComesBackInOrderWithWithdrawnEventsInTheirPlaces) {
  const std::string large(100'000, 'x');
  const Decoded decoded(publish(42, {"one", "", large}));
  EXPECT_EQ(decoded.as<PublishFrame>().first_seq, 42U);
  EXPECT_THAT(decoded.as<PublishFrame>().envelopes, ElementsAre("one", "", large));
}

TEST(FrameCodec, PublishPointsIntoTheBytesInsteadOfCopyingThem) {
  const std::string bytes = publish(1, {std::string(5'000, 'x')});
  Document document;
  const auto frame = decode_frame(bytes, document);
  const std::string_view envelope = std::get<PublishFrame>(*frame).envelopes.at(0);
  EXPECT_GE(envelope.data(), bytes.data());
  EXPECT_LE(envelope.data() + envelope.size(), bytes.data() + bytes.size());
}

TEST(FrameCodec, TheLargestPublishFitsIntoAFrame) {
  std::vector<std::string> envelopes(kMaxPublishEvents,
                                     std::string(kMaxPublishBytes / kMaxPublishEvents, 'x'));
  EXPECT_LE(publish(~std::uint64_t{0} - kMaxPublishEvents, envelopes).size(), kMaxFrameBytes);
}

TEST(FrameCodec, RejectComesBackAsItWas) {
  const Decoded decoded(encode(RejectFrame{{{7, "too_large", "512 KiB"}, {9, "other", ""}}}));
  const auto& refusals = decoded.as<RejectFrame>().refusals;
  ASSERT_EQ(refusals.size(), 2U);
  EXPECT_EQ(refusals[0].seq, 7U);
  EXPECT_EQ(refusals[0].code, "too_large");
  EXPECT_EQ(refusals[0].message, "512 KiB");
  EXPECT_EQ(refusals[1].seq, 9U);
}

TEST(FrameCodec, SmallFramesComeBackAsTheyWere) {
  EXPECT_EQ(Decoded(encode(FencedFrame{12})).as<FencedFrame>().epoch, 12U);
  EXPECT_EQ(Decoded(encode(AckFrame{~std::uint64_t{0}})).as<AckFrame>().seq, ~std::uint64_t{0});
  EXPECT_EQ(Decoded(encode(ErrorFrame{"gap", "why"})).as<ErrorFrame>().code, "gap");
  EXPECT_EQ(Decoded(encode(ErrorFrame{"gap", "why"})).as<ErrorFrame>().message, "why");
  EXPECT_EQ(Decoded(encode(ByeFrame{"drained"})).as<ByeFrame>().reason, "drained");
  Decoded(encode(PingFrame{})).as<PingFrame>();
  Decoded(encode(PongFrame{})).as<PongFrame>();
}

TEST(FrameCodec, ALongMessageIsCutNotRefused) {
  const Decoded decoded(encode(ErrorFrame{"gap", std::string(1 << 20, 'm')}));
  EXPECT_EQ(decoded.as<ErrorFrame>().message.size(), kMaxErrorTextBytes);
}

TEST(FrameCodec, FieldsOfALaterReleaseAreSkipped) {
  std::string bytes = frame_of(4);
  Writer(bytes).integer(5).integer(99).string("a field of a later release").array(1).nil();
  EXPECT_EQ(Decoded(bytes).as<AckFrame>().seq, 99U);
}

TEST(FrameCodec, AFrameTypeOfALaterReleaseIsKnownAsSuch) {
  std::string bytes = frame_of(3);
  Writer(bytes).integer(99).string("orders").string("payments");
  EXPECT_EQ(Decoded(bytes).as<UnknownFrame>().type, 99U);
}

TEST(FrameCodec, AFrameCutAtAnyByteIsRefused) {
  for (const std::string& frame : one_of_each()) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      EXPECT_TRUE(is_no_frame(frame.substr(0, size))) << size << " of " << frame.size();
    }
  }
}

TEST(FrameCodec, BytesBehindAFrameAreRefused) {
  for (const std::string& frame : one_of_each()) EXPECT_TRUE(is_no_frame(frame + '\0'));
}

TEST(FrameCodec, MissingAndWrongFieldsAreRefused) {
  std::string missing = frame_of(1);
  Writer(missing).integer(5);
  EXPECT_TRUE(is_no_frame(missing));
  std::string wrong = frame_of(2);
  Writer(wrong).integer(5).string("99");
  EXPECT_TRUE(is_no_frame(wrong));
  std::string negative = frame_of(2);
  Writer(negative).integer(5).integer(-1);
  EXPECT_TRUE(is_no_frame(negative));
  EXPECT_TRUE(is_no_frame(frame_of(0)));
}

TEST(FrameCodec, APublishOfNothingOrOutOfRangeIsRefused) {
  const auto with = [](std::uint64_t first_seq, std::size_t events) {
    std::string bytes = frame_of(3);
    Writer writer(bytes);
    writer.integer(4).unsigned_integer(first_seq).array(events);
    for (std::size_t i = 0; i < events; ++i) writer.nil();
    return bytes;
  };
  EXPECT_FALSE(is_no_frame(with(1, 1)));
  EXPECT_TRUE(is_no_frame(with(1, 0))) << "no events";
  EXPECT_TRUE(is_no_frame(with(0, 1))) << "sequence numbers start at 1";
  EXPECT_TRUE(is_no_frame(with(~std::uint64_t{0}, 1))) << "there must be a number after the last";
  EXPECT_FALSE(is_no_frame(with(1, kMaxPublishEvents)));
  EXPECT_TRUE(is_no_frame(with(1, kMaxPublishEvents + 1)));
}

TEST(FrameCodec, AnEmptyEventIsRefusedBecauseNilSaysWithdrawn) {
  std::string bytes = frame_of(3);
  Writer(bytes).integer(4).integer(1).array(1).binary("");
  EXPECT_TRUE(is_no_frame(bytes));
}

TEST(FrameCodec, AnEventThatIsNoBinaryIsRefused) {
  std::string bytes = frame_of(3);
  Writer(bytes).integer(4).integer(1).array(1).string("text");
  EXPECT_TRUE(is_no_frame(bytes));
}

TEST(FrameCodec, ClaimsOfBillionsOfEntriesCostNothing) {
  std::string bytes = frame_of(3);
  Writer(bytes).integer(4).integer(1);
  EXPECT_TRUE(is_no_frame(bytes + std::string("\xDD\xFF\xFF\xFF\xFF", 5)));
  EXPECT_TRUE(is_no_frame(std::string("\x01\xDD\xFF\xFF\xFF\xFF", 6)));
}

TEST(FrameCodec, AFrameOfAnotherVersionIsToldFromGarbage) {
  std::string later = encode(PingFrame{});
  later[0] = '\x02';
  EXPECT_EQ(other_version(later), 2);
  EXPECT_TRUE(is_no_frame(later));
  EXPECT_EQ(other_version(encode(PingFrame{})), std::nullopt);
  EXPECT_EQ(other_version(""), std::nullopt);
  EXPECT_EQ(other_version("\x02"), std::nullopt);
  EXPECT_EQ(other_version("GET / HTTP/1.1"), std::nullopt);
}

TEST(FrameCodec, RandomBytesAreNeverMoreThanRefused) {
  std::mt19937_64 random(1);
  const std::vector<std::string> frames = one_of_each();
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
