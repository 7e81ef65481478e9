// What the embedded engine keeps of consumer groups, and how it frees what nobody needs any more.
#include <array>
#include <utility>

#include <rocksdb/convenience.h>

#include "broker/embedded/batch_builder.h"
#include "broker/embedded/embedded_engine.h"
#include "storage/database/database.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

// Below this many events, what is left of removed ones costs less than rewriting files does.
constexpr Offset kRewriteEvents = 50'000;

domain::Error damaged(const GroupId& group) {
  return {domain::ErrorCode::kInternal,
          "a record of group " + group.group + " of topic " + group.topic +
              " is not what this version of outbox-broker writes; restore the data directory "
              "from a copy, or run the version that wrote it",
          ""};
}

rocksdb::Slice slice(const std::array<char, kLogKeyBytes>& key) {
  return {key.data(), key.size()};
}

}  // namespace

domain::Result<std::vector<GroupState>> EmbeddedEngine::groups() const {
  OUTBOXD_TRY(database_->health());
  std::map<GroupId, GroupRecord> records;
  {
    const std::lock_guard lock(mutex_);
    records = catalog_.groups;
  }
  std::vector<GroupState> states;
  for (const auto& [id, record] : records) {
    OUTBOXD_ASSIGN_OR_RETURN(GroupState state, load_group(id, record));
    states.push_back(std::move(state));
  }
  return states;
}

domain::Result<GroupState> EmbeddedEngine::load_group(const GroupId& id,
                                                      const GroupRecord& record) const {
  GroupState state;
  state.id = id;
  state.cursor = record.cursor;
  const std::string begin = encode_entry_key(record.id, GroupEntry::kDeferred);
  const std::string end = encode_entry_key(record.id + 1, GroupEntry::kDeferred);
  const rocksdb::Slice end_slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end_slice;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(options, database_->family(kGroups)));
  for (entries->Seek(begin); entries->Valid(); entries->Next()) {
    OUTBOXD_TRY(load_entry(entries->key().ToStringView(), entries->value().ToStringView(), state));
  }
  if (!entries->status().ok()) return storage::to_error("read a group", entries->status());
  return state;
}

domain::Status EmbeddedEngine::load_entry(std::string_view key, std::string_view value,
                                          GroupState& state) const {
  const auto entry = decode_entry_key(key);
  if (!entry) return damaged(state.id);
  switch (entry->kind) {
    case GroupEntry::kDone: state.done.push_back(entry->number); return domain::ok_status();
    case GroupEntry::kPassed: {
      const auto name = producer_name(static_cast<std::uint32_t>(entry->number));
      const auto seq = decode_number_record(value);
      if (!name || !seq) return damaged(state.id);
      state.passed.emplace_back(*name, *seq);
      return domain::ok_status();
    }
    case GroupEntry::kDeferred: {
      auto decoded = decode_deferred(value, true);
      const auto name = decoded ? producer_name(decoded->producer_id) : std::nullopt;
      if (!name) return damaged(state.id);
      decoded->event.offset = entry->number;
      decoded->event.producer = *name;
      state.deferred.push_back(std::move(decoded->event));
      return domain::ok_status();
    }
  }
  return damaged(state.id);
}

domain::Result<std::optional<DeferredEvent>> EmbeddedEngine::deferred(const GroupId& group,
                                                                      Offset offset) const {
  OUTBOXD_TRY(database_->health());
  std::uint32_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto record = catalog_.groups.find(group);
    if (record == catalog_.groups.end()) return std::optional<DeferredEvent>();
    id = record->second.id;
  }
  std::string value;
  const auto status =
      database_->db().Get(rocksdb::ReadOptions(), database_->family(kGroups),
                          encode_entry_key(id, GroupEntry::kDeferred, offset), &value);
  if (status.IsNotFound()) return std::optional<DeferredEvent>();
  if (!status.ok()) return storage::to_error("read a deferred event", status);
  auto decoded = decode_deferred(value, false);
  const auto name = decoded ? producer_name(decoded->producer_id) : std::nullopt;
  if (!name) return damaged(group);
  decoded->event.offset = offset;
  decoded->event.producer = *name;
  return std::optional<DeferredEvent>(std::move(decoded->event));
}

domain::Status EmbeddedEngine::read_dead(const GroupId& group, Offset from,
                                         const LetterVisitor& visit) const {
  const std::string topic = transport::dead_topic(group.topic, group.group);
  const std::optional<Topic> ends = ends_of(topic);
  if (!ends) return domain::ok_status();
  bool decoded = true;
  domain::Status status = scan_log(topic, *ends, from, [&](Offset offset, std::string_view value) {
    auto letter = decode_letter(value);
    const auto name = letter ? producer_name(letter->producer_id) : std::nullopt;
    decoded = name.has_value();
    if (!decoded) return false;
    letter->letter.producer = *name;
    return visit(offset, letter->letter);
  });
  if (!decoded) return damaged(group);
  return status;
}

std::uint64_t EmbeddedEngine::count_dead(const GroupId& group) const {
  const std::optional<Topic> ends = ends_of(transport::dead_topic(group.topic, group.group));
  return ends ? ends->events : 0;
}

domain::Status EmbeddedEngine::collect() {
  OUTBOXD_TRY(database_->health());
  for (const auto& [topic_id, first] : retained_->all()) {
    const auto lowest = encode_log_key({topic_id, 0});
    const auto end = encode_log_key({topic_id, first});
    const rocksdb::Slice lowest_slice = slice(lowest);
    const rocksdb::Slice end_slice = slice(end);
    Offset& collected = collected_.emplace(topic_id, 1).first->second;
    if (first > collected) {
      const auto status = rocksdb::DeleteFilesInRange(&database_->db(), database_->family(kLog),
                                                      &lowest_slice, &end_slice, false);
      if (!status.ok()) return storage::to_error("drop files of old events", status);
      collected = first;
    }
    Offset& rewritten = rewritten_.emplace(topic_id, 1).first->second;
    if (first - rewritten >= kRewriteEvents) {
      OUTBOXD_TRY(database_->flush());  // the events are in the logs, too
      rocksdb::CompactRangeOptions options;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      options.exclusive_manual_compaction = false;
      const auto status =
          database_->db().CompactRange(options, database_->family(kLog), &lowest_slice, &end_slice);
      if (!status.ok()) return storage::to_error("rewrite files of old events", status);
      rewritten = first;
    }
  }
  return domain::ok_status();
}

}  // namespace outboxd::broker
