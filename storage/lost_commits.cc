#include "storage/lost_commits.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "storage/chain.h"
#include "storage/families.h"
#include "storage/outbox_positions.h"
#include "storage/records.h"
#include "storage/slices.h"

namespace outboxd::storage {

using domain::Result;
using domain::Seq;
using domain::Status;

namespace {

constexpr std::size_t kFillBatchBytes = std::size_t{1} << 20;

rocksdb::ColumnFamilyHandle* handle(const Database& database, Family family) {
  return database.family(static_cast<std::size_t>(family));
}

// Picks the outbox numbers out of a batch.
class BatchSeqs final : public rocksdb::WriteBatch::Handler {
 public:
  explicit BatchSeqs(const Database& database)
      : outbox_(handle(database, Family::kOutbox)->GetID()),
        meta_(handle(database, Family::kMeta)->GetID()) {}

  rocksdb::Status PutCF(std::uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (family == outbox_ && first_ == 0) first_ = seq_of_key(view_of(key));
    if (family == meta_ && view_of(key) == kHeadKey) {
      if (const auto head = decode_head(view_of(value))) last_ = head->last_seq;
    }
    return rocksdb::Status::OK();
  }

  rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }

  // Of the first event of the batch, or 0.
  [[nodiscard]] Seq first() const { return first_; }

  // Of the newest event when the batch was written, or 0 when it does not say.
  [[nodiscard]] Seq last() const { return last_; }

 private:
  const std::uint32_t outbox_;
  const std::uint32_t meta_;
  Seq first_ = 0;
  Seq last_ = 0;
};

BatchSeqs seqs_of(const Database& database, const std::string& batch) {
  BatchSeqs seqs(database);
  if (!batch.empty()) rocksdb::WriteBatch(batch).Iterate(&seqs).PermitUncheckedError();
  return seqs;
}

// Collects the holes between numbers that are given in ascending order.
class HoleFinder {
 public:
  explicit HoleFinder(Seq first) : expected_(first) {}

  void see(Seq seq) {
    if (seq > expected_) holes_.push_back({expected_, seq - 1});
    expected_ = seq + 1;
  }

  std::vector<SeqRange> take() { return std::move(holes_); }

 private:
  Seq expected_;
  std::vector<SeqRange> holes_;
};

Status check(const rocksdb::Iterator& entries) {
  if (entries.status().ok()) return domain::ok_status();
  return to_error("read the outbox", entries.status());
}

}  // namespace

std::optional<SeqRange> events_between(const Database& database, const LogDamage& damage,
                                       Seq last_seq) {
  const Seq before = seqs_of(database, damage.batch_before).last();
  const BatchSeqs after = seqs_of(database, damage.batch_after);
  Seq last = after.first() != 0 ? after.first() - 1 : after.last();
  if (damage.batch_after.empty()) last = last_seq;
  if (before == 0 || last <= before) return std::nullopt;
  return SeqRange{before + 1, last};
}

Result<std::vector<SeqRange>> find_holes(const Database& database, const Position& position) {
  const SeqKey first(position.completed + 1);
  const std::unique_ptr<rocksdb::Iterator> pending(
      database.db().NewIterator({}, handle(database, Family::kOutbox)));
  const std::unique_ptr<rocksdb::Iterator> dead(
      database.db().NewIterator({}, handle(database, Family::kDead)));
  pending->Seek(first.view());
  dead->Seek(first.view());
  HoleFinder finder(position.completed + 1);
  while (pending->Valid() || dead->Valid()) {
    const bool pending_is_next =
        pending->Valid() && (!dead->Valid() || pending->key().compare(dead->key()) < 0);
    rocksdb::Iterator& next = pending_is_next ? *pending : *dead;
    finder.see(seq_of_key(view_of(next.key())));
    next.Next();
  }
  OUTBOXD_TRY(check(*pending));
  OUTBOXD_TRY(check(*dead));
  finder.see(position.head.last_seq + 1);
  return finder.take();
}

