// What the contract suite of the store runs over: each adapter, opened and reopened.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "domain/store.h"

namespace outboxd {

// One adapter with its durable contents. The store that is open is closed by reopen(), and what was
// not durable is gone then.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;

  virtual void reopen() = 0;
  virtual domain::Store& store() = 0;
  virtual domain::DurableReader& reader() = 0;
  virtual domain::OutboxProgress progress_at_open() const = 0;
  virtual std::vector<domain::SeqRange> complete_above_at_open() const = 0;

  // Time passes for the installation. What was not recorded with a group is forgotten by reopen().
  virtual void pass_ms(std::int64_t ms) = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

std::vector<Adapter> all_adapters();

// Entries with little in them, for tests that look at a part.
domain::OrderSnapshot make_order(const std::string& id,
                                 domain::OrderStatus status = domain::OrderStatus::kCreated);
domain::PaymentSnapshot make_payment(
    const std::string& id, domain::PaymentStatus status = domain::PaymentStatus::kCompleted);
domain::OutboxEntry make_entry(const std::string& envelope);

class StoreContract : public testing::TestWithParam<Adapter> {
 protected:
  StoreContract() : under_test_(GetParam().make()) {}

  domain::Store& store() { return under_test_->store(); }
  domain::DurableReader& reader() { return under_test_->reader(); }
  domain::OutboxProgress progress_at_open() const { return under_test_->progress_at_open(); }
  std::vector<domain::SeqRange> complete_above_at_open() const {
    return under_test_->complete_above_at_open();
  }
  void pass_ms(std::int64_t ms) { under_test_->pass_ms(ms); }
  void reopen() { under_test_->reopen(); }

  // Runs `use_case` as one unit of work that is accepted. Returns what it depends on.
  std::uint64_t run(const std::function<void(domain::UnitOfWork&)>& use_case);

  // Makes everything accepted so far durable.
  void commit();

  // Both.
  void run_durably(const std::function<void(domain::UnitOfWork&)>& use_case);

  // Runs `check` on a unit of work, which is discarded.
  void look(const std::function<void(domain::UnitOfWork&)>& check);

  // Runs `check` now, and again after the store was reopened.
  void now_and_after_reopening(const std::function<void()>& check);

  std::vector<domain::Seq> outbox_seqs(domain::Seq from = 1);
  std::vector<domain::OutboxEntry> outbox_entries(domain::Seq from = 1);
  std::vector<domain::Seq> dead_seqs();
  std::vector<std::string> all_orders(std::optional<domain::OrderStatus> status, std::size_t limit);

 private:
  const std::unique_ptr<StoreUnderTest> under_test_;
};

}  // namespace outboxd
