// The chain over the outbox: one value per position, by which two histories are told apart (G13).
#pragma once

#include <cstdint>
#include <string_view>

#include "domain/ids.h"

namespace outboxd::storage {

// Stands for the value of a position that has none: everything that was committed before there were
// chains, and the position before the first event.
inline constexpr std::uint64_t kNoChain = 0;

// The value of position `seq`, whose event was committed as `envelope`; `before` is that of the
// position before it. Never kNoChain. Two outboxes whose values agree at a position agree on
// everything up to there, as far as 64 bits go: it finds copies that went different ways, not
// forgers.
std::uint64_t chain_after(std::uint64_t before, domain::Seq seq, std::string_view envelope);

}  // namespace outboxd::storage
