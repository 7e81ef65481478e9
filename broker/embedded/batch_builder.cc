#include "broker/embedded/batch_builder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "domain/check.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

// What a put costs in a WriteBatch besides key and value.
constexpr std::size_t kPutOverheadBytes = 16;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

// For a WriteBatch's own bookkeeping, which fails only when it is misused.
void must(const rocksdb::Status& status) {
  OUTBOXD_CHECK(status.ok());
}

std::string_view view(const std::array<char, kLogKeyBytes>& key) {
  return {key.data(), key.size()};
}

}  // namespace

BatchBuilder::BatchBuilder(const Catalog& catalog, storage::Database& database,
                           const AppendBatch& batch, const RetentionOptions& retention)
    : catalog_(catalog),
      database_(database),
      batch_(batch),
      retention_(retention),
      writes_(expected_bytes(batch), 0, storage::kProtectionBytes, 0),
      last_producer_id_(catalog.last_producer_id),
      last_topic_id_(catalog.last_topic_id),
      last_group_id_(catalog.last_group_id) {
  database_.begin_batch(writes_);
}

std::size_t BatchBuilder::expected_bytes(const AppendBatch& batch) {
  std::size_t bytes = 256 * (1 + batch.positions.size());
  for (const NewEvent& event : batch.events) {
    bytes += kPutOverheadBytes + kLogKeyBytes + kLogHeaderBytes + event.envelope.size();
  }
  return bytes;
}

domain::Status BatchBuilder::build() {
  producers_.reserve(batch_.positions.size());
  for (const ProducerPosition& position : batch_.positions) add(position);
  for (const NewEvent& event : batch_.events) add(event);
  for (const GroupChange& change : batch_.groups) {
    add(change);
    OUTBOXD_TRY(discard(change.id, change.discard));
  }
  if (batch_.elapsed_ms > catalog_.elapsed_ms) {
    put(kMeta, kElapsedKey, encode_number_record(static_cast<std::uint64_t>(batch_.elapsed_ms)));
    if (batch_.elapsed_ms - catalog_.retained_ms >= retention_.check_every_ms()) {
      retained_ = true;
      OUTBOXD_TRY(retain());
    }
  }
  write_topics();
  return domain::ok_status();
}

void BatchBuilder::publish_to(Catalog& catalog, RetainedOffsets& retained) const {
  for (std::size_t i = 0; i < producers_.size(); ++i) {
    const auto place =
        catalog.producers.insert_or_assign(batch_.positions[i].producer, producers_[i]).first;
    catalog.producer_names.emplace(producers_[i].id, place->first);
  }
  for (const auto& [name, topic] : topics_) {
    catalog.topics.insert_or_assign(name, topic);
    retained.raise(topic.id, topic.first_offset);
  }
  for (const auto& [id, record] : groups_) catalog.groups.insert_or_assign(id, record);
  catalog.last_producer_id = last_producer_id_;
  catalog.last_topic_id = last_topic_id_;
  catalog.last_group_id = last_group_id_;
  if (retained_) catalog.retained_ms = batch_.elapsed_ms;
  catalog.elapsed_ms = std::max(catalog.elapsed_ms, batch_.elapsed_ms);
}

void BatchBuilder::put(Family family, std::string_view key, std::string_view value) {
  must(writes_.Put(database_.family(family), slice(key), slice(value)));
}

void BatchBuilder::remove(Family family, std::string_view key) {
  must(writes_.Delete(database_.family(family), slice(key)));
}

void BatchBuilder::add(const ProducerPosition& position) {
  const auto known = catalog_.producers.find(position.producer);
  ProducerRecord record{0, position.epoch, position.last_seq, position.chain, position.store};
  if (known == catalog_.producers.end()) {
    record.id = ++last_producer_id_;
  } else {
    record.id = known->second.id;
    OUTBOXD_CHECK(record.epoch >= known->second.epoch);
    OUTBOXD_CHECK(record.last_seq >= known->second.last_seq);
  }
  put(kMeta, encode_producer_key(position.producer), encode_producer_record(record));
  producers_.push_back(record);
}

