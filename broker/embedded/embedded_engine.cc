#include "broker/embedded/embedded_engine.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "broker/embedded/batch_builder.h"
#include "broker/embedded/retained_events_filter.h"
#include "domain/check.h"
#include "domain/store_id.h"
#include "storage/database/database.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

template <std::size_t kSize>
rocksdb::Slice slice(const std::array<char, kSize>& bytes) {
  return {bytes.data(), bytes.size()};
}

domain::Error damaged(const std::string& what) {
  return {domain::ErrorCode::kInternal,
          what +
              " is not what this version of outbox-broker writes; restore the data directory "
              "from a copy, or run the version that wrote it",
          ""};
}

}  // namespace

domain::Result<std::unique_ptr<EmbeddedEngine>> EmbeddedEngine::open(
    const EmbeddedOptions& options) {
  const auto retained = std::make_shared<RetainedOffsets>();
  storage::DatabaseOptions database_options;
  database_options.path = options.directory;
  database_options.families = {
      {.name = "meta"},
      {.name = "log", .filter = retained_events_filter(retained), .queue = true},
      {.name = "groups"}};
  database_options.format_name = "outbox-broker";
  database_options.format_version = 1;
  database_options.env = options.env;
  database_options.repair = options.repair;
  OUTBOXD_ASSIGN_OR_RETURN(auto database, storage::Database::open(std::move(database_options)));
  std::unique_ptr<EmbeddedEngine> engine(
      new EmbeddedEngine(std::move(database), options.retention, retained));
  OUTBOXD_TRY(engine->load_catalog());
  OUTBOXD_TRY(engine->take_start());
  if (!engine->recovery_.damage.empty()) OUTBOXD_TRY(engine->find_lost());
  return engine;
}

EmbeddedEngine::EmbeddedEngine(std::unique_ptr<storage::Database> database,
                               const RetentionOptions& retention,
                               std::shared_ptr<RetainedOffsets> retained)
    : database_(std::move(database)), retention_(retention), retained_(std::move(retained)) {
  const storage::RecoveryReport& report = database_->recovery();
  recovery_.torn_tail_dropped = report.torn_tail_dropped;
  for (const storage::LogDamage& damage : report.lost) {
    std::string text =
        damage.file + " at byte " + std::to_string(damage.offset) + ": " + damage.what;
    if (damage.batch_after.empty()) {
      text += ". Whatever was written later is lost, from the end of any topic";
    }
    recovery_.damage.push_back(std::move(text));
  }
  recovery_.mended = report.mended;
  recovery_.copy_directory = report.copy_directory;
}

EmbeddedEngine::~EmbeddedEngine() = default;

// ---- Opening ----

domain::Status EmbeddedEngine::load_catalog() {
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->family(kMeta)));
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    OUTBOXD_TRY(load(entries->key().ToStringView(), entries->value().ToStringView()));
  }
  if (!entries->status().ok()) return storage::to_error("read the names", entries->status());
  elapsed_at_open_ = catalog_.elapsed_ms;

  // Marks come before the topics in the order of keys, which are known by then.
  const std::unique_ptr<rocksdb::Iterator> marks(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->family(kMeta)));
  for (marks->Seek(std::string(1, kMarkKeyPrefix)); marks->Valid(); marks->Next()) {
    const auto mark = decode_mark_key(marks->key().ToStringView());
    if (!mark) break;
    const auto elapsed_ms = decode_number_record(marks->value().ToStringView());
    if (!elapsed_ms) return damaged("the age of a topic");
    for (auto& [name, topic] : catalog_.topics) {
      if (topic.id != mark->topic_id) continue;
      topic.marks.push_back({mark->offset, static_cast<std::int64_t>(*elapsed_ms)});
    }
  }
  if (!marks->status().ok()) return storage::to_error("read the ages", marks->status());
  return domain::ok_status();
}

