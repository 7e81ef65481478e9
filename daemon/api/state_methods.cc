#include "daemon/api/state_methods.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "daemon/api/paging.h"
#include "domain/ids.h"
#include "transport/ipc/arguments.h"
#include "transport/limits.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Value;
using transport::Writer;

constexpr std::int64_t kMaxTtlMs =
    std::int64_t{366} * 24 * 3600 * 1000;  // a year: more is a mistake

Result<std::string> encoded_argument(const Arguments& arguments, std::string_view name) {
  OUTBOXD_ASSIGN_OR_RETURN(const Value value, arguments.any(name));
  std::string bytes;
  value.encode_to(bytes);
  return bytes;
}

Status decode_expectations(const Arguments& arguments, std::vector<Expectation>& expectations) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const auto entries,
      arguments.maps("expect", false, kMaxTransactionEntries, {"key", "version"}));
  for (const Arguments& entry : entries) {
    OUTBOXD_ASSIGN_OR_RETURN(const auto key, entry.string("key"));
    OUTBOXD_ASSIGN_OR_RETURN(
        const std::int64_t version,
        entry.integer("version", {0, std::numeric_limits<std::int64_t>::max()}));
    expectations.push_back({std::string(key), static_cast<std::uint64_t>(version)});
  }
  return domain::ok_status();
}

Status decode_puts(const Arguments& arguments, std::vector<StatePut>& puts) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto entries,
                           arguments.maps("put", false, kMaxTransactionEntries, {"key", "value"}));
  for (const Arguments& entry : entries) {
    OUTBOXD_ASSIGN_OR_RETURN(const auto key, entry.string("key"));
    OUTBOXD_ASSIGN_OR_RETURN(std::string value, encoded_argument(entry, "value"));
    puts.push_back({std::string(key), std::move(value)});
  }
  return domain::ok_status();
}

Result<std::string_view> identifier(const Arguments& arguments, std::string_view name) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view text, arguments.string(name));
  if (domain::is_valid_id(text)) return text;
  const std::string path = arguments.path_of(name);
  return domain::bad_request(path, path + " must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
}

Result<std::string> event_data(const Arguments& entry) {
  OUTBOXD_ASSIGN_OR_RETURN(std::string data, encoded_argument(entry, "data"));
  if (data.size() <= transport::kMaxEventDataBytes) return data;
  const std::string path = entry.path_of("data");
  return domain::Error{domain::ErrorCode::kTooLarge,
                       path + " may have " + std::to_string(transport::kMaxEventDataBytes) +
                           " bytes as MessagePack, not " + std::to_string(data.size()),
                       path};
}

Result<domain::DomainEvent> decode_event(const Arguments& entry) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto topic, identifier(entry, "topic"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto key, identifier(entry, "key"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto type, identifier(entry, "type"));
  OUTBOXD_ASSIGN_OR_RETURN(std::string data, event_data(entry));
  OUTBOXD_ASSIGN_OR_RETURN(const auto ttl_ms, entry.optional_integer("ttl_ms", {1, kMaxTtlMs}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto traceparent, entry.optional_string("traceparent"));
  return domain::DomainEvent{.topic = std::string(topic),
                             .key = std::string(key),
                             .type = std::string(type),
                             .time_ms = 0,
                             .ttl_ms = ttl_ms,
                             .traceparent = std::string(traceparent.value_or("")),
                             .payload = domain::OpaquePayload{std::move(data)}};
}

Status decode_events(const Arguments& arguments, std::vector<domain::DomainEvent>& events) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const auto entries,
      arguments.maps("events", false, kMaxTransactionEntries,
                     {"topic", "key", "type", "data", "ttl_ms", "traceparent"}));
  for (const Arguments& entry : entries) {
    OUTBOXD_ASSIGN_OR_RETURN(domain::DomainEvent event, decode_event(entry));
    events.push_back(std::move(event));
  }
  return domain::ok_status();
}

// The deliveries that the transaction settles. What is wrong with one is kept for the transaction
// to say: when the request is the repetition of one that was committed, nothing is.
Result<std::vector<DeliveryId>> decode_settle(const StateApi& api, const Request& request,
                                              const Arguments& arguments,
                                              Transaction& transaction) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto tags,
                           arguments.unsigned_integers("settle", kMaxTransactionEntries));
  std::vector<DeliveryId> deliveries;
  transaction.elapsed_ms = api.elapsed.elapsed_ms();
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string argument = "settle[" + std::to_string(i) + "]";
    const auto delivery = api.consumers.find(request.reply_to.connection, tags[i], argument);
    if (!delivery) {
      if (!transaction.settle_refusal) transaction.settle_refusal = delivery.error();
      continue;
    }
    if (std::find(deliveries.begin(), deliveries.end(), *delivery) != deliveries.end()) {
      return domain::bad_request(argument,
                                 "delivery " + std::to_string(tags[i]) + " is settled twice");
    }
    deliveries.push_back(*delivery);
    transaction.settle.push_back(api.inbox.mark_of(*delivery));
  }
  return deliveries;
}