void BatchBuilder::add(const NewEvent& event) {
  Topic& topic = topic_named(event.topic);
  const auto key = encode_log_key({topic.id, topic.next_offset++});
  const auto header = encode_log_header({producers_.at(event.position).id, event.seq});
  const rocksdb::Slice key_slice = slice(view(key));
  const std::array<rocksdb::Slice, 2> value = {rocksdb::Slice(header.data(), header.size()),
                                               slice(event.envelope)};
  must(writes_.Put(database_.family(kLog), rocksdb::SliceParts(&key_slice, 1),
                   rocksdb::SliceParts(value.data(), static_cast<int>(value.size()))));
}

Topic& BatchBuilder::topic_named(std::string_view name) {
  // Most batches have one topic.
  if (last_topic_ != nullptr && last_topic_->first == name) return last_topic_->second;
  auto place = topics_.find(name);
  if (place == topics_.end()) {
    const auto known = catalog_.topics.find(name);
    Topic topic;
    if (known != catalog_.topics.end()) {
      topic = known->second;
    } else {
      topic.id = ++last_topic_id_;
    }
    topic.is_dead = transport::split_dead_topic(name).has_value();
    place = topics_.emplace(name, std::move(topic)).first;
  }
  last_topic_ = &*place;
  return place->second;
}

// Known or not: a batch is whole by itself, whatever a repair had to do without.
void BatchBuilder::write_topics() {
  for (const auto& [name, topic] : topics_) {
    put(kMeta, encode_topic_key(name),
        encode_topic_record({topic.id, topic.first_offset, topic.next_offset}));
  }
}

void BatchBuilder::add(const GroupChange& change) {
  const auto known = catalog_.groups.find(change.id);
  GroupRecord record = known != catalog_.groups.end() ? known->second : GroupRecord{.id = 0};
  if (record.id == 0) record.id = ++last_group_id_;
  record.cursor = change.cursor.value_or(record.cursor);
  put(kMeta, encode_group_key(change.id), encode_group_record(record));
  groups_.insert_or_assign(change.id, record);

  const auto entry = [&](GroupEntry kind, std::uint64_t number) {
    return encode_entry_key(record.id, kind, number);
  };
  for (const auto& [producer, seq] : change.passed) {
    put(kGroups, entry(GroupEntry::kPassed, producer_id(producer)), encode_number_record(seq));
  }
  for (const Offset offset : change.done) put(kGroups, entry(GroupEntry::kDone, offset), "");
  for (const Offset offset : change.undone) remove(kGroups, entry(GroupEntry::kDone, offset));
  for (const DeferredEvent& event : change.defer) {
    put(kGroups, entry(GroupEntry::kDeferred, event.offset),
        encode_deferred(event, producer_id(event.producer)));
  }
  for (const Offset offset : change.undefer) {
    remove(kGroups, entry(GroupEntry::kDeferred, offset));
  }
  for (const DeadLetter& letter : change.bury) bury(change.id, letter);
}

void BatchBuilder::bury(const GroupId& group, const DeadLetter& letter) {
  Topic& topic = topic_named(transport::dead_topic(group.topic, group.group));
  const auto key = encode_log_key({topic.id, topic.next_offset++});
  put(kLog, view(key), encode_letter(letter, producer_id(letter.producer)));
  ++topic.events;
}

domain::Status BatchBuilder::discard(const GroupId& group, const std::vector<Offset>& letters) {
  if (letters.empty()) return domain::ok_status();
  Topic& topic = topic_named(transport::dead_topic(group.topic, group.group));
  for (const Offset letter : letters) {
    const auto key = encode_log_key({topic.id, letter});
    std::string found;
    const auto status = database_.db().Get(rocksdb::ReadOptions(), database_.family(kLog),
                                           slice(view(key)), &found);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return storage::to_error("read a dead letter", status);
    remove(kLog, view(key));
    --topic.events;
  }
  return domain::ok_status();
}

domain::Status BatchBuilder::retain() {
  std::vector<std::string> fresh;  // topics of this batch
  for (const auto& [name, topic] : topics_) {
    if (!catalog_.topics.contains(name)) fresh.push_back(name);
  }
  for (const std::string& name : fresh) OUTBOXD_TRY(retain(name, topic_named(name)));
  for (const auto& [name, known] : catalog_.topics) {
    const auto changed = topics_.find(name);
    OUTBOXD_TRY(retain(name, changed != topics_.end() ? changed->second : known));
  }
  return domain::ok_status();
}

