// Reading the outbox position by position, with an account of every one (G13).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "domain/store.h"
#include "storage/database/database.h"
#include "storage/durable_progress.h"
#include "storage/records.h"

namespace outboxd::storage {

// Checks that each entry follows from the position before it, where the chain values of both are
// known. Give it the positions in ascending order; those that are not given are not judged.
class ChainCheck {
 public:
  // Error: damaged, naming `position`, when it belongs to another history than the one before it.
  domain::Status follow(const domain::OutboxEntry& position, OutboxKind kind);

 private:
  domain::Seq seq_ = 0;
  std::uint64_t chain_ = 0;  // of seq_; 0: nothing follows from it
};

// The watermark as it is on the disk. One read, so its two fields belong together.
domain::Result<CompletedRecord> read_completed(const Database& database);

// See domain::DurableReader::scan_positions. Starts behind the watermark: before it lies what the
// collector has yet to remove, and walking over that would make every scan as long as the garbage.
//
// Where `outbox` has nothing, a record among the dead letters explains why: before there were
// withdrawn positions, burying left a hole.
domain::Status scan_positions(Database& database, const DurableProgress& progress, domain::Seq from,
                              const std::function<bool(const domain::OutboxPosition&)>& visit);

// See domain::DurableReader::chain_at.
domain::Result<std::uint64_t> chain_at(const Database& database, domain::Seq seq);

// What a hole means, for people.
std::string missing_events(domain::Seq first, domain::Seq last);

}  // namespace outboxd::storage
