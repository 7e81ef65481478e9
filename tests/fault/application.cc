#include "tests/fault/application.h"

#include <iterator>
#include <utility>

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
  const std::size_t choice = below(20);
  Result<Deed> deed = is_first       ? deposit(work)
                      : choice < 6   ? create_order(work)
                      : choice < 9   ? transfer(work)
                      : choice < 11  ? cancel_order(work)
                      : choice < 13  ? change_key(work)
                      : choice < 15  ? repeat_request(work)
                      : choice < 18  ? complete(work)
                      : choice == 18 ? bury(work)
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
  contents_.pending.erase(contents_.pending.begin(), contents_.pending.upper_bound(seq));
  return Deed::kAccepted;
}

Result<Application::Deed> Application::bury(domain::UnitOfWork& work) {
  if (contents_.pending.empty()) return Deed::kAbandoned;
  const auto known = std::next(contents_.pending.begin(),
                               static_cast<std::ptrdiff_t>(below(contents_.pending.size())));
  OUTBOXD_TRY(work.outbox().bury(known->first, "nobody wants it", now_ms_));
  contents_.dead[known->first] = {
      .entry = known->second, .died_at_ms = now_ms_, .reason = "nobody wants it"};
  contents_.pending.erase(known);
  return Deed::kAccepted;
}

// Writes everything there is to write, and is discarded: none of it may be seen again.
Result<Application::Deed> Application::change_of_mind(domain::UnitOfWork& work) {
  domain::OrderSnapshot order = new_order("never", now_ms_);
  order.created_seq = work.outbox().append({.topic = "orders", .envelope = "order.created never"});
  work.orders().put(order);
  work.application_state().put("never", {.bytes = "never", .version = work.revision()});
  work.requests().put(*domain::RequestId::parse("never"), {.digest = "never"});
  work.outbox().complete_through(order.created_seq);
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
