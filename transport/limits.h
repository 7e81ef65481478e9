// Every limit on what a peer may send, in one place. Each is checked before memory is taken for it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace outboxd::transport {

// Local socket (API.md, "Transport").
inline constexpr std::size_t kMaxIpcMessageBytes = 1 << 20;
inline constexpr std::size_t kMaxIpcRequestsInFlight =
    1024;  // per connection; past it we stop reading
inline constexpr std::size_t kMaxIpcConnections = 1024;
inline constexpr std::size_t kMaxIpcUnsentBytes =
    8 << 20;  // per connection; past it we stop reading,
              // and a tail that cannot keep up is ended
inline constexpr std::size_t kDescriptorsForFiles =
    320;  // of the process, kept from connections; RocksDB alone holds 256 open

// MessagePack documents, from anyone.
inline constexpr std::size_t kMaxDepth = 16;
inline constexpr std::size_t kMaxArrayEntries = 1 << 17;
inline constexpr std::size_t kMaxMapEntries = 1 << 16;
inline constexpr std::size_t kMaxExtensionBytes = 0;  // no extension type is in use

// Events (API.md `tx.commit`; docs/decisions).
inline constexpr std::size_t kMaxTopicBytes = 64;
inline constexpr std::size_t kMaxEventTypeBytes = 64;
inline constexpr std::size_t kMaxEventKeyBytes = 64;
inline constexpr std::size_t kMaxTraceparentBytes = 128;
inline constexpr std::size_t kMaxEventDataBytes = 512 << 10;
inline constexpr std::size_t kMaxEnvelopeBytes = kMaxEventDataBytes + 1024;

// Broker link.
inline constexpr std::size_t kMaxFrameBytes = 2 << 20;
inline constexpr std::size_t kMaxPublishEvents = 1024;    // in one PUBLISH
inline constexpr std::size_t kMaxPublishBytes = 1 << 20;  // of envelopes in one PUBLISH
inline constexpr std::size_t kMaxErrorTextBytes = 1024;
inline constexpr std::size_t kMaxStoreIdBytes = 32;  // 128 bits in hexadecimal

// Broker link, consumer side.
inline constexpr std::size_t kMaxGroupBytes = 128;
inline constexpr std::size_t kMaxSubscribedTopicBytes =
    5 + kMaxTopicBytes + 1 + kMaxGroupBytes;              // dead:<topic>:<group>
inline constexpr std::size_t kMaxDeliverEvents = 1024;    // in one DELIVER
inline constexpr std::size_t kMaxDeliverBytes = 1 << 20;  // of envelopes in one DELIVER
inline constexpr std::size_t kMaxSettlements = 1024;      // in one SETTLE, and tags in one SETTLED
inline constexpr std::size_t kMaxCompletedRanges = 1024;  // in one COMPLETED
inline constexpr std::size_t kMaxCompletionRules = 64;    // in one HELLO
inline constexpr std::size_t kMaxSubscriptions = 64;      // of one session
inline constexpr std::size_t kMaxCredit = 65536;          // of one subscription; more is cut to it
inline constexpr std::size_t kMaxReasonBytes = 256;       // of a settlement; its sender cuts it

}  // namespace outboxd::transport
