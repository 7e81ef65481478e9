// The domain's repositories over a group being built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/unit_of_work.h"
#include "storage/group_builder.h"

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

// Entries in `outbox` and `dead` under their sequence number.
class OutboxWriter final : public domain::Outbox {
 public:
  explicit OutboxWriter(GroupBuilder& group) : group_(group) {}
  domain::Seq append(domain::OutboxEntry entry) override { return group_.append(std::move(entry)); }
  void complete_through(domain::Seq seq) override { group_.complete_through(seq); }
  domain::Status bury(domain::Seq seq, std::string_view reason,
                      domain::TimestampMs now_ms) override {
    return group_.bury(seq, reason, now_ms);
  }

 private:
  GroupBuilder& group_;
};

// One object for all units of work: there is one at a time.
class UnitOfWork final : public domain::UnitOfWork {
 public:
  explicit UnitOfWork(GroupBuilder& group)
      : group_(group), orders_(group), states_(group), requests_(group), outbox_(group) {}

  domain::OrderRepository& orders() override { return orders_; }
  domain::ApplicationState& application_state() override { return states_; }
  domain::RequestLog& requests() override { return requests_; }
  domain::Outbox& outbox() override { return outbox_; }
  std::uint64_t revision() override { return group_.revision(); }
  std::uint64_t depends_on() const override { return group_.depends_on(); }

 private:
  GroupBuilder& group_;
  Orders orders_;
  ApplicationStates states_;
  Requests requests_;
  OutboxWriter outbox_;
};

}  // namespace outboxd::storage
