#include "tests/fault/store_contents.h"

#include <algorithm>
#include <utility>

namespace outboxd::fault {
namespace {

using domain::Page;
using domain::Result;
using domain::Status;

constexpr std::size_t kPageEntries = 100;

// Calls `list` page by page and passes every entry to `take`.
template <typename List, typename Take>
Status read_pages(const List& list, const Take& take) {
  Page page{.limit = kPageEntries};
  for (;;) {
    auto result = list(page);
    if (!result) return std::move(result).error();
    for (auto& entry : result->entries) take(std::move(entry));
    if (!result->next) return domain::ok_status();
    page.after = *result->next;
  }
}

Status read_requests(storage::OutboxStore& store, const std::set<std::string>& request_ids,
                     StoreContents& contents) {
  domain::RequestLog& requests = store.begin().requests();
  Status status = domain::ok_status();
  for (const std::string& id : request_ids) {
    auto record = requests.find(*domain::RequestId::parse(id));
    if (!record) {
      status = std::move(record).error();
      break;
    }
    if (*record) contents.requests[id] = **record;
  }
  store.discard();
  return status;
}

Status read_marks(storage::OutboxStore& store, StoreContents& contents) {
  domain::InboxMarks& marks = store.begin().inbox();
  Status status = domain::ok_status();
  for (domain::Seq delivery = 1; delivery <= kDeliveries && status.ok(); ++delivery) {
    auto is_marked = marks.contains(mark_of(delivery));
    if (!is_marked) {
      status = std::move(is_marked).error();
    } else if (*is_marked) {
      contents.marks.insert(delivery);
    }
  }
  store.discard();
  return status;
}

// Without what the watermark covers.
std::vector<domain::SeqRange> above_watermark(const StoreContents& contents) {
  std::vector<domain::SeqRange> ranges = contents.complete_above;
  const domain::Seq completed = contents.progress.completed_seq;
  std::erase_if(ranges, [&](const domain::SeqRange& range) { return range.last <= completed; });
  if (!ranges.empty()) ranges.front().first = std::max(ranges.front().first, completed + 1);
  return ranges;
}

std::string marks_difference(const StoreContents& expected, const StoreContents& found) {
  for (domain::Seq delivery = 1; delivery <= kDeliveries; ++delivery) {
    if (expected.marks.contains(delivery) == found.marks.contains(delivery)) continue;
    return "the mark of delivery " + std::to_string(delivery) +
           (expected.marks.contains(delivery) ? " is missing" : " should not be there");
  }
  return {};
}

bool same(const domain::StateValue& a, const domain::StateValue& b) {
  return a.bytes == b.bytes && a.version == b.version;
}

bool same(const domain::RequestRecord& a, const domain::RequestRecord& b) {
  return a.digest == b.digest && a.outcome == b.outcome && a.time_ms == b.time_ms;
}

template <typename T>
bool same(const T& a, const T& b) {
  return a == b;
}

std::string text_of(const std::string& key) {
  return key;
}
std::string text_of(domain::Seq seq) {
  return std::to_string(seq);
}

template <typename Map>
std::string map_difference(const std::string& what, const Map& expected, const Map& found) {
  for (const auto& [key, value] : expected) {
    const auto other = found.find(key);
    if (other == found.end()) return what + " " + text_of(key) + " is missing";
    if (!same(value, other->second)) return what + " " + text_of(key) + " has other contents";
  }
  for (const auto& [key, value] : found) {
    if (!expected.contains(key)) return what + " " + text_of(key) + " should not be there";
  }
  return {};
}

}  // namespace

domain::InboxKey mark_of(domain::Seq delivery) {
  return {.group = "payments", .producer = "till-2", .seq = delivery};
}

Result<StoreContents> read_contents(storage::OutboxStore& store,
                                    const std::set<std::string>& request_ids) {
  StoreContents contents;
  contents.progress = store.durable_progress();
  OUTBOXD_TRY(read_pages([&](const Page& page) { return store.list_orders(std::nullopt, page); },
                         [&](domain::OrderSnapshot order) {
                           contents.orders.emplace(order.order_id.text(), std::move(order));
                         }));
  OUTBOXD_TRY(read_pages([&](const Page& page) { return store.list_payments(std::nullopt, page); },
                         [&](domain::PaymentSnapshot payment) {
                           contents.payments.emplace(payment.payment_id.text(), std::move(payment));
                         }));
  OUTBOXD_TRY(read_pages([&](const Page& page) { return store.list_state("", page); },
                         [&](domain::NamedState entry) {
                           contents.state.emplace(std::move(entry.key), std::move(entry.value));
                         }));
  OUTBOXD_TRY(store.scan_positions(1, [&](const domain::OutboxPosition& position) {
    if (position.entry != nullptr) {
      contents.pending.emplace(position.seq, *position.entry);
    } else {
      contents.withdrawn.emplace(position.seq, position.chain);
    }
    return true;
  }));
  OUTBOXD_ASSIGN_OR_RETURN(contents.chain, store.chain_at(contents.progress.next_seq - 1));
  OUTBOXD_ASSIGN_OR_RETURN(contents.completed_chain,
                           store.chain_at(contents.progress.completed_seq));
  OUTBOXD_TRY(store.scan_dead(1, [&](const domain::DeadEntry& entry) {
    contents.dead.emplace(entry.entry.seq, entry);
    return true;
  }));
  OUTBOXD_TRY(read_requests(store, request_ids, contents));
  OUTBOXD_TRY(read_marks(store, contents));
  contents.complete_above = store.complete_above_at_open();
  return contents;
}

std::string difference(const StoreContents& expected, const StoreContents& found) {
  if (expected.progress.next_seq != found.progress.next_seq) {
    return "next_seq is " + std::to_string(found.progress.next_seq) + " instead of " +
           std::to_string(expected.progress.next_seq);
  }
  if (expected.progress.completed_seq != found.progress.completed_seq) {
    return "completed_seq is " + std::to_string(found.progress.completed_seq) + " instead of " +
           std::to_string(expected.progress.completed_seq);
  }
  if (expected.chain != found.chain || expected.completed_chain != found.completed_chain) {
    return "the chain is another one";
  }
  for (const std::string& text : {map_difference("order", expected.orders, found.orders),
                                  map_difference("key", expected.state, found.state),
                                  map_difference("request", expected.requests, found.requests),
                                  map_difference("payment", expected.payments, found.payments),
                                  marks_difference(expected, found),
                                  map_difference("outbox entry", expected.pending, found.pending),
                                  map_difference("withdrawn", expected.withdrawn, found.withdrawn),
                                  map_difference("dead letter", expected.dead, found.dead)}) {
    if (!text.empty()) return text;
  }
  if (above_watermark(expected) != above_watermark(found)) {
    return "other entries above the watermark are complete";
  }
  return {};
}

}  // namespace outboxd::fault
