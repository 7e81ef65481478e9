#include "daemon/services/transaction_service.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <xxhash.h>

#include "domain/order.h"
#include "domain/text.h"

namespace outboxd::daemon {
namespace {

using domain::bad_request;
using domain::Error;
using domain::ErrorCode;
using domain::Result;
using domain::Status;

// Topics that modules publish on; an application's event there would pass for one of theirs.
constexpr std::array<std::string_view, 3> kModuleTopics = {domain::kOrdersTopic, "payments",
                                                           "reservations"};
constexpr std::string_view kDeadTopicPrefix = "dead:";  // the broker's dead letters

std::string indexed(std::string_view list, std::size_t index, std::string_view field = {}) {
  std::string path = std::string(list) + "[" + std::to_string(index) + "]";
  if (!field.empty()) path.append(".").append(field);
  return path;
}

Status check_events(const std::vector<domain::DomainEvent>& events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::string& topic = events[i].topic;
    const bool is_module_topic =
        std::find(kModuleTopics.begin(), kModuleTopics.end(), topic) != kModuleTopics.end();
    if (is_module_topic || topic.starts_with(kDeadTopicPrefix)) {
      return bad_request(indexed("events", i, "topic"),
                         "topic " + topic + " is reserved; choose one of your own");
    }
  }
  return domain::ok_status();
}

Status check_keys(const Transaction& transaction) {
  std::unordered_set<std::string_view> changed;
  const auto check = [&changed](const std::string& key, const std::string& argument) -> Status {
    OUTBOXD_TRY(check_state_key(key, argument));
    if (changed.insert(key).second) return domain::ok_status();
    return bad_request(argument, "key " + key + " is changed twice in one transaction");
  };
  for (std::size_t i = 0; i < transaction.expect.size(); ++i) {
    OUTBOXD_TRY(check_state_key(transaction.expect[i].key, indexed("expect", i, "key")));
  }
  for (std::size_t i = 0; i < transaction.put.size(); ++i) {
    OUTBOXD_TRY(check(transaction.put[i].key, indexed("put", i, "key")));
  }
  for (std::size_t i = 0; i < transaction.remove.size(); ++i) {
    OUTBOXD_TRY(check(transaction.remove[i], indexed("delete", i)));
  }
  return domain::ok_status();
}

// A hash over fields, each text with its length in front, so that no two different requests feed it
// the same bytes. XXH3: local callers are trusted not to look for collisions, and 128 bits make an
// accident impossible.
class ContentDigest {
 public:
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    content_.append(text);
  }
  void add(std::uint64_t number) {
    content_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }

  [[nodiscard]] std::string finish() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(content_.data(), content_.size()));
    return std::string(reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest);
  }

 private:
  std::string content_;
};

std::string digest_of(const Transaction& transaction) {
  ContentDigest digest;
  digest.add(transaction.expect.size());
  for (const Expectation& expectation : transaction.expect) {
    digest.add(expectation.key);
    digest.add(expectation.version);
  }
  digest.add(transaction.put.size());
  for (const StatePut& put : transaction.put) {
    digest.add(put.key);
    digest.add(put.value);
  }
  digest.add(transaction.remove.size());
  for (const std::string& key : transaction.remove) digest.add(key);
  digest.add(transaction.events.size());
  for (const domain::DomainEvent& event : transaction.events) {
    digest.add(event.topic);
    digest.add(event.key);
    digest.add(event.type);
    digest.add(event.ttl_ms.has_value());
    digest.add(static_cast<std::uint64_t>(event.ttl_ms.value_or(0)));
    digest.add(event.traceparent);
    digest.add(std::get<domain::OpaquePayload>(event.payload).bytes);
  }
  return digest.finish();
}

// outcome := version:u64le first_seq:u64le seq:u64le
std::string encode_outcome(const TransactionOutcome& outcome) {
  const std::array<std::uint64_t, 3> fields = {outcome.version, outcome.first_seq, outcome.seq};
  return std::string(reinterpret_cast<const char*>(fields.data()), sizeof fields);
}

