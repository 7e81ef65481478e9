#include "storage/damaged_tables.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include "storage/families.h"

namespace outboxd::storage {
namespace {

// Of sequence numbers, which people know; other keys may be anything.
std::string contents_of(const rocksdb::LiveFileMetaData& table) {
  const domain::Seq first = seq_of_key(table.smallestkey);
  const domain::Seq last = seq_of_key(table.largestkey);
  const bool is_numbered =
      table.column_family_name == kFamilyNames[static_cast<std::size_t>(Family::kOutbox)] ||
      table.column_family_name == kFamilyNames[static_cast<std::size_t>(Family::kDead)];
  return is_numbered ? fmt::format("{}, events {} to {}", table.column_family_name, first, last)
                     : fmt::format("{}, {} records", table.column_family_name, table.num_entries);
}

bool is_sound(const Database& database, const rocksdb::LiveFileMetaData& table) {
  rocksdb::Options options;
  options.env = database.db().GetEnv();
  rocksdb::SstFileReader reader(options);
  const auto opened = reader.Open(table.db_path + table.name);
  return opened.ok() && reader.VerifyChecksum().ok();
}

}  // namespace

domain::Status check_tables(const Database& database) {
  std::vector<rocksdb::LiveFileMetaData> tables;
  database.db().GetLiveFilesMetaData(&tables);
  std::string damaged;
  for (const rocksdb::LiveFileMetaData& table : tables) {
    if (is_sound(database, table)) continue;
    damaged += fmt::format("{}{}{} ({})", damaged.empty() ? "" : "; ", table.db_path, table.name,
                           contents_of(table));
  }
  if (damaged.empty()) return domain::ok_status();
  return domain::Error{
      .code = domain::ErrorCode::kDamaged,
      .message =
          "these table files are damaged, and a part of what is in each is lost: " + damaged +
          ". A repair cannot make it again, and has not touched them: restore a backup of "
          "the directory. Until then the daemon starts, and serves what can be read."};
}

}  // namespace outboxd::storage