domain::Status EmbeddedEngine::load(std::string_view key, std::string_view value) {
  if (key == kHistoryKey) {
    auto id = decode_history_record(value);
    if (!id) return damaged("the id of this store");
    history_ = *std::move(id);
    return domain::ok_status();
  }
  if (key == kElapsedKey || key == kStartsKey) {
    const auto number = decode_number_record(value);
    if (!number) return damaged("a counter");
    if (key == kStartsKey) {
      starts_ = *number;
    } else {
      catalog_.elapsed_ms = static_cast<std::int64_t>(*number);
    }
    return domain::ok_status();
  }
  const char prefix = key.empty() ? '\0' : key.front();
  const std::string_view name = key.substr(std::min<std::size_t>(1, key.size()));
  if (prefix == kProducerKeyPrefix) {
    const auto record = decode_producer_record(value);
    if (!record) return damaged("the record of producer " + std::string(name));
    const auto place = catalog_.producers.emplace(name, *record).first;
    catalog_.producer_names.emplace(record->id, place->first);
    catalog_.last_producer_id = std::max(catalog_.last_producer_id, record->id);
    return domain::ok_status();
  }
  if (prefix == kTopicKeyPrefix) return load_topic(name, value);
  if (prefix == kGroupKeyPrefix) {
    auto id = decode_group_key(key);
    const auto record = decode_group_record(value);
    if (!id || !record) return damaged("the record of a consumer group");
    catalog_.last_group_id = std::max(catalog_.last_group_id, record->id);
    catalog_.groups.emplace(std::move(*id), *record);
    return domain::ok_status();
  }
  if (prefix == kMarkKeyPrefix) return domain::ok_status();
  return damaged("a key of family meta");
}

domain::Status EmbeddedEngine::load_topic(std::string_view name, std::string_view value) {
  const auto record = decode_topic_record(value);
  if (!record) return damaged("the record of topic " + std::string(name));
  catalog_.last_topic_id = std::max(catalog_.last_topic_id, record->id);
  Topic topic;
  topic.id = record->id;
  topic.first_offset = record->first_offset;
  topic.next_offset = record->next_offset;
  topic.is_dead = transport::split_dead_topic(name).has_value();
  OUTBOXD_TRY(find_ends(std::string(name), topic));
  if (topic.is_dead) {
    OUTBOXD_TRY(scan_log(name, topic, topic.first_offset, [&](Offset, std::string_view) {
      ++topic.events;
      return true;
    }));
  }
  retained_->raise(topic.id, topic.first_offset);
  catalog_.topics.emplace(name, std::move(topic));
  return domain::ok_status();
}

domain::Status EmbeddedEngine::find_ends(const std::string& name, Topic& topic) const {
  const auto highest = encode_log_key({topic.id, std::numeric_limits<Offset>::max()});
  const std::unique_ptr<rocksdb::Iterator> events(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->family(kLog)));
  events->SeekForPrev(slice(highest));
  if (events->Valid()) {
    const auto last = decode_log_key(events->key().ToStringView());
    if (!last) return damaged("a key of topic " + name);
    // Another topic's: this one has no events any more.
    if (last->topic_id == topic.id) {
      topic.next_offset = std::max(topic.next_offset, last->offset + 1);
      events->Seek(slice(encode_log_key({topic.id, topic.first_offset})));
      if (events->Valid()) {
        const auto first = decode_log_key(events->key().ToStringView());
        if (!first) return damaged("a key of topic " + name);
        if (first->topic_id == topic.id) topic.first_offset = first->offset;
      }
    }
  }
  if (!events->status().ok()) return storage::to_error("read topic " + name, events->status());
  return domain::ok_status();
}

domain::Status EmbeddedEngine::take_start() {
  rocksdb::WriteBatch batch(0, 0, storage::kProtectionBytes, 0);
  const auto status = batch.Put(database_->family(kMeta), rocksdb::Slice(kStartsKey.data(), 1),
                                encode_number_record(++starts_));
  OUTBOXD_CHECK(status.ok());
  if (history_.empty()) {
    history_ = domain::new_store_id();
    const auto named = batch.Put(database_->family(kMeta), rocksdb::Slice(kHistoryKey.data(), 1),
                                 encode_history_record(history_));
    OUTBOXD_CHECK(named.ok());
  }
  return database_->write_synced(batch);
}

domain::Status EmbeddedEngine::find_lost() {
  for (const auto& [name, topic] : catalog_.topics) {
    if (topic.is_dead) continue;  // letters that were discarded leave gaps, too
    Offset expected = topic.first_offset;
    OUTBOXD_TRY(scan_log(
        name, topic, expected, [&, topic_name = std::string_view(name)](Offset offset, auto) {
          if (offset != expected) {
            recovery_.lost.push_back({std::string(topic_name), expected, offset - 1});
          }
          expected = offset + 1;
          return true;
        }));
  }
  return domain::ok_status();
}

// ---- Events ----

domain::Status EmbeddedEngine::append(const AppendBatch& batch) {
  BatchBuilder builder(catalog_, *database_, batch, retention_);
  OUTBOXD_TRY(builder.build());
  OUTBOXD_TRY(database_->write_synced(builder.writes()));
  const std::lock_guard lock(mutex_);
  builder.publish_to(catalog_, *retained_);
  return domain::ok_status();
}