Result<TransactionOutcome> decode_outcome(std::string_view bytes) {
  std::array<std::uint64_t, 3> fields{};
  if (bytes.size() < sizeof fields) {
    return Error{ErrorCode::kInternal, "the record of an earlier request is damaged", "request_id"};
  }
  std::memcpy(fields.data(), bytes.data(), sizeof fields);
  return TransactionOutcome{fields[0], fields[1], fields[2], true};
}

Status check_expectations(const std::vector<Expectation>& expectations, domain::UnitOfWork& work) {
  for (std::size_t i = 0; i < expectations.size(); ++i) {
    const Expectation& expected = expectations[i];
    OUTBOXD_ASSIGN_OR_RETURN(const std::optional<domain::StateValue> found,
                             work.application_state().find(expected.key));
    const std::uint64_t version = found ? found->version : 0;
    if (version != expected.version) {
      return Error{ErrorCode::kVersionConflict,
                   "key " + expected.key + " is at version " + std::to_string(version) + ", not " +
                       std::to_string(expected.version),
                   indexed("expect", i, "version")};
    }
  }
  return domain::ok_status();
}

void mark_processed(const Transaction& transaction, domain::UnitOfWork& work) {
  for (const domain::InboxKey& mark : transaction.settle) {
    work.inbox().put(mark, transaction.elapsed_ms);
  }
}

}  // namespace

Status check_state_key(std::string_view key, const std::string& argument) {
  return domain::check_text(key, argument, 1, kMaxStateKeyBytes);
}

Result<TransactionOutcome> TransactionService::commit(Transaction transaction,
                                                      domain::UnitOfWork& work) {
  const std::string digest = digest_of(transaction);
  OUTBOXD_ASSIGN_OR_RETURN(const std::optional<domain::RequestRecord> earlier,
                           work.requests().find(transaction.request_id));
  if (earlier) {
    if (earlier->digest == digest) {
      mark_processed(transaction, work);
      return decode_outcome(earlier->outcome);
    }
    return Error{ErrorCode::kIdConflict,
                 "request " + transaction.request_id.text() + " was made with other content",
                 "request_id"};
  }
  OUTBOXD_ASSIGN_OR_RETURN(const TransactionOutcome outcome, apply(transaction, work));
  work.requests().put(transaction.request_id,
                      domain::RequestRecord{digest, encode_outcome(outcome), clock_.wall_ms()});
  return outcome;
}

Result<TransactionOutcome> TransactionService::apply(Transaction& transaction,
                                                     domain::UnitOfWork& work) {
  if (transaction.settle_refusal) return *transaction.settle_refusal;
  if (transaction.put.empty() && transaction.remove.empty() && transaction.events.empty() &&
      transaction.settle.empty()) {
    return bad_request("put", "nothing to commit: give put, delete, events or settle");
  }
  OUTBOXD_TRY(check_keys(transaction));
  OUTBOXD_TRY(check_events(transaction.events));
  OUTBOXD_TRY(check_expectations(transaction.expect, work));

  TransactionOutcome outcome{.version = work.revision()};
  for (StatePut& put : transaction.put) {
    work.application_state().put(put.key, {std::move(put.value), outcome.version});
  }
  for (const std::string& key : transaction.remove) work.application_state().remove(key);
  mark_processed(transaction, work);

  const domain::TimestampMs now_ms = clock_.wall_ms();
  for (domain::DomainEvent& event : transaction.events) event.time_ms = now_ms;
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<domain::Seq> seqs,
                           publisher_.publish(std::move(transaction.events), work));
  if (!seqs.empty()) {
    outcome.first_seq = seqs.front();
    outcome.seq = seqs.back();
  }
  return outcome;
}

}  // namespace outboxd::daemon
