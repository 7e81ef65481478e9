// The ports through which a use case reads and changes what is stored. All of it joins one atomic
// commit.
//
// Thread contract of everything here: core thread only. Reads see the unit of work's own writes and
// those of every earlier use case, durable or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/check.h"
#include "domain/ids.h"
#include "domain/inbox_marks.h"
#include "domain/order_snapshot.h"
#include "domain/outbox_entry.h"
#include "domain/payment_snapshot.h"
#include "domain/reservation_snapshot.h"
#include "domain/result.h"
#include "domain/wallet_snapshot.h"

namespace outboxd::domain {

class OrderRepository {
 public:
  virtual ~OrderRepository() = default;

  // The order, or nothing. Error: internal, when the store cannot be read.
  virtual Result<std::optional<OrderSnapshot>> find(const OrderId& id) = 0;

  // Inserts or replaces.
  virtual void put(const OrderSnapshot& order) = 0;
};

class PaymentRepository {
 public:
  virtual ~PaymentRepository() = default;

  // The payment, or nothing. Error: internal, when the store cannot be read.
  virtual Result<std::optional<PaymentSnapshot>> find(const PaymentId& id) = 0;

  // Inserts or replaces.
  virtual void put(const PaymentSnapshot& payment) = 0;
};

class WalletRepository {
 public:
  virtual ~WalletRepository() = default;

  // The wallet, or nothing. Error here and below: internal, when the store cannot be read.
  virtual Result<std::optional<WalletSnapshot>> find(const UserId& id) = 0;

  // Inserts or replaces.
  virtual void put(const WalletSnapshot& wallet) = 0;

  virtual Result<std::optional<DepositRecord>> find_deposit(const DepositId& id) = 0;
  virtual void put_deposit(const DepositRecord& deposit) = 0;

  virtual Result<std::optional<DeductionRecord>> find_deduction(const ReservationId& id) = 0;
  virtual void put_deduction(const DeductionRecord& deduction) = 0;
};

class ReservationRepository {
 public:
  virtual ~ReservationRepository() = default;

  // The reservation, or nothing. Error here and below: internal, when the store cannot be read.
  virtual Result<std::optional<ReservationSnapshot>> find(const ReservationId& id) = 0;

  // Inserts or replaces, and keeps the claim on its item and the order of expiry in step. A
  // reservation is put HELD before it is put otherwise, and its item, its deadline and its id stay;
  // to put one HELD whose item another holds or has bought is a bug, and aborts.
  virtual Status put(const ReservationSnapshot& reservation) = 0;

  // The reservation that holds the item or has bought it, or nothing. Whether its hold is over is
  // for the caller to see.
  virtual Result<std::optional<ReservationId>> holder_of(const ItemId& id) = 0;
};

// A value that an application keeps under a key of its own.
struct StateValue {
  std::string bytes;          // one encoded value; outboxd never looks into it
  std::uint64_t version = 0;  // of its last change; grows with every commit and is never used twice
};

class ApplicationState {
 public:
  virtual ~ApplicationState() = default;

  virtual Result<std::optional<StateValue>> find(std::string_view key) = 0;
  virtual void put(std::string_view key, const StateValue& value) = 0;
  virtual void remove(std::string_view key) = 0;
};

// The record by which a repeated request that creates no entity is known again (G4).
struct RequestRecord {
  std::string digest;   // of the request's content
  std::string outcome;  // the reply, as it was encoded
  TimestampMs time_ms = 0;
};

class RequestLog {
 public:
  virtual ~RequestLog() = default;

  virtual Result<std::optional<RequestRecord>> find(const RequestId& id) = 0;
  virtual void put(const RequestId& id, const RequestRecord& record) = 0;
};

// How many ranges of complete entries above the watermark are kept.
inline constexpr std::size_t kMaxRangesAbove = 1024;

// The writing side of the outbox.
class Outbox {
 public:
  virtual ~Outbox() = default;

  // Gives `entry` the next sequence number (its own `seq` is ignored) and returns that (G3).
  virtual Seq append(OutboxEntry entry) = 0;

  // Records that every entry up to and including `seq` is complete. Never moves backwards. The
  // entries are removed only after this record is durable (G5).
  virtual void complete_through(Seq seq) = 0;

  // Entry `seq`, or nothing when it is complete, buried or was never there. Error: internal, when
  // the store cannot be read.
  virtual Result<std::optional<OutboxEntry>> find_pending(Seq /*seq*/) { OUTBOXD_CHECK(false); }

  // Moves entry `seq` to the dead letters; its position stays, as a withdrawn one. Nothing happens
  // when it is not there any more.
  virtual Status bury(Seq seq, std::string_view reason, TimestampMs now_ms) = 0;

  // Records which entries above the completed ones are complete, instead of what was recorded
  // before: at most kMaxRangesAbove ranges, ascending and apart. For the next start; nothing is
  // removed for it.
  virtual void note_complete_above(const std::vector<SeqRange>& /*ranges*/) {}
};

// The local dead letters.
class DeadLetters {
 public:
  virtual ~DeadLetters() = default;

  // The dead letter, or nothing. Error: internal, when the store cannot be read.
  virtual Result<std::optional<DeadEntry>> find(Seq seq) = 0;

  // Nothing happens when it is not there.
  virtual Status remove(Seq seq) = 0;
};

// One use case's view of the store. It belongs to the group that is being built; see
// domain/store.h.
class UnitOfWork {
 public:
  virtual ~UnitOfWork() = default;

  virtual OrderRepository& orders() = 0;
  virtual ApplicationState& application_state() = 0;
  virtual RequestLog& requests() = 0;
  virtual Outbox& outbox() = 0;

  // A store that keeps none of these must not be asked for them.
  virtual InboxMarks& inbox() { OUTBOXD_CHECK(false); }
  virtual PaymentRepository& payments() { OUTBOXD_CHECK(false); }
  virtual DeadLetters& dead_letters() { OUTBOXD_CHECK(false); }
  virtual WalletRepository& wallets() { OUTBOXD_CHECK(false); }
  virtual ReservationRepository& reservations() { OUTBOXD_CHECK(false); }

  // Makes the group be written even if nothing else is in it: the elapsed time goes with it.
  virtual void touch() {}

  // A number that is greater than that of every earlier unit of work, across restarts: the version
  // of application keys changed by this one.
  virtual std::uint64_t revision() = 0;

  // Number of the newest group that this unit of work has written to or has read a write of; 0 when
  // everything it saw is durable. A reply must not leave before that group is durable (G1).
  virtual std::uint64_t depends_on() const = 0;
};

}  // namespace outboxd::domain
