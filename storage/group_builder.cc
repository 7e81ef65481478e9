#include "storage/group_builder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "storage/chain.h"

namespace outboxd::storage {

using domain::Result;
using domain::Seq;
using domain::Status;

namespace {

// A group that was larger than this gives its memory back.
constexpr std::size_t kMaxSpareBytes = std::size_t{2} << 20;

}  // namespace

GroupBuilder::GroupBuilder(Database& database, DurableProgress& progress,
                           const domain::ElapsedTime& elapsed, const Position& position,
                           std::function<void(const domain::Error&)> on_damage)
    : database_(database),
      progress_(progress),
      elapsed_(elapsed),
      on_damage_(std::move(on_damage)),
      position_(position),
      sealed_position_(position) {
  building_ = fresh_group();
}

void GroupBuilder::begin() {
  OUTBOXD_CHECK(!open_);
  open_ = true;
  position_before_ = position_;
  touched_before_ = touched_;
  revision_ = 0;
  depends_on_ = 0;
  building_->mark();
}

void GroupBuilder::accept() {
  OUTBOXD_CHECK(open_);
  open_ = false;
  building_->keep();
}

void GroupBuilder::discard() {
  OUTBOXD_CHECK(open_);
  open_ = false;
  building_->undo();
  position_ = position_before_;
  touched_ = touched_before_;
}

Result<std::optional<std::string_view>> GroupBuilder::get(Family family, std::string_view key) {
  const Group* const groups[] = {building_.get(), in_flight_};
  for (const Group* group : groups) {
    if (group == nullptr) continue;
    if (const auto write = group->find(family, key)) {
      depends_on_ = std::max(depends_on_, group->number());
      if (write->removed) return std::optional<std::string_view>();
      return std::optional(write->value);
    }
  }
  durable_value_.Reset();
  const auto status =
      database_.db().Get(rocksdb::ReadOptions(), database_.family(static_cast<std::size_t>(family)),
                         key, &durable_value_);
  if (status.IsNotFound()) return std::optional<std::string_view>();
  if (!status.ok()) {
    domain::Error error = to_error("read the database", status);
    if (status.IsCorruption() && on_damage_) on_damage_(error);
    return error;
  }
  return std::optional(std::string_view(durable_value_.data(), durable_value_.size()));
}

void GroupBuilder::put(Family family, std::string_view key, std::string_view value) {
  OUTBOXD_CHECK(open_);
  building_->put(family, key, value);
  depends_on_ = building_->number();
}

void GroupBuilder::remove(Family family, std::string_view key) {
  OUTBOXD_CHECK(open_);
  building_->remove(family, key);
  depends_on_ = building_->number();
}

Seq GroupBuilder::append(domain::OutboxEntry entry) {
  entry.seq = ++position_.head.last_seq;
  entry.elapsed_ms = elapsed_.elapsed_ms();
  entry.chain = chain_after(position_.chain, entry.seq, entry.envelope);
  position_.chain = entry.chain;
  encode(entry, encoded_);
  put(Family::kOutbox, SeqKey(entry.seq).view(), encoded_);
  building_->add_entry(std::move(entry));
  return position_.head.last_seq;
}

void GroupBuilder::complete_through(Seq seq) {
  OUTBOXD_CHECK(open_);
  OUTBOXD_CHECK(seq <= position_.head.last_seq);
  if (seq <= position_.completed) return;
  position_.completed_chain = chain_at(seq);
  position_.completed = seq;
  depends_on_ = building_->number();
}

// Of a position that is not complete yet. What cannot be read has none: an entry that the broker
// has is complete all the same.
std::uint64_t GroupBuilder::chain_at(Seq seq) {
  if (seq == position_.head.last_seq) return position_.chain;
  const SeqKey key(seq);
  const auto position = get(Family::kOutbox, key.view());
  if (!position) return kNoChain;
  domain::DeadEntry dead;
  if (*position) {
    return decode_outbox(seq, **position, dead.entry) ? dead.entry.chain : kNoChain;
  }
  const auto letter = get(Family::kDead, key.view());
  const bool is_letter = letter && *letter && decode_dead(seq, **letter, dead);
  return is_letter ? dead.entry.chain : kNoChain;
}

Result<std::optional<domain::OutboxEntry>> GroupBuilder::find_pending(Seq seq) {
  using Found = std::optional<domain::OutboxEntry>;
  if (seq <= position_.completed) return Found();
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, get(Family::kOutbox, SeqKey(seq).view()));
  if (!value) return Found();
  Found entry(std::in_place);
  OUTBOXD_ASSIGN_OR_RETURN(const OutboxKind kind, decode_outbox(seq, *value, *entry));
  if (kind == OutboxKind::kWithdrawn) entry.reset();
  return entry;
}

