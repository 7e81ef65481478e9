#include "tests/fault/application.h"

#include <iterator>
#include <utility>

#include "storage/chain.h"

namespace outboxd::fault {
namespace {

using domain::Result;
using domain::Seq;
using domain::Status;

constexpr std::size_t kWallets = 8;
constexpr std::size_t kScratchKeys = 12;

std::string wallet_key(std::size_t number) {
  return "wallet/" + std::to_string(number);
}

domain::OrderSnapshot new_order(const std::string& id, domain::TimestampMs now_ms) {
  return domain::OrderSnapshot{.order_id = *domain::OrderId::parse(id),
                               .customer_id = *domain::CustomerId::parse("17850"),
                               .currency = *domain::Currency::parse("GBP"),
                               .total = 2034,
                               .lines = {{"85123A", 6, 255, "WHITE HANGING HEART T-LIGHT HOLDER"},
                                         {"71053", 6, 84, "WHITE METAL LANTERN"}},
                               .payment_method = "pm_ok_visa",
                               .created_at_ms = now_ms,
                               .updated_at_ms = now_ms};
}

}  // namespace

Status Application::fill_group(domain::Store& store) {
  const std::size_t units = 1 + below(4);
  for (std::size_t i = 0; i < units; ++i) {
    now_ms_ += static_cast<domain::TimestampMs>(below(1000));
    OUTBOXD_TRY(do_unit(store.begin(), store));
  }
  return domain::ok_status();
}

// Ends what `store.begin()` began, whatever happens.
Status Application::do_unit(domain::UnitOfWork& work, domain::Store& store) {
  const bool is_first = contents_.state.empty();
  const std::size_t choice = below(32);
  Result<Deed> deed = is_first       ? deposit(work)
                      : choice < 6   ? create_order(work)
                      : choice < 9   ? transfer(work)
                      : choice < 11  ? cancel_order(work)
                      : choice < 13  ? change_key(work)
                      : choice < 15  ? repeat_request(work)
                      : choice < 18  ? complete(work)
                      : choice == 18 ? bury(work)
                      : choice == 19 ? change_of_mind(work)
                      : choice < 23  ? process(work)
                      : choice == 23 ? process_again(work)
                      : choice == 24 ? forget_mark(work)
                      : choice < 27  ? expire(work)
                      : choice < 29  ? remove_letter(work)
                      : choice == 29 ? note_complete_above(work)
                                     : change_of_mind(work);
  if (!deed || *deed == Deed::kAbandoned) {
    store.discard();
    if (!deed) return std::move(deed).error();
    return domain::ok_status();
  }
  store.accept();
  ++transactions_;
  return domain::ok_status();
}

Result<Application::Deed> Application::deposit(domain::UnitOfWork& work) {
  for (std::size_t i = 0; i < kWallets; ++i) {
    put_wallet(work, wallet_key(i), kPointsInWallets / static_cast<std::int64_t>(kWallets));
  }
  publish(work, "wallets.opened", "all");
  return Deed::kAccepted;
}

Result<Application::Deed> Application::create_order(domain::UnitOfWork& work) {
  const std::string id = "order-" + std::to_string(orders_made_);
  domain::OrderSnapshot order = new_order(id, now_ms_);
  OUTBOXD_ASSIGN_OR_RETURN(const auto found, work.orders().find(order.order_id));
  expect(!found, "order " + id + " is there before it was made");
  order.created_seq = publish(work, "order.created", id);
  work.orders().put(order);
  contents_.orders.emplace(id, std::move(order));
  ++orders_made_;
  return Deed::kAccepted;
}

Result<Application::Deed> Application::cancel_order(domain::UnitOfWork& work) {
  if (contents_.orders.empty()) return Deed::kAbandoned;
  auto known = std::next(contents_.orders.begin(),
                         static_cast<std::ptrdiff_t>(below(contents_.orders.size())));
  OUTBOXD_ASSIGN_OR_RETURN(const auto found, work.orders().find(known->second.order_id));
  expect(found == known->second, "order " + known->first + " does not read as it was written");
  if (known->second.status != domain::OrderStatus::kCreated) return Deed::kAbandoned;
  known->second.status = domain::OrderStatus::kCancelled;
  known->second.updated_at_ms = now_ms_;
  known->second.settled_seq = publish(work, "order.cancelled", known->first);
  work.orders().put(known->second);
  return Deed::kAccepted;
}

// Moves points from one wallet to another, once per request id.
Result<Application::Deed> Application::transfer(domain::UnitOfWork& work) {
  const std::string from = wallet_key(below(kWallets));
  const std::string to = wallet_key(below(kWallets));
  if (from == to) return Deed::kAbandoned;
  const std::string id = "request-" + std::to_string(requests_made_++);
  const auto request_id = *domain::RequestId::parse(id);
  OUTBOXD_ASSIGN_OR_RETURN(const auto earlier, work.requests().find(request_id));
  expect(!earlier, id + " is there before it was made");
  OUTBOXD_ASSIGN_OR_RETURN(const auto balance, work.application_state().find(from));
  expect(balance && balance->bytes == contents_.state.at(from).bytes,
         from + " does not read as it was written");

  const std::int64_t points = 1 + static_cast<std::int64_t>(below(50));
  put_wallet(work, from, std::stoll(contents_.state.at(from).bytes) - points);
  put_wallet(work, to, std::stoll(contents_.state.at(to).bytes) + points);
  const Seq seq = publish(work, "points.moved", id);
  const domain::RequestRecord record{
      .digest = "digest of " + id, .outcome = "seq " + std::to_string(seq), .time_ms = now_ms_};
  work.requests().put(request_id, record);
  contents_.requests[id] = record;
  request_ids_.insert(id);
  return Deed::kAccepted;
}

// The same request again: its record answers, and nothing is written (G4).
Result<Application::Deed> Application::repeat_request(domain::UnitOfWork& work) {
  if (request_ids_.empty()) return Deed::kAbandoned;
  const std::string& id =
      *std::next(request_ids_.begin(), static_cast<std::ptrdiff_t>(below(request_ids_.size())));
  OUTBOXD_ASSIGN_OR_RETURN(const auto record, work.requests().find(*domain::RequestId::parse(id)));
  expect(record && record->outcome == contents_.requests.at(id).outcome,
         id + " is not answered as it was the first time");
  return Deed::kAbandoned;
}

Result<Application::Deed> Application::change_key(domain::UnitOfWork& work) {
  const std::string key = "scratch/" + std::to_string(below(kScratchKeys));
  OUTBOXD_ASSIGN_OR_RETURN(const auto found, work.application_state().find(key));
  const auto known = contents_.state.find(key);
  expect(found.has_value() == (known != contents_.state.end()),
         key + " is there and should not be, or the reverse");
  if (found && below(2) == 0) {
    work.application_state().remove(key);
    contents_.state.erase(known);
  } else {
    const domain::StateValue value{.bytes = std::string(below(300), 'v'),
                                   .version = work.revision()};
    work.application_state().put(key, value);
    contents_.state[key] = value;
  }
  publish(work, "key.changed", key);
  return Deed::kAccepted;
}

// The broker has acknowledged up to some durable entry.
Result<Application::Deed> Application::complete(domain::UnitOfWork& work) {
  if (durable_seq_ <= contents_.progress.completed_seq) return Deed::kAbandoned;
  const Seq seq =
      contents_.progress.completed_seq + 1 + below(durable_seq_ - contents_.progress.completed_seq);
  work.outbox().complete_through(seq);
  contents_.progress.completed_seq = seq;
  contents_.completed_chain = contents_.pending.contains(seq) ? contents_.pending.at(seq).chain
                                                              : contents_.withdrawn.at(seq);
  contents_.withdrawn.erase(contents_.withdrawn.begin(), contents_.withdrawn.upper_bound(seq));
  contents_.pending.erase(contents_.pending.begin(), contents_.pending.upper_bound(seq));
  return Deed::kAccepted;
}

Result<Application::Deed> Application::bury(domain::UnitOfWork& work) {
  if (contents_.pending.empty()) return Deed::kAbandoned;
  const auto known = std::next(contents_.pending.begin(),
                               static_cast<std::ptrdiff_t>(below(contents_.pending.size())));
  OUTBOXD_TRY(work.outbox().bury(known->first, "nobody wants it", now_ms_));
  note_buried(known->first, "nobody wants it");
  return Deed::kAccepted;
}

void Application::note_buried(Seq seq, const std::string& reason) {
  contents_.dead[seq] = {
      .entry = contents_.pending.at(seq), .died_at_ms = now_ms_, .reason = reason};
  contents_.withdrawn[seq] = contents_.dead[seq].entry.chain;
  contents_.pending.erase(seq);
}

// Nobody took the event of some order: event and order end together, with an event about that.
Result<Application::Deed> Application::expire(domain::UnitOfWork& work) {
  for (auto& [id, order] : contents_.orders) {
    const Seq seq = order.created_seq;
    if (order.status != domain::OrderStatus::kCreated || !contents_.pending.contains(seq)) continue;
    OUTBOXD_ASSIGN_OR_RETURN(const auto entry, work.outbox().find_pending(seq));
    expect(entry == contents_.pending.at(seq), "entry " + std::to_string(seq) + " reads otherwise");
    if (!entry) return Deed::kAbandoned;
    OUTBOXD_TRY(work.outbox().bury(seq, "expired", now_ms_));
    note_buried(seq, "expired");
    order.status = domain::OrderStatus::kExpired;
    order.updated_at_ms = now_ms_;
    order.settled_seq = publish(work, "order.expired", id);
    work.orders().put(order);
    return Deed::kAccepted;
  }
  return Deed::kAbandoned;
}

// Removes a dead letter; half of them are replayed as new entries by that.
Result<Application::Deed> Application::remove_letter(domain::UnitOfWork& work) {
  if (contents_.dead.empty()) return Deed::kAbandoned;
  const auto known =
      std::next(contents_.dead.begin(), static_cast<std::ptrdiff_t>(below(contents_.dead.size())));
  const Seq seq = known->first;
  OUTBOXD_ASSIGN_OR_RETURN(const auto dead, work.dead_letters().find(seq));
  expect(dead == known->second, "dead letter " + std::to_string(seq) + " reads otherwise");
  if (!dead) return Deed::kAbandoned;
  if (below(2) == 0) {
    domain::OutboxEntry again = dead->entry;
    again.seq = work.outbox().append(again);
    contents_.chain = storage::chain_after(contents_.chain, again.seq, again.envelope);
    again.chain = contents_.chain;
    contents_.progress.next_seq = again.seq + 1;
    contents_.pending[again.seq] = std::move(again);
  }
  OUTBOXD_TRY(work.dead_letters().remove(seq));
  contents_.removed_letters.insert(seq);
  contents_.dead.erase(known);
  return Deed::kAccepted;
}

// The next event of another producer: mark, payment, takings and event are one.
Result<Application::Deed> Application::process(domain::UnitOfWork& work) {
  if (deliveries_ == kDeliveries) return Deed::kAbandoned;
  const Seq delivery = ++deliveries_;
  const std::string id = "pay-" + std::to_string(delivery);
  OUTBOXD_ASSIGN_OR_RETURN(const bool is_marked, work.inbox().contains(mark_of(delivery)));
  expect(!is_marked, "delivery " + std::to_string(delivery) + " is marked before it came");
  const domain::MinorUnits amount = 1 + static_cast<std::int64_t>(below(5000));
  domain::PaymentSnapshot payment{
      .payment_id = *domain::PaymentId::parse(id),
      .source = "till-2",
      .subject = domain::OrderCharge{.order_id = *domain::OrderId::parse("order-" + id),
                                     .amount = amount,
                                     .currency = *domain::Currency::parse("GBP"),
                                     .payment_method = "pm_ok_visa"},
      .attempts = 1,
      .created_at_ms = now_ms_,
      .updated_at_ms = now_ms_};
  payment.decided_seq = publish(work, "payment.completed", id);
  const auto takings = contents_.state.find(kTakingsKey);
  const std::int64_t before =
      takings == contents_.state.end() ? 0 : std::stoll(takings->second.bytes);
  put_wallet(work, kTakingsKey, before + amount);
  work.payments().put(payment);
  work.inbox().put(mark_of(delivery), 0);
  contents_.marks.insert(delivery);
  contents_.payments.emplace(id, std::move(payment));
  return Deed::kAccepted;
}

// The same event again: its mark answers, and nothing is written (G8).
Result<Application::Deed> Application::process_again(domain::UnitOfWork& work) {
  for (const Seq delivery : contents_.marks) {
    OUTBOXD_ASSIGN_OR_RETURN(const bool is_marked, work.inbox().contains(mark_of(delivery)));
    expect(is_marked, "G8: delivery " + std::to_string(delivery) + " is taken for a new one");
  }
  return Deed::kAbandoned;
}

// The broker will not deliver some event again.
Result<Application::Deed> Application::forget_mark(domain::UnitOfWork& work) {
  if (contents_.marks.empty()) return Deed::kAbandoned;
  const Seq delivery = *contents_.marks.begin();
  work.inbox().remove(mark_of(delivery));
  contents_.marks.erase(delivery);
  contents_.settled.insert(delivery);
  return Deed::kAccepted;
}

// Of the durable entries that are not complete, every other one is.
Result<Application::Deed> Application::note_complete_above(domain::UnitOfWork& work) {
  std::vector<domain::SeqRange> ranges;
  for (Seq seq = contents_.progress.completed_seq + 2; seq <= durable_seq_; seq += 2) {
    ranges.push_back({seq, seq});
  }
  if (ranges == contents_.complete_above) return Deed::kAbandoned;
  work.outbox().note_complete_above(ranges);
  contents_.complete_above = std::move(ranges);
  return Deed::kAccepted;
}

// Writes everything there is to write, and is discarded: none of it may be seen again.
Result<Application::Deed> Application::change_of_mind(domain::UnitOfWork& work) {
  domain::OrderSnapshot order = new_order("never", now_ms_);
  order.created_seq = work.outbox().append({.topic = "orders", .envelope = "order.created never"});
  work.orders().put(order);
  work.application_state().put("never", {.bytes = "never", .version = work.revision()});
  work.requests().put(*domain::RequestId::parse("never"), {.digest = "never"});
  work.inbox().put(mark_of(kDeliveries), 0);
  for (const Seq delivery : contents_.marks) work.inbox().remove(mark_of(delivery));
  for (const auto& [seq, dead] : contents_.dead) OUTBOXD_TRY(work.dead_letters().remove(seq));
  work.outbox().note_complete_above({{1, order.created_seq}});
  work.outbox().complete_through(order.created_seq);
  ++changes_of_mind_;
  return Deed::kAbandoned;
}

// Appends an event whose envelope starts with its type and key, mostly small and at times as long
// as several blocks of the write-ahead log.
Seq Application::publish(domain::UnitOfWork& work, const std::string& type,
                         const std::string& key) {
  const std::size_t size = below(25) == 0 ? 90000 : below(8) == 0 ? 9000 : 60 + below(300);
  domain::OutboxEntry entry{.time_ms = now_ms_, .topic = "orders", .envelope = type + " " + key};
  entry.envelope += " ";
  while (entry.envelope.size() < size) entry.envelope.push_back(static_cast<char>(below(256)));
  if (below(3) == 0) entry.ttl_ms = 300000;

  const Seq seq = work.outbox().append(entry);
  contents_.chain = storage::chain_after(contents_.chain, seq, entry.envelope);
  entry.chain = contents_.chain;
  expect(seq == contents_.progress.next_seq, "event " + std::to_string(seq) + " is out of order");
  entry.seq = seq;
  contents_.pending[seq] = std::move(entry);
  contents_.progress.next_seq = seq + 1;
  return seq;
}

void Application::put_wallet(domain::UnitOfWork& work, const std::string& key,
                             std::int64_t points) {
  const domain::StateValue value{.bytes = std::to_string(points), .version = work.revision()};
  const auto known = contents_.state.find(key);
  expect(known == contents_.state.end() || known->second.version < value.version ||
             known->second.bytes == value.bytes,
         key + " was given a version again");
  work.application_state().put(key, value);
  contents_.state[key] = value;
}

void Application::expect(bool condition, const std::string& complaint) {
  if (!condition) complaints_.push_back(complaint);
}

std::size_t Application::below(std::size_t bound) {
  return static_cast<std::size_t>(random_() % bound);
}

}  // namespace outboxd::fault
