// What a repair of the log has cost, in outbox sequence numbers.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "domain/outbox_entry.h"
#include "domain/result.h"
#include "storage/database/database.h"
#include "storage/group.h"
#include "storage/store.h"

namespace outboxd::storage {

// The numbers of the events that were committed between the two intact writes around `damage`, or
// nothing when there were none or the writes do not tell. Where no write is left behind it, up to
// `last_seq`, the newest number that is known.
std::optional<SeqRange> events_between(const Database& database, const LogDamage& damage,
                                       domain::Seq last_seq = 0);

// The numbers behind the watermark up to the head that are neither in the outbox nor among the dead
// letters, where one that was buried before there were withdrawn positions is.
domain::Result<std::vector<SeqRange>> find_holes(const Database& database,
                                                 const Position& position);

// Positions behind the watermark that are there, and are not what was committed.
struct UnsoundPositions {
  std::vector<SeqRange> undecodable;
  std::vector<domain::Seq> breaks;  // do not follow from the position before them
};
domain::Result<UnsoundPositions> find_unsound(const Database& database, const Position& position);

// Both, in order; ranges that touch become one. Neither has what the other has.
std::vector<SeqRange> merge(std::vector<SeqRange> ranges, const std::vector<SeqRange>& others);

// Durably takes the chain value from `seqs`: nobody knows what they followed from. The entries
// stay.
domain::Status forget_chains(Database& database, const std::vector<domain::Seq>& seqs);

// Counts the dead letters and, where `head` says otherwise, durably corrects it.
domain::Status count_dead_again(Database& database, HeadRecord& head);

// Durably puts an entry made by `lost_entry` under every number of `holes`. Their chain goes on
// from the position before them; what stands behind a hole keeps the chain that it was published
// with.
domain::Status fill_holes(Database& database, const std::vector<SeqRange>& holes,
                          const std::function<domain::OutboxEntry(domain::Seq)>& lost_entry);

}  // namespace outboxd::storage