Status GroupBuilder::bury(Seq seq, std::string_view reason, domain::TimestampMs now_ms) {
  OUTBOXD_ASSIGN_OR_RETURN(auto entry, find_pending(seq));
  if (!entry) return domain::ok_status();
  const SeqKey key(seq);
  const domain::DeadEntry dead{
      .entry = *std::move(entry), .died_at_ms = now_ms, .reason = std::string(reason)};
  encode(dead, encoded_);
  put(Family::kDead, key.view(), encoded_);
  encode_withdrawn(dead.entry, encoded_);
  put(Family::kOutbox, key.view(), encoded_);
  ++position_.head.dead;
  return domain::ok_status();
}

Result<std::optional<domain::DeadEntry>> GroupBuilder::find_dead(Seq seq) {
  using Found = std::optional<domain::DeadEntry>;
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, get(Family::kDead, SeqKey(seq).view()));
  if (!value || is_removed_letter(*value)) return Found();
  Found dead(std::in_place);
  OUTBOXD_TRY(decode_dead(seq, *value, *dead));
  return dead;
}

// Above the watermark every number must be accounted for, so something stays in its place until the
// watermark has passed.
Status GroupBuilder::remove_dead(Seq seq) {
  const SeqKey key(seq);
  OUTBOXD_ASSIGN_OR_RETURN(const auto found, get(Family::kDead, key.view()));
  if (!found || is_removed_letter(*found)) return domain::ok_status();
  if (seq <= position_.completed) {
    remove(Family::kDead, key.view());
  } else {
    encode_removed_letter(encoded_);
    put(Family::kDead, key.view(), encoded_);
  }
  if (position_.head.dead > 0) --position_.head.dead;
  return domain::ok_status();
}

void GroupBuilder::touch() {
  OUTBOXD_CHECK(open_);
  touched_ = true;
  depends_on_ = building_->number();
}

std::uint64_t GroupBuilder::revision() {
  OUTBOXD_CHECK(open_);
  if (revision_ == 0) revision_ = ++position_.head.revision;
  return revision_;
}

// A revision alone is nothing to write: nobody was told of it.
bool GroupBuilder::has_writes() const {
  return touched_ || !building_->empty() || position_.completed != sealed_position_.completed;
}

std::size_t GroupBuilder::pending_bytes() const {
  return has_writes() ? building_->bytes() : 0;
}

std::unique_ptr<domain::SealedGroup> GroupBuilder::seal() {
  OUTBOXD_CHECK(!open_);
  if (!has_writes()) return nullptr;
  OUTBOXD_CHECK(in_flight_ == nullptr);
  position_.head.elapsed_ms = elapsed_.elapsed_ms();
  touched_ = false;
  building_->seal(sealed_position_, position_);
  sealed_position_ = position_;
  in_flight_ = building_.get();
  return std::exchange(building_, fresh_group());
}

void GroupBuilder::retire(std::unique_ptr<domain::SealedGroup> group) {
  OUTBOXD_CHECK(group.get() == in_flight_);
  in_flight_ = nullptr;
  std::unique_ptr<Group> retired(static_cast<Group*>(group.release()));
  if (retired->capacity() <= kMaxSpareBytes) spare_ = std::move(retired);
}

std::unique_ptr<Group> GroupBuilder::fresh_group() {
  std::unique_ptr<Group> group = std::exchange(spare_, nullptr);
  if (!group) group = std::make_unique<Group>(database_, progress_);
  group->reset(next_number_++);
  return group;
}

}  // namespace outboxd::storage
