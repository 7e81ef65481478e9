#include "storage/verification.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "storage/families.h"
#include "storage/lost_commits.h"
#include "storage/outbox_positions.h"
#include "storage/points_audit.h"
#include "storage/points_records.h"
#include "storage/records.h"

namespace outboxd::storage {

using domain::Result;
using domain::Status;

namespace {

// Enough to see what is wrong, few enough to show.
constexpr std::size_t kMaxProblems = 100;

void add_problem(VerifyReport& report, std::string problem) {
  if (report.problems.size() < kMaxProblems) report.problems.push_back(std::move(problem));
}

template <typename Outcome>
void note(VerifyReport& report, const Outcome& outcome) {
  if (outcome.ok()) return;
  const domain::Error& error = outcome.error();
  add_problem(report, error.message);
  if (error.code == domain::ErrorCode::kDamaged && report.damages.size() < kMaxProblems) {
    report.damages.push_back(error.message);
  }
}

void verify_state(std::string_view key, std::string_view value, VerifyReport& report) {
  const std::string_view name = key.substr(key.empty() ? 0 : 1);
  if (key.starts_with(kOrderPrefix)) {
    ++report.orders;
    note(report, decode_order(name, value));
  } else if (key.starts_with(kPaymentPrefix)) {
    ++report.payments;
    note(report, decode_payment(name, value));
  } else if (key.starts_with(kApplicationPrefix)) {
    ++report.state_keys;
    note(report, decode_state(name, value));
  } else if (key.starts_with(kWalletPrefix)) {
    ++report.wallets;
    note(report, decode_wallet(name, value));
  } else if (key.starts_with(kReservationPrefix)) {
    ++report.reservations;
    note(report, decode_reservation(name, value));
  } else if (key.starts_with(kDepositPrefix)) {
    note(report, decode_deposit(name, value));
  } else if (key.starts_with(kDeductionPrefix)) {
    note(report, decode_deduction(name, value));
  } else if (key.starts_with(kClaimPrefix)) {
    note(report, decode_claim(name, value));
  } else if (key.starts_with(kHoldPrefix)) {
    note(report, decode_hold(name));
  } else {
    add_problem(report, fmt::format("state key '{}' belongs to nobody", key));
  }
}

void verify_outbox(std::string_view key, std::string_view value, const Position& position,
                   ChainCheck& chain, VerifyReport& report) {
  const domain::Seq seq = seq_of_key(key);
  if (seq <= position.completed && seq != 0) return;  // waits to be collected
  if (seq == 0) add_problem(report, "the outbox has a key that is no sequence number");
  domain::OutboxEntry entry;
  const auto kind = decode_outbox(seq, value, entry);
  note(report, kind);
  if (!kind || *kind != OutboxKind::kWithdrawn) ++report.outbox_entries;
  if (kind) note(report, chain.follow(entry, *kind));
}

void verify_dead(std::string_view key, std::string_view value, VerifyReport& report) {
  if (is_removed_letter(value)) return;
  ++report.dead_entries;
  domain::DeadEntry dead;
  note(report, decode_dead(seq_of_key(key), value, dead));
}

// Calls `visit` with every key and value of `family`.
template <typename Visit>
Status for_each(Database& database, Family family, Visit visit) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database.db().NewIterator(options, database.family(static_cast<std::size_t>(family))));
  // lint: allow(banned_calls): a verification reads everything, garbage included
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    visit(std::string_view(entries->key().data(), entries->key().size()),
          std::string_view(entries->value().data(), entries->value().size()));
  }
  if (entries->status().ok()) return domain::ok_status();
  return to_error("read the database", entries->status());
}

// An iterator that fails half-way is damage too: it joins the report rather than ending it.
void verify_families(Database& database, const Position& position, VerifyReport& report) {
  note(report, for_each(database, Family::kState,
                        [&](auto key, auto value) { verify_state(key, value, report); }));
  ChainCheck chain;
  note(report, for_each(database, Family::kOutbox, [&](auto key, auto value) {
         verify_outbox(key, value, position, chain, report);
       }));
  note(report, for_each(database, Family::kRequests, [&](auto key, auto value) {
         ++report.request_records;
         note(report, decode_request(key, value));
       }));
  note(report, for_each(database, Family::kInbox, [&](auto, auto value) {
         ++report.inbox_marks;
         note(report, decode_number(value, "inbox mark"));
       }));
  note(report, for_each(database, Family::kDead,
                        [&](auto key, auto value) { verify_dead(key, value, report); }));
}

}  // namespace

Result<VerifyReport> verify_store(Database& database, const DurableProgress& progress) {
  OUTBOXD_TRY(database.health());
  Position position{.completed = progress.completed()};
  position.head.last_seq = progress.last_seq();
  const std::uint64_t groups = progress.groups();
  const std::uint64_t dead = progress.dead();
  VerifyReport report;
  if (const auto status = database.db().VerifyChecksum(); !status.ok()) {
    note(report, Status(to_error("read all tables", status)));
  }
  verify_families(database, position, report);
  note(report, audit_points(database,
                            [&](std::string problem) { add_problem(report, std::move(problem)); }));
  if (report.dead_entries != dead && progress.groups() == groups) {
    add_problem(report, fmt::format("there are {} dead letters, but {} were counted",
                                    report.dead_entries, dead));
  }
  const auto holes = find_holes(database, position);
  note(report, holes);
  if (!holes.ok()) return report;
  const domain::Seq completed_meanwhile = progress.completed();
  for (const SeqRange& hole : *holes) {
    if (hole.last <= completed_meanwhile) continue;
    note(report,
         Status(domain::Error{
             .code = domain::ErrorCode::kDamaged,
             .message = missing_events(std::max(hole.first, completed_meanwhile + 1), hole.last)}));
  }
  return report;
}

}  // namespace outboxd::storage
