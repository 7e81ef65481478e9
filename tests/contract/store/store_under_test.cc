#include "tests/contract/store/store_under_test.h"

#include <utility>

#include "storage/store.h"
#include "tests/contract/store/memory_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_directory.h"

namespace outboxd {

using domain::OrderSnapshot;
using domain::Seq;
using domain::UnitOfWork;

namespace {

class InMemory final : public StoreUnderTest {
 public:
  InMemory() { reopen(); }
  void reopen() override { store_ = std::make_unique<support::MemoryStore>(disk_); }
  domain::Store& store() override { return *store_; }
  domain::DurableReader& reader() override { return *store_; }
  domain::OutboxProgress progress_at_open() const override { return store_->progress_at_open(); }
  std::vector<domain::SeqRange> complete_above_at_open() const override {
    return store_->complete_above_at_open();
  }
  void pass_ms(std::int64_t ms) override { store_->set_elapsed(store_->elapsed_ms() + ms); }

 private:
  support::MemoryDisk disk_;
  std::unique_ptr<support::MemoryStore> store_;
};

class OnRocksDb final : public StoreUnderTest {
 public:
  OnRocksDb() { reopen(); }
  void reopen() override {
    store_.reset();
    auto opened = storage::OutboxStore::open(
        {.path = directory_.file("data"), .producer = "till-1", .clock = &clock_});
    OUTBOXD_CHECK(opened.ok());
    store_ = std::move(opened).value();
  }
  domain::Store& store() override { return *store_; }
  domain::DurableReader& reader() override { return *store_; }
  domain::OutboxProgress progress_at_open() const override { return store_->progress_at_open(); }
  std::vector<domain::SeqRange> complete_above_at_open() const override {
    return store_->complete_above_at_open();
  }
  void pass_ms(std::int64_t ms) override { clock_.advance_ms(ms); }

 private:
  const support::TemporaryDirectory directory_;
  support::ManualClock clock_;
  std::unique_ptr<storage::OutboxStore> store_;
};

}  // namespace

std::vector<Adapter> all_adapters() {
  return {{"InMemory", [] { return std::make_unique<InMemory>(); }},
          {"OnRocksDb", [] { return std::make_unique<OnRocksDb>(); }}};
}

OrderSnapshot make_order(const std::string& id, domain::OrderStatus status) {
  OrderSnapshot order{.order_id = domain::OrderId::parse(id).value(),
                      .customer_id = domain::CustomerId::parse("customer-1").value(),
                      .status = status,
                      .currency = domain::Currency::parse("GBP").value(),
                      .total = 250,
                      .lines = {{"sku-1", 1, 100, "a mug"}, {"sku-2", 3, 50, ""}},
                      .payment_method = "pm_ok"};
  order.created_at_ms = 1;
  order.updated_at_ms = 2;
  return order;
}

domain::PaymentSnapshot make_payment(const std::string& id, domain::PaymentStatus status) {
  domain::PaymentSnapshot payment{
      .payment_id = domain::PaymentId::parse(id).value(),
      .source = "till-1",
      .subject = domain::OrderCharge{.order_id = domain::OrderId::parse("o-" + id).value(),
                                     .amount = 250,
                                     .currency = domain::Currency::parse("GBP").value(),
                                     .payment_method = "pm_ok"},
      .status = status,
      .attempts = 2};
  payment.created_at_ms = 1;
  payment.updated_at_ms = 2;
  payment.decided_seq = 3;
  return payment;
}

domain::OutboxEntry make_entry(const std::string& envelope) {
  return {.time_ms = 7, .ttl_ms = 300'000, .topic = "orders", .envelope = envelope};
}

std::uint64_t StoreContract::run(const std::function<void(UnitOfWork&)>& use_case) {
  UnitOfWork& work = store().begin();
  use_case(work);
  const std::uint64_t depends_on = work.depends_on();
  store().accept();
  return depends_on;
}

void StoreContract::commit() {
  auto group = store().seal();
  ASSERT_NE(group, nullptr);
  ASSERT_TRUE(group->write().ok());
  store().retire(std::move(group));
}

void StoreContract::run_durably(const std::function<void(UnitOfWork&)>& use_case) {
  run(use_case);
  commit();
}

void StoreContract::look(const std::function<void(UnitOfWork&)>& check) {
  check(store().begin());
  store().discard();
}

void StoreContract::now_and_after_reopening(const std::function<void()>& check) {
  {
    SCOPED_TRACE("before reopening");
    check();
  }
  reopen();
  SCOPED_TRACE("after reopening");
  check();
}

std::vector<domain::OutboxEntry> StoreContract::outbox_entries(Seq from) {
  std::vector<domain::OutboxEntry> entries;
  const auto status = reader().scan_outbox(from, [&](const domain::OutboxEntry& entry) {
    entries.push_back(entry);
    return true;
  });
  EXPECT_TRUE(status.ok());
  return entries;
}

std::vector<Seq> StoreContract::outbox_seqs(Seq from) {
  std::vector<Seq> seqs;
  for (const domain::OutboxEntry& entry : outbox_entries(from)) seqs.push_back(entry.seq);
  return seqs;
}

std::vector<Seq> StoreContract::dead_seqs() {
  std::vector<Seq> seqs;
  const auto status = reader().scan_dead(0, [&](const domain::DeadEntry& dead) {
    seqs.push_back(dead.entry.seq);
    return true;
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(reader().count_dead().value(), seqs.size());
  return seqs;
}

std::vector<std::string> StoreContract::all_orders(std::optional<domain::OrderStatus> status,
                                                   std::size_t limit) {
  std::vector<std::string> ids;
  domain::Page page{.limit = limit};
  for (;;) {
    const auto result = reader().list_orders(status, page);
    EXPECT_TRUE(result.ok());
    EXPECT_LE(result->entries.size(), limit);
    for (const OrderSnapshot& order : result->entries) ids.push_back(order.order_id.text());
    if (!result->next) return ids;
    EXPECT_GT(*result->next, page.after) << "a list must get on";
    page.after = *result->next;
  }
}

}  // namespace outboxd
