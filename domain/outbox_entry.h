// An event that was given its place in the outbox.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "domain/clock.h"
#include "domain/ids.h"

namespace outboxd::domain {

// One entry of the outbox. `envelope` is the event as it travels (transport/msgpack/envelope.h
// encodes it once; the outbox and the broker carry it unchanged). `topic`, `time_ms` and `ttl_ms`
// stand beside it because the outbox itself decides by them.
struct OutboxEntry {
  Seq seq = 0;
  TimestampMs time_ms = 0;
  std::optional<std::int64_t> ttl_ms;
  std::string topic;
  std::string envelope;
  std::int64_t elapsed_ms = 0;  // the elapsed time when it was committed; the store sets it

  // Of this entry and all before it (G13); the store sets it. 0: committed before there were
  // chains.
  std::uint64_t chain = 0;

  friend bool operator==(const OutboxEntry&, const OutboxEntry&) = default;
};

// A number behind the watermark: an entry, or what stays of one that was withdrawn before it was
// delivered.
struct OutboxPosition {
  Seq seq = 0;
  std::uint64_t chain = 0;             // 0: unknown
  const OutboxEntry* entry = nullptr;  // null: withdrawn
};

// An entry that will never be delivered, kept for people to look at.
struct DeadEntry {
  OutboxEntry entry;
  TimestampMs died_at_ms = 0;
  std::string reason;

  friend bool operator==(const DeadEntry&, const DeadEntry&) = default;
};

}  // namespace outboxd::domain
