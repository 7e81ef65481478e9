#include "broker/groups/consumer_frames.h"

#include <numeric>

#include <gtest/gtest.h>

#include "transport/limits.h"
#include "transport/link/frame_codec.h"

namespace outboxd::broker {
namespace {

template <typename T>
T decoded(const std::string& bytes, transport::Document& document) {
  const auto frame = transport::decode_frame(bytes, document);
  EXPECT_TRUE(frame) << (frame ? "" : frame.error().message);
  return std::get<T>(*frame);
}

TEST(ConsumerFramesTest, DeliveriesAreSplitByCount) {
  const std::vector<transport::Delivery> deliveries(transport::kMaxDeliverEvents + 1,
                                                    {.tag = 1,
                                                     .topic = "t",
                                                     .group = "g",
                                                     .attempt = 1,
                                                     .producer = "p",
                                                     .seq = 1,
                                                     .envelope = "e"});
  const auto frames = deliver_frames(deliveries);
  ASSERT_EQ(frames.size(), 2U);
  transport::Document document;
  EXPECT_EQ(decoded<transport::DeliverFrame>(frames[0], document).deliveries.size(),
            transport::kMaxDeliverEvents);
  EXPECT_EQ(decoded<transport::DeliverFrame>(frames[1], document).deliveries.size(), 1U);
}

TEST(ConsumerFramesTest, DeliveriesAreSplitByBytesAndALargeOneTravelsAlone) {
  const std::string large(transport::kMaxEnvelopeBytes, 'x');
  const std::vector<transport::Delivery> deliveries(3, {.tag = 1,
                                                        .topic = "t",
                                                        .group = "g",
                                                        .attempt = 1,
                                                        .producer = "p",
                                                        .seq = 1,
                                                        .envelope = large});
  const auto frames = deliver_frames(deliveries);
  EXPECT_EQ(frames.size(), 3U);
  transport::Document document;
  for (const std::string& frame : frames) {
    EXPECT_LE(frame.size(), transport::kMaxFrameBytes);
    EXPECT_EQ(decoded<transport::DeliverFrame>(frame, document).deliveries[0].envelope, large);
  }
}

TEST(ConsumerFramesTest, TagsAndRangesAreSplitByCountAndNoneIsMissing) {
  std::vector<std::uint64_t> tags(transport::kMaxSettlements * 2 + 5);
  std::iota(tags.begin(), tags.end(), 1);
  SeqRanges ranges;
  for (domain::Seq seq = 1; seq <= 2 * transport::kMaxCompletedRanges + 1; seq += 2) {
    ranges.add(seq, seq);
  }
  std::vector<std::uint64_t> found;
  transport::Document document;
  for (const std::string& frame : settled_frames(tags)) {
    const auto settled = decoded<transport::SettledFrame>(frame, document);
    found.insert(found.end(), settled.tags.begin(), settled.tags.end());
  }
  EXPECT_EQ(found, tags);
  std::vector<transport::SeqRange> found_ranges;
  for (const std::string& frame : completed_frames("orders", ranges)) {
    const auto completed = decoded<transport::CompletedFrame>(frame, document);
    EXPECT_EQ(completed.topic, "orders");
    found_ranges.insert(found_ranges.end(), completed.ranges.begin(), completed.ranges.end());
  }
  EXPECT_EQ(found_ranges, ranges.ranges());
}

TEST(ConsumerFramesTest, NothingToSayIsNoFrame) {
  EXPECT_TRUE(deliver_frames({}).empty());
  EXPECT_TRUE(settled_frames({}).empty());
  EXPECT_TRUE(completed_frames("orders", {}).empty());
}

}  // namespace
}  // namespace outboxd::broker
