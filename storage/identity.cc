#include "storage/identity.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "domain/origin.h"
#include "domain/store_id.h"
#include "storage/families.h"
#include "storage/records.h"

namespace outboxd::storage {
namespace {

using domain::Error;
using domain::Result;
using domain::Status;
using domain::StoreIdentity;

constexpr std::size_t kMaxDecisionsBytes = 16 << 10;
constexpr std::size_t kNameTailChars = 6;  // of the id, behind the host's name

rocksdb::ColumnFamilyHandle* meta_of(const Database& database) {
  return database.family(static_cast<std::size_t>(Family::kMeta));
}

Result<std::optional<std::string>> read_record(const Database& database, std::string_view key) {
  std::string value;
  const auto status = database.db().Get({}, meta_of(database), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_error("read the database", status);
  return std::optional(std::move(value));
}

Result<std::string> read_text(const Database& database, std::string_view key) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, read_record(database, key));
  if (!value) return std::string();
  return decode_text(*value, key);
}

Result<std::uint64_t> read_count(const Database& database, std::string_view key) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, read_record(database, key));
  if (!value) return std::uint64_t{0};
  return decode_number(*value, key);
}

void put(const Database& database, std::string_view key, const std::string& value,
         rocksdb::WriteBatch& batch) {
  OUTBOXD_CHECK(batch.Put(meta_of(database), key, value).ok());
}

void put_text(const Database& database, std::string_view key, std::string_view text,
              rocksdb::WriteBatch& batch) {
  std::string value;
  encode_text(text, value);
  put(database, key, value, batch);
}

void put_count(const Database& database, std::string_view key, std::uint64_t number,
               rocksdb::WriteBatch& batch) {
  std::string value;
  encode_number(number, value);
  put(database, key, value, batch);
}

// Two boxes that nobody named must not have one name, though an installer gave their hosts the
// same.
std::string default_name(const std::string& host, const std::string& store_id) {
  const std::string tail = "-" + store_id.substr(0, kNameTailChars);
  const std::string name = host.substr(0, domain::kMaxIdLength - tail.size()) + tail;
  return domain::is_producer_name(name) ? name : "outboxd" + tail;
}

// The name `owner` is kept; another one that is wanted is taken while nothing can be known under
// the old one.
Result<std::string> settle_name(const std::string& path, const std::string& owner,
                                const std::string& wanted, bool has_delivered) {
  if (wanted.empty() || wanted == owner) return owner;
  if (!has_delivered) return wanted;
  return Error{.message = fmt::format("{} is the outbox of producer '{}', not of '{}', and has "
                                      "delivered events under that name. Set "
                                      "producer = \"{}\" (or leave it out); a box that is to have "
                                      "another name needs a data directory "
                                      "of its own",
                                      path, owner, wanted, owner)};
}

}  // namespace

Result<StoreIdentity> settle_identity(const Database& database, const std::string& path,
                                      const WantedIdentity& wanted) {
  StoreIdentity identity;
  OUTBOXD_ASSIGN_OR_RETURN(identity.store_id, read_text(database, kStoreKey));
  OUTBOXD_ASSIGN_OR_RETURN(identity.producer, read_text(database, kProducerKey));
  OUTBOXD_ASSIGN_OR_RETURN(identity.life, read_count(database, kLifeKey));
  OUTBOXD_ASSIGN_OR_RETURN(identity.base_seq, read_count(database, kLifeBaseKey));
  OUTBOXD_ASSIGN_OR_RETURN(identity.history, read_text(database, kHistoryKey));
  if (identity.store_id.empty()) identity.store_id = domain::new_store_id();
  if (identity.producer.empty()) {
    identity.producer =
        wanted.producer.empty() ? default_name(wanted.host, identity.store_id) : wanted.producer;
    return identity;
  }
  OUTBOXD_ASSIGN_OR_RETURN(const std::uint64_t completed, read_count(database, kCompletedKey));
  const bool has_delivered = !identity.history.empty() || completed > 0 || identity.life > 0;
  OUTBOXD_ASSIGN_OR_RETURN(identity.producer,
                           settle_name(path, identity.producer, wanted.producer, has_delivered));
  return identity;
}

void put_identity(const Database& database, const StoreIdentity& identity,
                  rocksdb::WriteBatch& batch) {
  put_text(database, kStoreKey, identity.store_id, batch);
  put_text(database, kProducerKey, identity.producer, batch);
  put_count(database, kLifeKey, identity.life, batch);
  put_count(database, kLifeBaseKey, identity.base_seq, batch);
  put_text(database, kHistoryKey, identity.history, batch);
}

void put_decision(const Database& database, std::string_view decisions, std::string_view decision,
                  rocksdb::WriteBatch& batch) {
  std::string all = std::string(decision) + "\n" + std::string(decisions);
  if (all.size() > kMaxDecisionsBytes) all.resize(all.rfind('\n', kMaxDecisionsBytes - 1) + 1);
  put_text(database, kDecisionsKey, all, batch);
}

Result<std::string> read_decisions(const Database& database) {
  return read_text(database, kDecisionsKey);
}

Result<std::uint64_t> take_epoch(Database& database, const StoreIdentity& identity,
                                 std::uint64_t above) {
  OUTBOXD_ASSIGN_OR_RETURN(std::uint64_t epoch, read_count(database, kEpochKey));
  epoch = std::max(epoch, above) + 1;
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  put_identity(database, identity, batch);
  put_count(database, kEpochKey, epoch, batch);
  OUTBOXD_TRY(database.write_synced(batch));
  return epoch;
}

}  // namespace outboxd::storage
