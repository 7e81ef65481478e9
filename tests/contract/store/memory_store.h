// The store in memory: the plainest thing that keeps the contract of domain::Store and
// domain::DurableReader. For tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "domain/store.h"

namespace outboxd::support {

// Everything that a store holds.
struct MemoryContents {
  std::map<std::string, domain::OrderSnapshot> orders;
  std::map<std::string, domain::PaymentSnapshot> payments;
  std::map<std::string, domain::WalletSnapshot> wallets;
  std::map<std::string, domain::DepositRecord> deposits;
  std::map<std::string, domain::DeductionRecord> deductions;
  std::map<std::string, domain::ReservationSnapshot> reservations;
  std::map<std::string, domain::StateValue> state;
  std::map<std::string, domain::RequestRecord> requests;
  std::map<domain::Seq, domain::OutboxEntry> outbox;
  std::map<domain::Seq, std::uint64_t> withdrawn;  // chain values
  std::map<domain::Seq, domain::DeadEntry> dead;
  std::map<domain::InboxKey, std::int64_t> marks;
  std::vector<domain::SeqRange> complete_above;
  domain::Seq last_seq = 0;
  domain::Seq completed = 0;
  std::uint64_t chain = 0;            // of last_seq
  std::uint64_t completed_chain = 0;  // of completed
  std::uint64_t revision = 0;
  std::int64_t elapsed_ms = 0;
};

// What survives a MemoryStore, as a disk would. Any thread.
class MemoryDisk {
 public:
  [[nodiscard]] MemoryContents read() const {
    const std::lock_guard lock(mutex_);
    return contents_;
  }
  void write(MemoryContents contents) {
    const std::lock_guard lock(mutex_);
    contents_ = std::move(contents);
  }

 private:
  mutable std::mutex mutex_;
  MemoryContents contents_;
};

// See the ports for its contract. `disk` outlives it; a second MemoryStore over the same disk is
// the store reopened.
class MemoryStore final : public domain::Store, public domain::DurableReader {
 public:
  explicit MemoryStore(MemoryDisk& disk);
  ~MemoryStore() override;

  [[nodiscard]] domain::OutboxProgress progress_at_open() const { return opened_at_; }

  // What was complete above the watermark when it was opened.
  [[nodiscard]] const std::vector<domain::SeqRange>& complete_above_at_open() const {
    return complete_above_;
  }

  // The elapsed time that entries are stamped with from now on; it is kept with the next group.
  void set_elapsed(std::int64_t elapsed_ms);
  [[nodiscard]] std::int64_t elapsed_ms() const;

  // Reading the durable outbox ends before `seq` from now on, with an error `damaged`.
  void damage_at(domain::Seq seq) { damaged_seq_ = seq; }

  domain::UnitOfWork& begin() override;
  void accept() override;
  void discard() override;
  std::size_t pending_bytes() const override;
  std::unique_ptr<domain::SealedGroup> seal() override;
  void retire(std::unique_ptr<domain::SealedGroup> group) override;

  domain::Result<domain::PageOf<domain::OrderSnapshot>> list_orders(
      std::optional<domain::OrderStatus> status, const domain::Page& page) override;
  domain::Result<domain::PageOf<domain::PaymentSnapshot>> list_payments(
      std::optional<domain::PaymentStatus> status, const domain::Page& page) override;
  domain::Result<domain::PageOf<domain::ReservationSnapshot>> list_reservations(
      std::optional<domain::ReservationStatus> status, const domain::Page& page) override;
  domain::Result<domain::PageOf<domain::WalletSnapshot>> list_wallets(
      const domain::Page& page) override;
  domain::Status scan_holds(std::int64_t from_elapsed_ms,
                            const std::function<bool(const domain::LiveHold&)>& visit) override;
  domain::Result<domain::PageOf<domain::NamedState>> list_state(std::string_view prefix,
                                                                const domain::Page& page) override;
  domain::Status scan_positions(
      domain::Seq from, const std::function<bool(const domain::OutboxPosition&)>& visit) override;
  domain::Result<std::uint64_t> chain_at(domain::Seq seq) override;
  domain::Status scan_dead(domain::Seq from,
                           const std::function<bool(const domain::DeadEntry&)>& visit) override;
  domain::Result<std::uint64_t> count_dead() override;

 private:
  class Work;

  MemoryDisk& disk_;
  const domain::OutboxProgress opened_at_;
  const std::vector<domain::SeqRange> complete_above_;
  const std::unique_ptr<Work> work_;
  std::atomic<domain::Seq> damaged_seq_ = 0;  // 0: none
};

}  // namespace outboxd::support
