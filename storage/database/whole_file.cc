#include "storage/database/whole_file.h"

#include <memory>

namespace outboxd::storage {

domain::Result<std::string> read_whole_file(rocksdb::Env& env, const std::string& path) {
  std::string content;
  if (const auto status = rocksdb::ReadFileToString(&env, path, &content); !status.ok()) {
    return to_error("read " + path, status);
  }
  return content;
}

domain::Status replace_whole_file(rocksdb::Env& env, const std::string& path,
                                  const std::string& content) {
  const std::string fresh = path + ".dbtmp";
  auto status = rocksdb::WriteStringToFile(&env, content, fresh, /*should_sync=*/true);
  if (status.ok()) status = env.RenameFile(fresh, path);
  if (!status.ok()) return to_error("write " + path, status);
  return domain::ok_status();
}

domain::Status sync_directory(rocksdb::Env& env, const std::string& path) {
  std::unique_ptr<rocksdb::Directory> directory;
  auto status = env.NewDirectory(path, &directory);
  if (status.ok()) status = directory->Fsync();
  if (!status.ok()) return to_error("sync " + path, status);
  return domain::ok_status();
}

}  // namespace outboxd::storage
