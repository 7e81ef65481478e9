#include "broker/embedded/embedded_engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "domain/check.h"
#include "storage/database/database.h"

namespace outboxd::broker {
namespace {

enum Family : std::size_t { kMeta = 0, kLog = 1 };

// What a put costs in a WriteBatch besides key and value.
constexpr std::size_t kPutOverheadBytes = 16;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

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

// For a WriteBatch's own bookkeeping, which fails only when it is misused.
void must(const rocksdb::Status& status) {
  OUTBOXD_CHECK(status.ok());
}

}  // namespace

// Turns an AppendBatch into a WriteBatch, and remembers what the maps become once it is durable.
class EmbeddedEngine::BatchBuilder {
 public:
  BatchBuilder(const EmbeddedEngine& engine, const AppendBatch& batch)
      : engine_(engine),
        batch_(batch),
        last_producer_id_(engine.last_producer_id_),
        last_topic_id_(engine.last_topic_id_),
        writes_(expected_bytes(batch), 0, storage::kProtectionBytes, 0) {}

  rocksdb::WriteBatch& build() {
    producers_.reserve(batch_.positions.size());
    for (const ProducerPosition& position : batch_.positions) add(position);
    for (const NewEvent& event : batch_.events) add(event);
    return writes_;
  }

  // The batch is durable: everyone may see it.
  void publish_to(EmbeddedEngine& engine) const {
    const std::lock_guard lock(engine.mutex_);
    for (std::size_t i = 0; i < producers_.size(); ++i) {
      const auto place =
          engine.producers_.insert_or_assign(batch_.positions[i].producer, producers_[i]).first;
      engine.producer_names_.emplace(producers_[i].id, place->first);
    }
    for (const auto& [name, topic] : topics_) {
      engine.topics_.insert_or_assign(std::string(name), topic);
    }
    engine.last_producer_id_ = last_producer_id_;
    engine.last_topic_id_ = last_topic_id_;
  }

 private:
  static std::size_t expected_bytes(const AppendBatch& batch) {
    std::size_t bytes = 256 * (1 + batch.positions.size());
    for (const NewEvent& event : batch.events) {
      bytes += kPutOverheadBytes + kLogKeyBytes + kLogHeaderBytes + event.envelope.size();
    }
    return bytes;
  }

  void add(const ProducerPosition& position) {
    const auto known = engine_.producers_.find(position.producer);
    ProducerRecord record{0, position.epoch, position.last_seq};
    if (known == engine_.producers_.end()) {
      record.id = ++last_producer_id_;
    } else {
      record.id = known->second.id;
      OUTBOXD_CHECK(record.epoch >= known->second.epoch);
      OUTBOXD_CHECK(record.last_seq >= known->second.last_seq);
    }
    must(writes_.Put(engine_.database_->family(kMeta), encode_producer_key(position.producer),
                     encode_producer_record(record)));
    producers_.push_back(record);
  }

  void add(const NewEvent& event) {
    Topic& topic = topic_named(event.topic);
    const auto key = encode_log_key({topic.id, topic.next_offset++});
    const auto header = encode_log_header({producers_.at(event.position).id, event.seq});
    const rocksdb::Slice key_slice = slice(key);
    const std::array<rocksdb::Slice, 2> value = {slice(header), slice(event.envelope)};
    must(writes_.Put(engine_.database_->family(kLog), rocksdb::SliceParts(&key_slice, 1),
                     rocksdb::SliceParts(value.data(), static_cast<int>(value.size()))));
  }

  Topic& topic_named(std::string_view name) {
    // Most batches have one topic.
    if (last_topic_ != nullptr && last_topic_->first == name) return last_topic_->second;
    auto place = topics_.find(name);
    if (place == topics_.end()) {
      const auto known = engine_.topics_.find(name);
      const Topic topic =
          known != engine_.topics_.end() ? known->second : Topic{.id = ++last_topic_id_};
      // Known or not: a batch is whole by itself, whatever a repair had to do without.
      must(writes_.Put(engine_.database_->family(kMeta), encode_topic_key(name),
                       encode_topic_record(topic.id)));
      place = topics_.emplace(name, topic).first;
    }
    last_topic_ = &*place;
    return place->second;
  }