// `now` is the topic with what this batch appends to it.
domain::Status BatchBuilder::retain(const std::string& name, const Topic& now) {
  if (const auto mark = due_mark(now, retention_, batch_.elapsed_ms)) {
    Topic& topic = topic_named(name);
    topic.marks.push_back(*mark);
    put(kMeta, encode_mark_key({topic.id, mark->offset}),
        encode_number_record(static_cast<std::uint64_t>(mark->elapsed_ms)));
  }
  Offset below = old_enough(now, retention_, batch_.elapsed_ms);
  if (below <= now.first_offset) return domain::ok_status();
  OUTBOXD_ASSIGN_OR_RETURN(below, needed_from(name, below));
  return below > now.first_offset ? remove_below(topic_named(name), below) : domain::ok_status();
}

domain::Status BatchBuilder::remove_below(Topic& topic, Offset below) {
  if (topic.is_dead) {
    OUTBOXD_ASSIGN_OR_RETURN(const std::uint64_t gone, count_events(topic, below));
    topic.events -= std::min(topic.events, gone);
  }
  topic.first_offset = below;
  while (!topic.marks.empty() && topic.marks.front().offset <= below) {
    remove(kMeta, encode_mark_key({topic.id, topic.marks.front().offset}));
    topic.marks.pop_front();
  }
  return domain::ok_status();
}

// The first offset of `topic` up to `below` that one of its groups is not done with. A topic of
// events that nobody consumes keeps them: its group may only not have come yet.
domain::Result<Offset> BatchBuilder::needed_from(const std::string& topic, Offset below) const {
  bool consumed = transport::split_dead_topic(topic).has_value();
  const GroupId first{topic, ""};
  for (auto group = catalog_.groups.lower_bound(first);
       group != catalog_.groups.end() && group->first.topic == topic; ++group) {
    consumed = true;
    below = std::min(below, group->second.cursor);
    OUTBOXD_ASSIGN_OR_RETURN(below, deferred_from(group->second.id, below));
  }
  return consumed ? below : Offset{0};
}

domain::Result<Offset> BatchBuilder::deferred_from(std::uint32_t group_id, Offset below) const {
  const std::string end = encode_entry_key(group_id, GroupEntry::kDeferred, below);
  const rocksdb::Slice end_slice = slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end_slice;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_.db().NewIterator(options, database_.family(kGroups)));
  for (entries->Seek(encode_entry_key(group_id, GroupEntry::kDeferred)); entries->Valid();
       entries->Next()) {
    const auto key = decode_entry_key(entries->key().ToStringView());
    bool has_envelope = false;
    const auto event = decode_deferred(entries->value().ToStringView(), true, &has_envelope);
    if (key && event && has_envelope) continue;
    return key ? key->number : Offset{0};
  }
  if (!entries->status().ok()) return storage::to_error("read a group", entries->status());
  return below;
}

domain::Result<std::uint64_t> BatchBuilder::count_events(const Topic& topic, Offset end) const {
  const auto upper = encode_log_key({topic.id, end});
  const rocksdb::Slice upper_slice = slice(view(upper));
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_slice;
  const std::unique_ptr<rocksdb::Iterator> events(
      database_.db().NewIterator(options, database_.family(kLog)));
  std::uint64_t count = 0;
  const auto lower = encode_log_key({topic.id, topic.first_offset});
  for (events->Seek(slice(view(lower))); events->Valid(); events->Next()) ++count;
  if (!events->status().ok()) return storage::to_error("count dead letters", events->status());
  return count;
}

std::uint32_t BatchBuilder::producer_id(std::string_view name) const {
  const auto known = catalog_.producers.find(name);
  if (known != catalog_.producers.end()) return known->second.id;
  const auto added =
      std::find_if(batch_.positions.begin(), batch_.positions.end(),
                   [name](const ProducerPosition& position) { return position.producer == name; });
  // A group speaks only of producers that have events.
  OUTBOXD_CHECK(added != batch_.positions.end());
  return producers_.at(static_cast<std::size_t>(added - batch_.positions.begin())).id;
}

}  // namespace outboxd::broker
