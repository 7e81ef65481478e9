// What groups have to say to consumers and producers, as frames within their limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/seq_ranges.h"
#include "transport/link/frames.h"

namespace outboxd::broker {

// Each call of these gives as few frames as the limits of transport/limits.h allow. What does not
// fit by itself (one large event) still travels, in a frame of its own.
std::vector<std::string> deliver_frames(const std::vector<transport::Delivery>& deliveries);
std::vector<std::string> settled_frames(const std::vector<std::uint64_t>& tags);
std::vector<std::string> completed_frames(std::string_view topic, const SeqRanges& completed);

}  // namespace outboxd::broker