std::optional<ProducerPosition> EmbeddedEngine::producer(std::string_view producer) const {
  const std::lock_guard lock(mutex_);
  const auto place = catalog_.producers.find(producer);
  if (place == catalog_.producers.end()) return std::nullopt;
  return ProducerPosition{place->first, place->second.epoch, place->second.last_seq,
                          place->second.store, place->second.chain};
}

std::vector<ProducerPosition> EmbeddedEngine::producers(std::string_view after,
                                                        std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ProducerPosition> positions;
  for (auto place = catalog_.producers.upper_bound(after);
       place != catalog_.producers.end() && positions.size() < limit; ++place) {
    positions.push_back({place->first, place->second.epoch, place->second.last_seq,
                         place->second.store, place->second.chain});
  }
  return positions;
}

std::vector<TopicInfo> EmbeddedEngine::topics() const {
  const std::lock_guard lock(mutex_);
  std::vector<TopicInfo> infos;
  infos.reserve(catalog_.topics.size());
  for (const auto& [name, topic] : catalog_.topics) {
    infos.push_back({name, topic.first_offset, topic.next_offset});
  }
  return infos;
}

std::optional<TopicInfo> EmbeddedEngine::topic(std::string_view topic) const {
  const std::optional<Topic> ends = ends_of(topic);
  if (!ends) return std::nullopt;
  return TopicInfo{std::string(topic), ends->first_offset, ends->next_offset};
}

std::optional<Topic> EmbeddedEngine::ends_of(std::string_view topic) const {
  const std::lock_guard lock(mutex_);
  const auto place = catalog_.topics.find(topic);
  if (place == catalog_.topics.end()) return std::nullopt;
  Topic ends;
  ends.id = place->second.id;
  ends.first_offset = place->second.first_offset;
  ends.next_offset = place->second.next_offset;
  ends.events = place->second.events;
  return ends;
}

std::optional<std::string_view> EmbeddedEngine::producer_name(std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  const auto name = catalog_.producer_names.find(id);
  if (name == catalog_.producer_names.end()) return std::nullopt;
  return name->second;  // names stay where they are
}

domain::Status EmbeddedEngine::scan_log(
    std::string_view topic, const Topic& ends, Offset from,
    const std::function<bool(Offset, std::string_view)>& visit) const {
  OUTBOXD_TRY(database_->health());
  const auto begin = encode_log_key({ends.id, std::max(from, ends.first_offset)});
  // Not the topic's last key: what was appended after `ends` was taken waits for the next read.
  const auto end = encode_log_key({ends.id, ends.next_offset});
  const rocksdb::Slice end_slice = slice(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end_slice;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> events(
      database_->db().NewIterator(options, database_->family(kLog)));
  for (events->Seek(slice(begin)); events->Valid(); events->Next()) {
    const auto key = decode_log_key(events->key().ToStringView());
    if (!key) return damaged("a key of topic " + std::string(topic));
    if (!visit(key->offset, events->value().ToStringView())) break;
  }
  if (!events->status().ok()) {
    return storage::to_error("read topic " + std::string(topic), events->status());
  }
  return domain::ok_status();
}

domain::Status EmbeddedEngine::read(std::string_view topic, Offset from,
                                    const std::function<bool(const StoredEvent&)>& visit) const {
  const std::optional<Topic> ends = ends_of(topic);
  if (!ends) {
    return domain::Error{domain::ErrorCode::kNotFound, "there is no topic " + std::string(topic),
                         "topic"};
  }
  bool decoded = true;
  domain::Status status = scan_log(topic, *ends, from, [&](Offset offset, std::string_view value) {
    std::optional<DecodedLetter> letter;
    std::optional<std::string_view> producer;
    const auto record = decode_log_record(value);
    if (!record) letter = decode_letter(value);
    if (record) producer = producer_name(record->header.producer_id);
    if (letter) producer = producer_name(letter->producer_id);
    decoded = producer.has_value();
    if (!decoded) return false;
    if (record) return visit({offset, *producer, record->header.seq, record->envelope, {}});
    const DeadLetter& dead = letter->letter;
    return visit({offset, *producer, dead.seq, dead.envelope, dead.reason});
  });
  if (!decoded) return damaged("an event of topic " + std::string(topic));
  return status;
}

EngineStats EmbeddedEngine::stats() const {
  const storage::DatabaseSizes sizes = database_->sizes();
  return {sizes.disk_bytes, sizes.log_bytes, sizes.memory_bytes};
}

}  // namespace outboxd::broker
