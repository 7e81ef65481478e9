// The domain's repositories over a group being built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/unit_of_work.h"
#include "storage/group_builder.h"
#include "storage/points_repositories.h"

namespace outboxd::storage {

// Orders under state key 'o' order_id.
class Orders final : public domain::OrderRepository {
 public:
  explicit Orders(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::OrderSnapshot>> find(const domain::OrderId& id) override;
  void put(const domain::OrderSnapshot& order) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;  // scratch
};

// Application keys under state key 'k' key.
class ApplicationStates final : public domain::ApplicationState {
 public:
  explicit ApplicationStates(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::StateValue>> find(std::string_view key) override;
  void put(std::string_view key, const domain::StateValue& value) override;
  void remove(std::string_view key) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;
};

// Records in `requests` under the request's id.
class Requests final : public domain::RequestLog {
 public:
  explicit Requests(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::RequestRecord>> find(const domain::RequestId& id) override;
  void put(const domain::RequestId& id, const domain::RequestRecord& record) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;
};

// Payments under state key 'p' payment_id.
class Payments final : public domain::PaymentRepository {
 public:
  explicit Payments(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::PaymentSnapshot>> find(const domain::PaymentId& id) override;
  void put(const domain::PaymentSnapshot& payment) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;
};

// Records in `inbox` under group, producer and sequence number.
class Marks final : public domain::InboxMarks {
 public:
  explicit Marks(GroupBuilder& group) : group_(group) {}
  domain::Result<bool> contains(const domain::InboxKey& key) override;
  void put(const domain::InboxKey& key, std::int64_t elapsed_ms) override;
  void remove(const domain::InboxKey& key) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;
};

// Dead letters in `dead` under their sequence number.
class Dead final : public domain::DeadLetters {
 public:
  explicit Dead(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::DeadEntry>> find(domain::Seq seq) override {
    return group_.find_dead(seq);
  }
  domain::Status remove(domain::Seq seq) override { return group_.remove_dead(seq); }

 private:
  GroupBuilder& group_;
};

// Entries in `outbox` and `dead` under their sequence number.
class OutboxWriter final : public domain::Outbox {
 public:
  explicit OutboxWriter(GroupBuilder& group) : group_(group) {}
  domain::Seq append(domain::OutboxEntry entry) override { return group_.append(std::move(entry)); }
  void complete_through(domain::Seq seq) override { group_.complete_through(seq); }
  domain::Result<std::optional<domain::OutboxEntry>> find_pending(domain::Seq seq) override {
    return group_.find_pending(seq);
  }
  domain::Status bury(domain::Seq seq, std::string_view reason,
                      domain::TimestampMs now_ms) override {
    return group_.bury(seq, reason, now_ms);
  }
  void note_complete_above(const std::vector<domain::SeqRange>& ranges) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;
};

// One object for all units of work: there is one at a time.
class UnitOfWork final : public domain::UnitOfWork {
 public:
  explicit UnitOfWork(GroupBuilder& group)
      : group_(group),
        orders_(group),
        payments_(group),
        states_(group),
        requests_(group),
        outbox_(group),
        marks_(group),
        dead_(group),
        wallets_(group),
        reservations_(group) {}

  domain::OrderRepository& orders() override { return orders_; }
  domain::ApplicationState& application_state() override { return states_; }
  domain::RequestLog& requests() override { return requests_; }
  domain::Outbox& outbox() override { return outbox_; }
  domain::InboxMarks& inbox() override { return marks_; }
  domain::PaymentRepository& payments() override { return payments_; }
  domain::DeadLetters& dead_letters() override { return dead_; }
  domain::WalletRepository& wallets() override { return wallets_; }
  domain::ReservationRepository& reservations() override { return reservations_; }
  void touch() override { group_.touch(); }
  std::uint64_t revision() override { return group_.revision(); }
  std::uint64_t depends_on() const override { return group_.depends_on(); }

 private:
  GroupBuilder& group_;
  Orders orders_;
  Payments payments_;
  ApplicationStates states_;
  Requests requests_;
  OutboxWriter outbox_;
  Marks marks_;
  Dead dead_;
  Wallets wallets_;
  Reservations reservations_;
};

}  // namespace outboxd::storage
