// The generic transaction: an application's own state and events in one commit (`tx.commit`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/clock.h"
#include "domain/event_publisher.h"
#include "domain/unit_of_work.h"

namespace outboxd::daemon {

// Bounds of one transaction; a message is 1 MiB at most anyway.
inline constexpr std::size_t kMaxTransactionEntries = 1024;  // of each kind
inline constexpr std::size_t kMaxStateKeyBytes = 256;

struct Expectation {
  std::string key;
  std::uint64_t version = 0;  // 0: the key must not exist
};

struct StatePut {
  std::string key;
  std::string value;  // one encoded value
};

struct Transaction {
  domain::RequestId request_id;
  std::vector<Expectation> expect;
  std::vector<StatePut> put;
  std::vector<std::string> remove;
  std::vector<domain::DomainEvent> events;  // time_ms is set by the service

  // Deliveries that this transaction is the effect of. They are no part of its content: the same
  // event delivered again has another tag, and its transaction is the same.
  std::vector<domain::InboxKey> settle = {};
  std::int64_t elapsed_ms = 0;  // now, for their marks
  std::optional<domain::Error> settle_refusal =
      {};  // what is wrong with a tag; not of a repetition
};

struct TransactionOutcome {
  std::uint64_t version = 0;  // of every key that was put
  domain::Seq first_seq = 0;  // 0: no events
  domain::Seq seq = 0;
  bool replayed = false;
};

// Sees ports only. Core thread; an error leaves nothing written.
class TransactionService {
 public:
  TransactionService(domain::EventPublisher& publisher, const domain::Clock& clock)
      : publisher_(publisher), clock_(clock) {}

  // Commits changes, events and processed marks as one (G2, G8). Errors: bad_request naming the
  // argument (nothing to commit, a key twice or malformed, a topic that belongs to a module); the
  // settle_refusal; version_conflict when a key has another version than expected;
  // id_conflict when the request id was used for other content; what the publisher refuses.
  domain::Result<TransactionOutcome> commit(Transaction transaction, domain::UnitOfWork& work);

 private:
  domain::Result<TransactionOutcome> apply(Transaction& transaction, domain::UnitOfWork& work);

  domain::EventPublisher& publisher_;
  const domain::Clock& clock_;
};

// bad_request for `argument` unless `key` can be the key of application state: UTF-8 of 1 to
// kMaxStateKeyBytes.
domain::Status check_state_key(std::string_view key, const std::string& argument);

}  // namespace outboxd::daemon
