#include "broker/groups/consumer_frames.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "transport/limits.h"
#include "transport/link/frame_codec.h"

namespace outboxd::broker {
namespace {

// What a delivery takes besides its texts, at most.
constexpr std::size_t kDeliveryOverhead = 48;

std::size_t bytes_of(const transport::Delivery& delivery) {
  return kDeliveryOverhead + delivery.topic.size() + delivery.group.size() +
         delivery.producer.size() + delivery.envelope.size() + delivery.reason.size();
}

// Calls `visit` with consecutive parts of at most `size` items.
template <typename T, typename F>
void in_parts(const std::vector<T>& items, std::size_t size, F visit) {
  const std::span<const T> all(items);
  for (std::size_t from = 0; from < all.size(); from += size) {
    const auto part = all.subspan(from, std::min(size, all.size() - from));
    visit(std::vector<T>(part.begin(), part.end()));
  }
}

}  // namespace

std::vector<std::string> deliver_frames(const std::vector<transport::Delivery>& deliveries) {
  std::vector<std::string> frames;
  transport::DeliverFrame frame;
  std::size_t bytes = 0;
  for (const transport::Delivery& delivery : deliveries) {
    const std::size_t more = bytes_of(delivery);
    if (frame.deliveries.size() == transport::kMaxDeliverEvents ||
        (!frame.deliveries.empty() && bytes + more > transport::kMaxDeliverBytes)) {
      frames.push_back(transport::encode(frame));
      frame.deliveries.clear();
      bytes = 0;
    }
    frame.deliveries.push_back(delivery);
    bytes += more;
  }
  if (!frame.deliveries.empty()) frames.push_back(transport::encode(frame));
  return frames;
}

std::vector<std::string> settled_frames(const std::vector<std::uint64_t>& tags) {
  std::vector<std::string> frames;
  in_parts(tags, transport::kMaxSettlements, [&](std::vector<std::uint64_t> part) {
    frames.push_back(transport::encode(transport::SettledFrame{std::move(part)}));
  });
  return frames;
}

std::vector<std::string> completed_frames(std::string_view topic, const SeqRanges& completed) {
  std::vector<std::string> frames;
  in_parts(completed.ranges(), transport::kMaxCompletedRanges,
           [&](std::vector<transport::SeqRange> part) {
             frames.push_back(transport::encode(transport::CompletedFrame{topic, std::move(part)}));
           });
  return frames;
}

}  // namespace outboxd::broker
