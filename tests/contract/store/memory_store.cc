#include "tests/contract/store/memory_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/chain.h"

namespace outboxd::support {

using domain::Page;
using domain::PageOf;
using domain::Result;
using domain::Seq;
using domain::Status;

namespace {

class MemoryGroup final : public domain::SealedGroup {
 public:
  MemoryGroup(MemoryDisk& disk, std::uint64_t number, std::vector<domain::OutboxEntry> entries,
              MemoryContents contents)
      : disk_(disk),
        number_(number),
        entries_(std::move(entries)),
        contents_(std::move(contents)) {}

  std::uint64_t number() const override { return number_; }
  const std::vector<domain::OutboxEntry>& entries() const override { return entries_; }
  Status write() override {
    disk_.write(std::move(contents_));
    return domain::ok_status();
  }

 private:
  MemoryDisk& disk_;
  const std::uint64_t number_;
  const std::vector<domain::OutboxEntry> entries_;
  MemoryContents contents_;
};

// Of a position from the watermark on; 0 when there is none.
std::uint64_t chain_of(const MemoryContents& contents, Seq seq) {
  if (seq == contents.completed) return contents.completed_chain;
  const auto entry = contents.outbox.find(seq);
  if (entry != contents.outbox.end()) return entry->second.chain;
  const auto withdrawn = contents.withdrawn.find(seq);
  return withdrawn == contents.withdrawn.end() ? 0 : withdrawn->second;
}

// What is recorded above the watermark and not covered by it since.
std::vector<domain::SeqRange> above(const MemoryContents& contents) {
  std::vector<domain::SeqRange> ranges = contents.complete_above;
  std::erase_if(ranges, [&](const auto& range) { return range.last <= contents.completed; });
  if (!ranges.empty())
    ranges.front().first = std::max(ranges.front().first, contents.completed + 1);
  return ranges;
}

template <typename Snapshot, typename SomeStatus>
PageOf<Snapshot> list(const std::map<std::string, Snapshot>& all, std::optional<SomeStatus> status,
                      const Page& page) {
  PageOf<Snapshot> result;
  std::string last;
  for (auto it = all.upper_bound(page.after); it != all.end(); ++it) {
    if (result.entries.size() == page.limit) {
      result.next = last;
      break;
    }
    last = it->first;
    if (!status || it->second.status == *status) result.entries.push_back(it->second);
  }
  return result;
}

}  // namespace

// The unit of work, the repositories, and the group being built, all in one: a test double may.
class MemoryStore::Work final : public domain::UnitOfWork,
                                public domain::OrderRepository,
                                public domain::PaymentRepository,
                                public domain::ApplicationState,
                                public domain::RequestLog,
                                public domain::Outbox,
                                public domain::InboxMarks,
                                public domain::DeadLetters,
                                public domain::WalletRepository,
                                public domain::ReservationRepository {
 public:
  explicit Work(MemoryContents contents) : now_(std::move(contents)) {}

  // The life of a unit of work and of a group.
  void begin() {
    before_ = now_;
    before_writers_ = writers_;
    before_entries_ = entries_;
    before_dirty_ = dirty_;
    depends_on_ = 0;
    revision_taken_ = false;
  }
  void discard() {
    now_ = before_;
    writers_ = before_writers_;
    entries_ = before_entries_;
    dirty_ = before_dirty_;
  }
  std::size_t pending_bytes() const { return dirty_ ? 1 + entries_.size() : 0; }
  std::unique_ptr<domain::SealedGroup> seal(MemoryDisk& disk) {
    if (!dirty_) return nullptr;
    OUTBOXD_CHECK(!in_flight_);
    dirty_ = false;
    in_flight_ = true;
    return std::make_unique<MemoryGroup>(disk, building_++, std::exchange(entries_, {}), now_);
  }
  void retire(std::uint64_t number) {
    OUTBOXD_CHECK(in_flight_);
    in_flight_ = false;
    std::erase_if(writers_, [&](const auto& writer) { return writer.second <= number; });
  }

  // domain::UnitOfWork
  domain::OrderRepository& orders() override { return *this; }
  domain::ApplicationState& application_state() override { return *this; }
  domain::RequestLog& requests() override { return *this; }
  domain::Outbox& outbox() override { return *this; }
  domain::InboxMarks& inbox() override { return *this; }
  domain::PaymentRepository& payments() override { return *this; }
  domain::DeadLetters& dead_letters() override { return *this; }
  domain::WalletRepository& wallets() override { return *this; }
  domain::ReservationRepository& reservations() override { return *this; }
  void touch() override { wrote("touch"); }
  std::uint64_t revision() override {
    if (!std::exchange(revision_taken_, true)) ++now_.revision;
    return now_.revision;
  }
  std::uint64_t depends_on() const override { return depends_on_; }

  // The repositories
  Result<std::optional<domain::OrderSnapshot>> find(const domain::OrderId& id) override {
    return look_up(now_.orders, "o" + id.text(), id.text());
  }
  void put(const domain::OrderSnapshot& order) override {
    wrote("o" + order.order_id.text());
    now_.orders.insert_or_assign(order.order_id.text(), order);
  }
  Result<std::optional<domain::StateValue>> find(std::string_view key) override {
    return look_up(now_.state, "k" + std::string(key), std::string(key));
  }
  void put(std::string_view key, const domain::StateValue& value) override {
    wrote("k" + std::string(key));
    now_.state.insert_or_assign(std::string(key), value);
  }
  void remove(std::string_view key) override {
    wrote("k" + std::string(key));
    now_.state.erase(std::string(key));
  }
  Result<std::optional<domain::RequestRecord>> find(const domain::RequestId& id) override {
    return look_up(now_.requests, "r" + id.text(), id.text());
  }
  void put(const domain::RequestId& id, const domain::RequestRecord& record) override {
    wrote("r" + id.text());
    now_.requests.insert_or_assign(id.text(), record);
  }

  Result<std::optional<domain::PaymentSnapshot>> find(const domain::PaymentId& id) override {
    return look_up(now_.payments, "p" + id.text(), id.text());
  }
  void put(const domain::PaymentSnapshot& payment) override {
    wrote("p" + payment.payment_id.text());
    now_.payments.insert_or_assign(payment.payment_id.text(), payment);
  }

  // domain::WalletRepository
  Result<std::optional<domain::WalletSnapshot>> find(const domain::UserId& id) override {
    return look_up(now_.wallets, "wallet " + id.text(), id.text());
  }
  void put(const domain::WalletSnapshot& wallet) override {
    wrote("wallet " + wallet.user_id.text());
    now_.wallets.insert_or_assign(wallet.user_id.text(), wallet);
  }
  Result<std::optional<domain::DepositRecord>> find_deposit(const domain::DepositId& id) override {
    return look_up(now_.deposits, "deposit " + id.text(), id.text());
  }
  void put_deposit(const domain::DepositRecord& deposit) override {
    wrote("deposit " + deposit.deposit_id.text());
    now_.deposits.insert_or_assign(deposit.deposit_id.text(), deposit);
  }
  Result<std::optional<domain::DeductionRecord>> find_deduction(
      const domain::ReservationId& id) override {
    return look_up(now_.deductions, "deduction " + id.text(), id.text());
  }
  void put_deduction(const domain::DeductionRecord& deduction) override {
    wrote("deduction " + deduction.reservation_id.text());
    now_.deductions.insert_or_assign(deduction.reservation_id.text(), deduction);
  }

  // domain::ReservationRepository
  Result<std::optional<domain::ReservationSnapshot>> find(
      const domain::ReservationId& id) override {
    return look_up(now_.reservations, "reservation " + id.text(), id.text());
  }
  Status put(const domain::ReservationSnapshot& reservation) override {
    const auto holder = holder_of(reservation.item_id).value();
    OUTBOXD_CHECK(reservation.status != domain::ReservationStatus::kHeld || !holder ||
                  *holder == reservation.reservation_id);
    wrote("reservation " + reservation.reservation_id.text());
    wrote("item " + reservation.item_id.text());
    now_.reservations.insert_or_assign(reservation.reservation_id.text(), reservation);
    return domain::ok_status();
  }
  Result<std::optional<domain::ReservationId>> holder_of(const domain::ItemId& id) override {
    const std::map<domain::ItemId, domain::ReservationId> claims = claims_of(now_.reservations);
    return look_up(claims, "item " + id.text(), id);
  }

  // domain::Outbox
  Seq append(domain::OutboxEntry entry) override {
    entry.seq = ++now_.last_seq;
    entry.elapsed_ms = now_.elapsed_ms;
    now_.chain = storage::chain_after(now_.chain, entry.seq, entry.envelope);
    entry.chain = now_.chain;
    wrote("s" + std::to_string(entry.seq));
    entries_.push_back(entry);
    now_.outbox.emplace(entry.seq, std::move(entry));
    return now_.last_seq;
  }
  void complete_through(Seq seq) override {
    OUTBOXD_CHECK(seq <= now_.last_seq);
    if (seq <= now_.completed) return;
    now_.completed_chain = chain_of(now_, seq);
    now_.completed = seq;
    now_.outbox.erase(now_.outbox.begin(), now_.outbox.upper_bound(seq));
    now_.withdrawn.erase(now_.withdrawn.begin(), now_.withdrawn.upper_bound(seq));
    wrote("completed");
  }
  Result<std::optional<domain::OutboxEntry>> find_pending(Seq seq) override {
    return look_up(now_.outbox, "s" + std::to_string(seq), seq);
  }
  Status bury(Seq seq, std::string_view reason, domain::TimestampMs now_ms) override {
    const auto found = now_.outbox.find(seq);
    if (found == now_.outbox.end()) return domain::ok_status();
    wrote("s" + std::to_string(seq));
    now_.dead.emplace(seq, domain::DeadEntry{found->second, now_ms, std::string(reason)});
    now_.withdrawn.emplace(seq, found->second.chain);
    now_.outbox.erase(found);
    return domain::ok_status();
  }
  void note_complete_above(const std::vector<domain::SeqRange>& ranges) override {
    wrote("above");
    now_.complete_above = ranges;
  }

  // domain::InboxMarks
  Result<bool> contains(const domain::InboxKey& key) override {
    return look_up(now_.marks, name_of(key), key)->has_value();
  }
  void put(const domain::InboxKey& key, std::int64_t elapsed) override {
    wrote(name_of(key));
    now_.marks.insert_or_assign(key, elapsed);
  }
  void remove(const domain::InboxKey& key) override {
    wrote(name_of(key));
    now_.marks.erase(key);
  }

  // domain::DeadLetters
  Result<std::optional<domain::DeadEntry>> find(Seq seq) override {
    return look_up(now_.dead, "s" + std::to_string(seq), seq);
  }
  Status remove(Seq seq) override {
    if (now_.dead.erase(seq) > 0) wrote("s" + std::to_string(seq));
    return domain::ok_status();
  }

  std::int64_t& elapsed_ms() { return now_.elapsed_ms; }

 private:
  static std::map<domain::ItemId, domain::ReservationId> claims_of(
      const std::map<std::string, domain::ReservationSnapshot>& reservations) {
    std::map<domain::ItemId, domain::ReservationId> claims;
    for (const auto& [id, reservation] : reservations) {
      if (reservation.status == domain::ReservationStatus::kHeld ||
          reservation.status == domain::ReservationStatus::kPaid) {
        claims.emplace(reservation.item_id, reservation.reservation_id);
      }
    }
    return claims;
  }

  static std::string name_of(const domain::InboxKey& key) {
    return "i" + key.group + "/" + key.producer + "/" + std::to_string(key.seq);
  }

  template <typename Map>
  Result<std::optional<typename Map::mapped_type>> look_up(const Map& map, const std::string& name,
                                                           const typename Map::key_type& key) {
    if (const auto writer = writers_.find(name); writer != writers_.end()) {
      depends_on_ = std::max(depends_on_, writer->second);
    }
    const auto found = map.find(key);
    if (found == map.end()) return std::optional<typename Map::mapped_type>();
    return std::optional(found->second);
  }

  void wrote(const std::string& name) {
    writers_[name] = building_;
    depends_on_ = building_;
    dirty_ = true;
  }

  MemoryContents now_;
  std::map<std::string, std::uint64_t> writers_;  // newest group that wrote it and is not durable
  std::vector<domain::OutboxEntry> entries_;      // of the group being built
  bool dirty_ = false;
  bool in_flight_ = false;
  std::uint64_t building_ = 1;

  MemoryContents before_;
  std::map<std::string, std::uint64_t> before_writers_;
  std::vector<domain::OutboxEntry> before_entries_;
  bool before_dirty_ = false;
  std::uint64_t depends_on_ = 0;
  bool revision_taken_ = false;
};

MemoryStore::MemoryStore(MemoryDisk& disk)
    : disk_(disk),
      opened_at_{disk.read().last_seq + 1, disk.read().completed},
      complete_above_(above(disk.read())),
      work_(std::make_unique<Work>(disk.read())) {}

MemoryStore::~MemoryStore() = default;

void MemoryStore::set_elapsed(std::int64_t elapsed_ms) {
  work_->elapsed_ms() = elapsed_ms;
}

std::int64_t MemoryStore::elapsed_ms() const {
  return work_->elapsed_ms();
}

domain::UnitOfWork& MemoryStore::begin() {
  work_->begin();
  return *work_;
}

void MemoryStore::accept() {}

void MemoryStore::discard() {
  work_->discard();
}

std::size_t MemoryStore::pending_bytes() const {
  return work_->pending_bytes();
}

std::unique_ptr<domain::SealedGroup> MemoryStore::seal() {
  return work_->seal(disk_);
}

void MemoryStore::retire(std::unique_ptr<domain::SealedGroup> group) {
  work_->retire(group->number());
}

Result<PageOf<domain::OrderSnapshot>> MemoryStore::list_orders(
    std::optional<domain::OrderStatus> status, const Page& page) {
  return list(disk_.read().orders, status, page);
}

Result<PageOf<domain::PaymentSnapshot>> MemoryStore::list_payments(
    std::optional<domain::PaymentStatus> status, const Page& page) {
  return list(disk_.read().payments, status, page);
}

Result<PageOf<domain::ReservationSnapshot>> MemoryStore::list_reservations(
    std::optional<domain::ReservationStatus> status, const Page& page) {
  return list(disk_.read().reservations, status, page);
}

Result<PageOf<domain::WalletSnapshot>> MemoryStore::list_wallets(const Page& page) {
  PageOf<domain::WalletSnapshot> result;
  const MemoryContents durable = disk_.read();
  for (auto it = durable.wallets.upper_bound(page.after); it != durable.wallets.end(); ++it) {
    if (result.entries.size() == page.limit) {
      result.next = result.entries.back().user_id.text();
      break;
    }
    result.entries.push_back(it->second);
  }
  return result;
}

Status MemoryStore::scan_holds(std::int64_t from_elapsed_ms,
                               const std::function<bool(const domain::LiveHold&)>& visit) {
  std::vector<domain::LiveHold> holds;
  const MemoryContents durable = disk_.read();
  for (const auto& [id, reservation] : durable.reservations) {
    if (reservation.status != domain::ReservationStatus::kHeld) continue;
    if (reservation.expires_elapsed_ms < from_elapsed_ms) continue;
    holds.push_back({reservation.expires_elapsed_ms, reservation.reservation_id});
  }
  std::stable_sort(holds.begin(), holds.end(), [](const auto& a, const auto& b) {
    return a.expires_elapsed_ms < b.expires_elapsed_ms;
  });
  for (const domain::LiveHold& hold : holds) {
    if (!visit(hold)) break;
  }
  return domain::ok_status();
}

Result<PageOf<domain::NamedState>> MemoryStore::list_state(std::string_view prefix,
                                                           const Page& page) {
  const MemoryContents durable = disk_.read();
  PageOf<domain::NamedState> result;
  for (const auto& [key, value] : durable.state) {
    if (key <= page.after && !page.after.empty()) continue;
    if (!key.starts_with(prefix)) continue;
    if (result.entries.size() == page.limit) {
      result.next = result.entries.back().key;
      break;
    }
    result.entries.push_back({key, value});
  }
  return result;
}

Status MemoryStore::scan_positions(
    Seq from, const std::function<bool(const domain::OutboxPosition&)>& visit) {
  const MemoryContents durable = disk_.read();
  for (Seq seq = std::max(from, durable.completed + 1); seq <= durable.last_seq; ++seq) {
    if (seq == damaged_seq_) {
      return domain::Error{domain::ErrorCode::kDamaged, "event " + std::to_string(seq), {}};
    }
    const auto entry = durable.outbox.find(seq);
    const bool is_withdrawn = entry == durable.outbox.end();
    OUTBOXD_CHECK(!is_withdrawn || durable.withdrawn.contains(seq));
    if (!visit({.seq = seq,
                .chain = chain_of(durable, seq),
                .entry = is_withdrawn ? nullptr : &entry->second})) {
      break;
    }
  }
  return domain::ok_status();
}

Result<std::uint64_t> MemoryStore::chain_at(Seq seq) {
  return chain_of(disk_.read(), seq);
}

Status MemoryStore::scan_dead(Seq from,
                              const std::function<bool(const domain::DeadEntry&)>& visit) {
  const MemoryContents durable = disk_.read();
  for (auto it = durable.dead.lower_bound(from); it != durable.dead.end(); ++it) {
    if (!visit(it->second)) break;
  }
  return domain::ok_status();
}

Result<std::uint64_t> MemoryStore::count_dead() {
  return std::uint64_t{disk_.read().dead.size()};
}

}  // namespace outboxd::support