Result<Transaction> decode_transaction(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto id_text, arguments.string("request_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto request_id, domain::RequestId::parse(id_text));
  Transaction transaction{std::move(request_id), {}, {}, {}, {}};
  OUTBOXD_TRY(decode_expectations(arguments, transaction.expect));
  OUTBOXD_TRY(decode_puts(arguments, transaction.put));
  OUTBOXD_ASSIGN_OR_RETURN(const auto removed, arguments.strings("delete", kMaxTransactionEntries));
  transaction.remove.assign(removed.begin(), removed.end());
  OUTBOXD_TRY(decode_events(arguments, transaction.events));
  return transaction;
}

void write_seq(Writer& writer, std::string_view name, domain::Seq seq) {
  writer.key(name);
  seq == 0 ? writer.nil() : writer.unsigned_integer(seq);
}

// {versions: {key: n}, first_seq, seq, replayed}; a key that was deleted has version 0.
void write_outcome(Writer& writer, const std::vector<std::string>& put,
                   const std::vector<std::string>& removed, const TransactionOutcome& outcome) {
  writer.map(4).key("versions").map(put.size() + removed.size());
  for (const std::string& key : put) writer.field(key, outcome.version);
  for (const std::string& key : removed) writer.field(key, std::uint64_t{0});
  write_seq(writer, "first_seq", outcome.first_seq);
  write_seq(writer, "seq", outcome.seq);
  writer.field("replayed", outcome.replayed);
}

Status commit(const StateApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"request_id", "expect", "put",
                                                                 "delete", "events", "settle"}));
  OUTBOXD_ASSIGN_OR_RETURN(Transaction transaction, decode_transaction(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<DeliveryId> deliveries,
                           decode_settle(api, request, arguments, transaction));
  std::vector<std::string> put;
  for (const StatePut& entry : transaction.put) put.push_back(entry.key);
  const std::vector<std::string> removed = transaction.remove;
  GroupCommit::WhenDurable when_durable;
  if (!deliveries.empty()) {
    when_durable = [&consumers = api.consumers, deliveries](const Status& status) {
      if (!status) return;  // they are still the client's
      for (const DeliveryId delivery : deliveries) consumers.acknowledge(delivery);
    };
  }
  api.core.execute(
      request.reply_to,
      [&](domain::UnitOfWork& work, Writer& writer) -> Status {
        OUTBOXD_ASSIGN_OR_RETURN(const TransactionOutcome outcome,
                                 api.transactions.commit(std::move(transaction), work));
        for (const DeliveryId delivery : deliveries) api.consumers.note_committing(delivery);
        write_outcome(writer, put, removed, outcome);
        return domain::ok_status();
      },
      std::move(when_durable));
  return domain::ok_status();
}

void write_state(Writer& writer, std::string_view key, const domain::StateValue& value) {
  writer.map(3).field("key", key).key("value").raw(value.bytes).field("version", value.version);
}

Status get(const StateApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"key"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto key, arguments.string("key"));
  OUTBOXD_TRY(check_state_key(key, "key"));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const auto value, work.application_state().find(key));
    if (!value) {
      return domain::Error{domain::ErrorCode::kNotFound, "there is no key " + std::string(key),
                           "key"};
    }
    write_state(writer, key, *value);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status list(const StateApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"prefix", "after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto prefix, arguments.optional_string("prefix"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Page page, page_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto entries, api.reader.list_state(prefix.value_or(""), page));
  api.server.reply(request.reply_to,
                   encode_page(
                       "entries", entries,
                       [](Writer& writer, const domain::NamedState& entry) {
                         write_state(writer, entry.key, entry.value);
                       },
                       [](const domain::NamedState& entry) { return entry.key; }));
  return domain::ok_status();
}

}  // namespace

void add_state_methods(MethodTable& methods, StateApi api) {
  methods.add("tx.commit", Access::kWrite, [api](const Request& r) { return commit(api, r); });
  methods.add("state.get", Access::kRead, [api](const Request& r) { return get(api, r); });
  methods.add("state.list", Access::kRead, [api](const Request& r) { return list(api, r); });
}

}  // namespace outboxd::daemon