Result<UnsoundPositions> find_unsound(const Database& database, const Position& position) {
  UnsoundPositions unsound;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database.db().NewIterator({}, handle(database, Family::kOutbox)));
  domain::OutboxEntry entry;
  ChainCheck chain;
  for (entries->Seek(SeqKey(position.completed + 1).view()); entries->Valid(); entries->Next()) {
    const Seq seq = seq_of_key(view_of(entries->key()));
    const auto kind = decode_outbox(seq, view_of(entries->value()), entry);
    if (!kind) {
      unsound.undecodable.push_back({seq, seq});
    } else if (!chain.follow(entry, *kind)) {
      unsound.breaks.push_back(seq);
      chain = {};
    }
  }
  OUTBOXD_TRY(check(*entries));
  return unsound;
}

std::vector<SeqRange> merge(std::vector<SeqRange> ranges, const std::vector<SeqRange>& others) {
  ranges.insert(ranges.end(), others.begin(), others.end());
  std::sort(ranges.begin(), ranges.end(),
            [](const SeqRange& a, const SeqRange& b) { return a.first < b.first; });
  std::vector<SeqRange> merged;
  for (const SeqRange& range : ranges) {
    if (!merged.empty() && merged.back().last + 1 == range.first) {
      merged.back().last = range.last;
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

Status forget_chains(Database& database, const std::vector<Seq>& seqs) {
  for (const Seq seq : seqs) {
    std::string value;
    const SeqKey key(seq);
    auto status = database.db().Get({}, handle(database, Family::kOutbox), key.view(), &value);
    if (!status.ok()) return to_error("read the outbox", status);
    domain::OutboxEntry entry;
    OUTBOXD_ASSIGN_OR_RETURN(const OutboxKind kind, decode_outbox(seq, value, entry));
    entry.chain = kNoChain;
    encode(entry, value, kind);
    rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
    status = batch.Put(handle(database, Family::kOutbox), key.view(), value);
    if (!status.ok()) return to_error("write the outbox", status);
    OUTBOXD_TRY(database.write_synced(batch));
  }
  return domain::ok_status();
}

Status count_dead_again(Database& database, HeadRecord& head) {
  const std::unique_ptr<rocksdb::Iterator> dead(
      database.db().NewIterator({}, handle(database, Family::kDead)));
  std::uint64_t count = 0;
  for (dead->Seek(SeqKey(0).view()); dead->Valid(); dead->Next()) {
    if (!is_removed_letter(view_of(dead->value()))) ++count;
  }
  OUTBOXD_TRY(check(*dead));
  if (count == head.dead) return domain::ok_status();
  head.dead = count;
  std::string value;
  encode(head, value);
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  const auto status = batch.Put(handle(database, Family::kMeta), kHeadKey, value);
  if (!status.ok()) return to_error("count the dead letters", status);
  return database.write_synced(batch);
}

Status fill_holes(Database& database, const std::vector<SeqRange>& holes,
                  const std::function<domain::OutboxEntry(Seq)>& lost_entry) {
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  std::string value;
  for (const SeqRange& hole : holes) {
    const Result<std::uint64_t> before = chain_at(database, hole.first - 1);
    std::uint64_t chain = before ? *before : kNoChain;
    for (Seq seq = hole.first; seq <= hole.last; ++seq) {
      domain::OutboxEntry entry = lost_entry(seq);
      chain = chain_after(chain, seq, entry.envelope);
      entry.chain = chain;
      encode(entry, value, OutboxKind::kSubstitute);
      const auto status = batch.Put(handle(database, Family::kOutbox), SeqKey(seq).view(), value);
      if (!status.ok()) return to_error("replace lost entries", status);
      if (batch.GetDataSize() < kFillBatchBytes) continue;
      OUTBOXD_TRY(database.write_synced(batch));
      batch.Clear();
    }
  }
  return batch.Count() == 0 ? domain::ok_status() : database.write_synced(batch);
}

}  // namespace outboxd::storage