  const EmbeddedEngine& engine_;
  const AppendBatch& batch_;
  std::uint32_t last_producer_id_;
  std::uint32_t last_topic_id_;
  rocksdb::WriteBatch writes_;
  std::vector<ProducerRecord> producers_;     // as they become, in the order of the positions
  std::map<std::string_view, Topic> topics_;  // as they become; only those of the batch
  std::pair<const std::string_view, Topic>* last_topic_ = nullptr;
};

domain::Result<std::unique_ptr<EmbeddedEngine>> EmbeddedEngine::open(
    const EmbeddedOptions& options) {
  storage::DatabaseOptions database_options;
  database_options.path = options.directory;
  database_options.families = {{.name = "meta"}, {.name = "log", .queue = true}};
  database_options.format_name = "outbox-broker";
  database_options.format_version = 1;
  database_options.env = options.env;
  database_options.repair = options.repair;
  OUTBOXD_ASSIGN_OR_RETURN(auto database, storage::Database::open(std::move(database_options)));
  std::unique_ptr<EmbeddedEngine> engine(new EmbeddedEngine(std::move(database)));
  OUTBOXD_TRY(engine->load_names());
  if (!engine->recovery_.damage.empty()) OUTBOXD_TRY(engine->find_lost());
  return engine;
}

EmbeddedEngine::EmbeddedEngine(std::unique_ptr<storage::Database> database)
    : database_(std::move(database)) {
  const storage::RecoveryReport& report = database_->recovery();
  recovery_.torn_tail_dropped = report.torn_tail_dropped;
  for (const storage::LogDamage& damage : report.lost) {
    recovery_.damage.push_back(damage.file + " at byte " + std::to_string(damage.offset));
  }
  recovery_.copy_directory = report.copy_directory;
}

EmbeddedEngine::~EmbeddedEngine() = default;

domain::Status EmbeddedEngine::load_names() {
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->family(kMeta)));
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    std::string_view name = entries->key().ToStringView();
    const std::string_view value = entries->value().ToStringView();
    const char prefix = name.empty() ? '\0' : name.front();
    if (prefix == kProducerKeyPrefix) {
      name.remove_prefix(1);
      const auto record = decode_producer_record(value);
      if (!record) return damaged("the record of producer " + std::string(name));
      const auto place = producers_.emplace(name, *record).first;
      producer_names_.emplace(record->id, place->first);
      last_producer_id_ = std::max(last_producer_id_, record->id);
    } else if (prefix == kTopicKeyPrefix) {
      name.remove_prefix(1);
      const auto id = decode_topic_record(value);
      if (!id) return damaged("the record of topic " + std::string(name));
      last_topic_id_ = std::max(last_topic_id_, *id);
      OUTBOXD_TRY(find_ends(std::string(name), topics_[std::string(name)] = Topic{*id}));
    } else {
      return damaged("a key of family meta");
    }
  }
  if (!entries->status().ok()) return storage::to_error("read the names", entries->status());
  return domain::ok_status();
}

domain::Status EmbeddedEngine::find_ends(const std::string& name, Topic& topic) const {
  const auto lowest = encode_log_key({topic.id, 0});
  const auto highest = encode_log_key({topic.id, std::numeric_limits<Offset>::max()});
  const std::unique_ptr<rocksdb::Iterator> events(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->family(kLog)));
  events->SeekForPrev(slice(highest));
  if (events->Valid()) {
    const auto last = decode_log_key(events->key().ToStringView());
    if (!last) return damaged("a key of topic " + name);
    // Another topic's: this one has no events, which a repair can bring about.
    if (last->topic_id == topic.id) {
      topic.next_offset = last->offset + 1;
      events->Seek(slice(lowest));
      if (events->Valid()) {
        const auto first = decode_log_key(events->key().ToStringView());
        if (!first) return damaged("a key of topic " + name);
        topic.first_offset = first->offset;
      }
    }
  }
  if (!events->status().ok()) return storage::to_error("read topic " + name, events->status());
  return domain::ok_status();
}

domain::Status EmbeddedEngine::find_lost() {
  for (const auto& [name, topic] : topics_) {
    Offset expected = topic.first_offset;
    OUTBOXD_TRY(read(name, expected, [&, topic_name = std::string_view(name)](const auto& event) {
      if (event.offset != expected) {
        recovery_.lost.push_back({std::string(topic_name), expected, event.offset - 1});
      }
      expected = event.offset + 1;
      return true;
    }));
  }
  return domain::ok_status();
}

domain::Status EmbeddedEngine::append(const AppendBatch& batch) {
  BatchBuilder builder(*this, batch);
  OUTBOXD_TRY(database_->write_synced(builder.build()));
  builder.publish_to(*this);
  return domain::ok_status();
}

std::optional<ProducerPosition> EmbeddedEngine::producer(std::string_view producer) const {
  const std::lock_guard lock(mutex_);
  const auto place = producers_.find(producer);
  if (place == producers_.end()) return std::nullopt;
  return ProducerPosition{place->first, place->second.epoch, place->second.last_seq};
}

std::vector<ProducerPosition> EmbeddedEngine::producers(std::string_view after,
                                                        std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ProducerPosition> positions;
  for (auto place = producers_.upper_bound(after);
       place != producers_.end() && positions.size() < limit; ++place) {
    positions.push_back({place->first, place->second.epoch, place->second.last_seq});
  }
  return positions;
}

std::vector<TopicInfo> EmbeddedEngine::topics() const {
  const std::lock_guard lock(mutex_);
  std::vector<TopicInfo> infos;
  infos.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) {
    infos.push_back({name, topic.first_offset, topic.next_offset});
  }
  return infos;
}

domain::Status EmbeddedEngine::read(std::string_view topic, Offset from,
                                    const std::function<bool(const StoredEvent&)>& visit) const {
  OUTBOXD_TRY(database_->health());
  Topic ends;
  {
    const std::lock_guard lock(mutex_);
    const auto place = topics_.find(topic);
    if (place == topics_.end()) {
      return domain::Error{domain::ErrorCode::kNotFound, "there is no topic " + std::string(topic),
                           "topic"};
    }
    ends = place->second;
  }
  const auto begin = encode_log_key({ends.id, from});
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
    const auto record = decode_log_record(events->value().ToStringView());
    if (!key || !record) return damaged("an event of topic " + std::string(topic));
    std::string_view producer;
    {
      const std::lock_guard lock(mutex_);
      const auto name = producer_names_.find(record->header.producer_id);
      if (name == producer_names_.end()) return damaged("a producer in " + std::string(topic));
      producer = name->second;
    }
    if (!visit({key->offset, producer, record->header.seq, record->envelope})) break;
  }
  if (!events->status().ok()) {
    return storage::to_error("read topic " + std::string(topic), events->status());
  }
  return domain::ok_status();
}

EngineStats EmbeddedEngine::stats() const {
  const storage::DatabaseSizes sizes = database_->sizes();
  return {sizes.disk_bytes, sizes.log_bytes, sizes.memory_bytes};
}

}  // namespace outboxd::broker
