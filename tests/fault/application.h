// The application of the scripted run: transactions that depend on a seed and on nothing else.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "domain/store.h"
#include "tests/fault/store_contents.h"

namespace outboxd::fault {

// Points in all wallets together, from the first transaction on (G9).
inline constexpr std::int64_t kPointsInWallets = 8000;

// The key under which the amounts of all payments are added up (G9).
inline constexpr const char* kTakingsKey = "takings";

// Makes orders, settles and expires them, moves points between wallets under request records,
// repeats requests, writes and removes keys, completes and buries outbox entries, processes events
// of another producer and is given them again, replays and discards dead letters, and changes its
// mind: all through the store's ports. Knows at any time what the store should hold. A value: a
// copy goes on from the same point in the same way.
class Application {
 public:
  explicit Application(std::uint64_t seed) : random_(seed) {}

  // Adds one group's units of work to the group that `store` is building. Error: a read of the
  // store failed; the unit that failed was discarded.
  domain::Status fill_group(domain::Store& store);

  // Everything up to `seq` was acknowledged as durable: from now on it may be completed.
  void note_durable(domain::Seq seq) { durable_seq_ = seq; }

  // What the store should hold when everything filled in so far is durable.
  [[nodiscard]] const StoreContents& contents() const { return contents_; }

  // Every request id that was ever used.
  [[nodiscard]] const std::set<std::string>& request_ids() const { return request_ids_; }

  // Units of work that were accepted with writes.
  [[nodiscard]] std::uint64_t transactions() const { return transactions_; }

  // Units of work that wrote everything there is to write and were discarded.
  [[nodiscard]] std::uint64_t changes_of_mind() const { return changes_of_mind_; }

  // Reads that did not answer what was written before, in words.
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  enum class Deed : std::uint8_t { kAbandoned, kAccepted };

  domain::Status do_unit(domain::UnitOfWork& work, domain::Store& store);
  domain::Result<Deed> deposit(domain::UnitOfWork& work);
  domain::Result<Deed> create_order(domain::UnitOfWork& work);
  domain::Result<Deed> cancel_order(domain::UnitOfWork& work);
  domain::Result<Deed> transfer(domain::UnitOfWork& work);
  domain::Result<Deed> repeat_request(domain::UnitOfWork& work);
  domain::Result<Deed> change_key(domain::UnitOfWork& work);
  domain::Result<Deed> complete(domain::UnitOfWork& work);
  domain::Result<Deed> note_complete_above(domain::UnitOfWork& work);
  domain::Result<Deed> bury(domain::UnitOfWork& work);
  domain::Result<Deed> expire(domain::UnitOfWork& work);
  domain::Result<Deed> remove_letter(domain::UnitOfWork& work);
  domain::Result<Deed> process(domain::UnitOfWork& work);
  domain::Result<Deed> process_again(domain::UnitOfWork& work);
  domain::Result<Deed> forget_mark(domain::UnitOfWork& work);
  domain::Result<Deed> change_of_mind(domain::UnitOfWork& work);

  domain::Seq publish(domain::UnitOfWork& work, const std::string& type, const std::string& key);
  void note_buried(domain::Seq seq, const std::string& reason);
  void put_wallet(domain::UnitOfWork& work, const std::string& key, std::int64_t points);
  void expect(bool condition, const std::string& complaint);
  std::size_t below(std::size_t bound);

  std::mt19937_64 random_;
  StoreContents contents_;
  std::set<std::string> request_ids_;
  std::vector<std::string> complaints_;
  domain::Seq durable_seq_ = 0;
  std::uint64_t transactions_ = 0;
  std::uint64_t changes_of_mind_ = 0;
  std::uint64_t orders_made_ = 0;
  std::uint64_t requests_made_ = 0;
  domain::Seq deliveries_ = 0;
  domain::TimestampMs now_ms_ = 1291161600000;
};

}  // namespace outboxd::fault
