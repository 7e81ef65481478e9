#include "tests/fault/checker.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "storage/chain.h"

namespace outboxd::fault {
namespace {

using domain::Seq;

// The checks of one disk.
class Checker {
 public:
  explicit Checker(const Promise& promise) : promise_(promise) {}

  std::vector<std::string> run(const DiskImage& disk) {
    PowerCutFileSystem files(disk);
    StoreContents after;
    if (open_and_check(files, after) && open_again_and_compare(files, after)) return {};
    return std::move(violations_);
  }

 private:
  bool violated(std::string text) {
    violations_.push_back(std::move(text));
    return false;
  }

  // Reads and checks what is there, then commits one more group: `after` is what should be there
  // then.
  bool open_and_check(PowerCutFileSystem& files, StoreContents& after) {
    auto opened = StoreOnDisk::open(files);
    if (!opened) return violated("G1: the store refuses to open: " + opened.error().message);
    storage::OutboxStore& store = (*opened)->store();
    auto found = read_contents(store, promise_.request_ids);
    if (!found) return violated("G1: the store cannot be read: " + found.error().message);

    check_orders_and_events(*found);
    check_sequence(*found);
    check_points(*found);
    check_effects(*found);
    check_against_history(*found);
    check_progress(store, *found);
    if (!violations_.empty()) return false;
    after = *std::move(found);
    return commit_one_more(store, after);
  }

  bool open_again_and_compare(PowerCutFileSystem& files, const StoreContents& expected) {
    auto opened = StoreOnDisk::open(files);
    if (!opened) return violated("G1: the store does not open again: " + opened.error().message);
    storage::OutboxStore& store = (*opened)->store();
    auto found = read_contents(store, promise_.request_ids);
    if (!found) return violated("G1: the store cannot be read again: " + found.error().message);
    const std::string text = difference(expected, *found);
    if (!text.empty()) return violated("G1: committed after the cut and opened again: " + text);
    auto report = store.verify();
    if (!report) return violated("G1: verify() fails: " + report.error().message);
    if (!report->problems.empty()) return violated("G1: verify() finds " + report->problems[0]);
    return true;
  }

  // G2, from what is on the disk alone: no order without its event, no event without its order.
  void check_orders_and_events(const StoreContents& found) {
    for (const auto& [id, order] : found.orders) {
      check_event(found, order.created_seq, "order.created " + id);
      const bool is_expired = order.status == domain::OrderStatus::kExpired;
      const std::string settled = is_expired ? "order.expired " : "order.cancelled ";
      if (order.settled_seq != 0) check_event(found, order.settled_seq, settled + id);
      if (is_expired && found.pending.contains(order.created_seq)) {
        violated("G2: order " + id + " is expired and its event is still to be published");
      }
    }
    for (const auto& [seq, entry] : found.pending) {
      const std::string_view envelope = entry.envelope;
      if (!envelope.starts_with("order.")) continue;
      const std::size_t id_from = envelope.find(' ') + 1;
      const std::string id(envelope.substr(id_from, envelope.find(' ', id_from) - id_from));
      if (!found.orders.contains(id)) {
        violated("G2: event " + std::to_string(seq) + " is there without its order " + id);
      }
    }
  }

  void check_event(const StoreContents& found, Seq seq, const std::string& beginning) {
    if (seq <= found.progress.completed_seq) return;  // it may have been collected
    if (newest().removed_letters.contains(seq)) return;
    const auto pending = found.pending.find(seq);
    const auto dead = found.dead.find(seq);
    const std::string* envelope = pending != found.pending.end() ? &pending->second.envelope
                                  : dead != found.dead.end()     ? &dead->second.entry.envelope
                                                                 : nullptr;
    if (envelope == nullptr || !envelope->starts_with(beginning + " ")) {
      violated("G2: " + beginning + " is not in the outbox as event " + std::to_string(seq));
    }
  }

  // G3 and G5: above the watermark every number is there once, and the next one is the next.
  void check_sequence(const StoreContents& found) {
    const auto& progress = found.progress;
    for (Seq seq = progress.completed_seq + 1; seq < progress.next_seq; ++seq) {
      if (!found.pending.contains(seq) && !found.withdrawn.contains(seq)) {
        violated("G5: entry " + std::to_string(seq) + " above the watermark " +
                 std::to_string(progress.completed_seq) + " is gone");
      }
    }
    if (!found.pending.empty() && found.pending.rbegin()->first >= progress.next_seq) {
      violated("G3: number " + std::to_string(found.pending.rbegin()->first) +
               " exists and would be given again");
    }
    if (!found.pending.empty() && found.pending.begin()->first <= progress.completed_seq) {
      violated("G5: entry " + std::to_string(found.pending.begin()->first) +
               " is complete and still pending");
    }
  }

