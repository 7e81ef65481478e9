// Everything a store holds, as a value: what it should hold, and what was found.
#pragma once

#include <map>
#include <set>
#include <string>

#include "domain/store.h"
#include "storage/store.h"

namespace outboxd::fault {

struct StoreContents {
  std::map<std::string, domain::OrderSnapshot> orders;
  std::map<std::string, domain::StateValue> state;
  std::map<std::string, domain::RequestRecord> requests;
  std::map<domain::Seq, domain::OutboxEntry> pending;  // entries that are not complete
  std::map<domain::Seq, domain::DeadEntry> dead;
  domain::OutboxProgress progress;
};

// Reads the store through its ports. Requests cannot be listed: those of `request_ids` are asked
// for. No unit of work may be open.
domain::Result<StoreContents> read_contents(storage::OutboxStore& store,
                                            const std::set<std::string>& request_ids);

// What is the first difference between the two, in words; empty when there is none.
std::string difference(const StoreContents& expected, const StoreContents& found);

}  // namespace outboxd::fault
