// Everything a store holds, as a value: what it should hold, and what was found.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "domain/store.h"
#include "storage/store.h"

namespace outboxd::fault {

// Events of another producer that the script may be given, numbered from 1.
inline constexpr domain::Seq kDeliveries = 60;

// Under what the script marks them.
domain::InboxKey mark_of(domain::Seq delivery);

struct StoreContents {
  std::map<std::string, domain::OrderSnapshot> orders;
  std::map<std::string, domain::StateValue> state;
  std::map<std::string, domain::RequestRecord> requests;
  std::map<domain::Seq, domain::OutboxEntry> pending;  // entries that are not complete
  std::map<domain::Seq, std::uint64_t> withdrawn;      // what stands for buried ones: their chain
  std::map<domain::Seq, domain::DeadEntry> dead;
  std::map<std::string, domain::PaymentSnapshot> payments;
  std::set<domain::Seq> marks;                   // deliveries that are marked as processed
  std::vector<domain::SeqRange> complete_above;  // as it was noted last, or as it was found
  domain::OutboxProgress progress;
  std::uint64_t chain = 0;            // of the newest event
  std::uint64_t completed_chain = 0;  // of the watermark

  // What cannot be read from a store, so it is never compared: it only excuses what is not there.
  std::set<domain::Seq> removed_letters;
  std::set<domain::Seq> settled;  // deliveries whose mark was removed
};

// Reads the store through its ports. Requests cannot be listed: those of `request_ids` are asked
// for. No unit of work may be open.
domain::Result<StoreContents> read_contents(storage::OutboxStore& store,
                                            const std::set<std::string>& request_ids);

// What is the first difference between the two, in words; empty when there is none.
std::string difference(const StoreContents& expected, const StoreContents& found);

}  // namespace outboxd::fault