  // G9: transfers move points and neither make nor lose any.
  void check_points(const StoreContents& found) {
    std::int64_t points = 0;
    bool any = false;
    for (const auto& [key, value] : found.state) {
      if (!key.starts_with("wallet/")) continue;
      any = true;
      points += std::stoll(value.bytes);
    }
    if (any && points != kPointsInWallets) {
      violated("G9: the wallets hold " + std::to_string(points) + " points");
    }
  }

  // G8: the mark of a delivery, its payment and the payment's event are there together, or none is.
  // G9: the payments are what was taken.
  void check_effects(const StoreContents& found) {
    std::int64_t paid = 0;
    for (Seq delivery = 1; delivery <= kDeliveries; ++delivery) {
      const std::string id = "pay-" + std::to_string(delivery);
      const auto payment = found.payments.find(id);
      const bool has_effect = payment != found.payments.end();
      const bool is_marked = found.marks.contains(delivery);
      if (is_marked && !has_effect) violated("G8: " + id + " is marked and was not made");
      if (!has_effect) continue;
      if (!is_marked && !newest().settled.contains(delivery)) {
        violated("G8: " + id + " was made and would be made again");
      }
      check_event(found, payment->second.decided_seq, "payment.completed " + id);
      paid += std::get<domain::OrderCharge>(payment->second.subject).amount;
    }
    const auto takings = found.state.find(kTakingsKey);
    const std::int64_t taken = takings == found.state.end() ? 0 : std::stoll(takings->second.bytes);
    if (paid != taken) {
      violated("G9: payments of " + std::to_string(paid) + " and takings of " +
               std::to_string(taken));
    }
  }

  // What the store may hold at most.
  [[nodiscard]] const StoreContents& newest() const {
    const auto& contents = promise_.history.contents;
    return contents[std::min(promise_.acknowledged + 1, contents.size() - 1)];
  }

  // G1, G2 and G4 by the script's own book: exactly what it holds after the last group that was
  // acknowledged, or after the one that was being written. Nothing in between.
  void check_against_history(const StoreContents& found) {
    const auto& contents = promise_.history.contents;
    const std::string without = difference(contents[promise_.acknowledged], found);
    if (without.empty()) return;
    if (promise_.acknowledged + 1 == contents.size()) {
      violated("G1: after group " + std::to_string(promise_.acknowledged) + ": " + without);
      return;
    }
    const std::string with = difference(contents[promise_.acknowledged + 1], found);
    if (with.empty()) return;
    violated("G1: group " + std::to_string(promise_.acknowledged) +
             " was acknowledged, the next one was not; compared with the first: " + without +
             "; with the second: " + with);
  }

  // G5, where removal would begin: the watermark is never ahead of what was completed.
  void check_progress(const storage::OutboxStore& store, const StoreContents& found) {
    if (found.progress.completed_seq > newest().progress.completed_seq) {
      violated("G5: the watermark is ahead of what was completed");
    }
    if (store.progress_at_open().next_seq != found.progress.next_seq) {
      violated("G3: the next number changed without a commit");
    }
  }

  // A store that survived must go on working.
  bool commit_one_more(storage::OutboxStore& store, StoreContents& contents) {
    domain::UnitOfWork& work = store.begin();
    domain::OutboxEntry entry{.topic = "orders", .envelope = "key.changed survivor "};
    entry.seq = work.outbox().append(entry);
    const domain::StateValue value{.bytes = "alive", .version = work.revision()};
    work.application_state().put("survivor", value);
    store.accept();
    if (entry.seq != contents.progress.next_seq) {
      violated("G3: number " + std::to_string(entry.seq) + " was given instead of " +
               std::to_string(contents.progress.next_seq));
    }
    for (const auto& [key, earlier] : contents.state) {
      if (earlier.version >= value.version) {
        return violated("G4: version " + std::to_string(value.version) + " was given again");
      }
    }
    std::unique_ptr<domain::SealedGroup> group = store.seal();
    const domain::Status written = group->write();
    if (!written) return violated("G1: nothing can be committed: " + written.error().message);
    store.retire(std::move(group));
    contents.chain = storage::chain_after(contents.chain, entry.seq, entry.envelope);
    entry.chain = contents.chain;
    contents.pending[entry.seq] = entry;
    contents.state["survivor"] = value;
    contents.progress.next_seq = entry.seq + 1;
    return violations_.empty();
  }

  const Promise& promise_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> check_disk(const DiskImage& disk, const Promise& promise) {
  return Checker(promise).run(disk);
}

}  // namespace outboxd::fault
