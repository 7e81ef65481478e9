// A store that passes everything on: what planted bugs are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "domain/store.h"

namespace outboxd::fault {

// Forwards everything; planted bugs override what they get wrong.
class PassingStore : public domain::Store {
 public:
  explicit PassingStore(domain::Store& inner) : inner_(inner) {}

  domain::UnitOfWork& begin() override { return inner_.begin(); }
  void accept() override { inner_.accept(); }
  void discard() override { inner_.discard(); }
  std::size_t pending_bytes() const override { return inner_.pending_bytes(); }
  std::unique_ptr<domain::SealedGroup> seal() override { return inner_.seal(); }
  void retire(std::unique_ptr<domain::SealedGroup> group) override {
    inner_.retire(std::move(group));
  }

 protected:
  domain::Store& inner_;
};

// Forwards everything to the unit of work that is open; planted bugs override what they get wrong.
class PassingUnitOfWork : public domain::UnitOfWork {
 public:
  void pass_to(domain::UnitOfWork& inner) { inner_ = &inner; }
  [[nodiscard]] domain::UnitOfWork& inner() { return *inner_; }

  domain::OrderRepository& orders() override { return inner_->orders(); }
  domain::ApplicationState& application_state() override { return inner_->application_state(); }
  domain::RequestLog& requests() override { return inner_->requests(); }
  domain::Outbox& outbox() override { return inner_->outbox(); }
  domain::InboxMarks& inbox() override { return inner_->inbox(); }
  domain::PaymentRepository& payments() override { return inner_->payments(); }
  domain::DeadLetters& dead_letters() override { return inner_->dead_letters(); }
  domain::WalletRepository& wallets() override { return inner_->wallets(); }
  domain::ReservationRepository& reservations() override { return inner_->reservations(); }
  void touch() override { inner_->touch(); }
  std::uint64_t revision() override { return inner_->revision(); }
  std::uint64_t depends_on() const override { return inner_->depends_on(); }

 private:
  domain::UnitOfWork* inner_ = nullptr;
};

}  // namespace outboxd::fault
