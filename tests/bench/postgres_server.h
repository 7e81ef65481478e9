// A PostgreSQL server of its own for one repetition.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tests/bench/child_process.h"
#include "tests/bench/settings.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {

// The server does not run as root; its superuser has the name of the account.
inline constexpr const char* kPostgresUser = "postgres";

// A fresh cluster on a Unix socket, set for speed in everything that does not cost a committed
// transaction in a power cut. Ends with the object. Throws NotInstalled or BenchError.
class PostgresServer {
 public:
  // `schema` is any SQL that the empty database starts with.
  PostgresServer(const Settings& settings, const std::string& schema);

  // Where clients find the socket.
  const std::filesystem::path& directory() const { return directory_; }

 private:
  TempDir home_;
  std::filesystem::path directory_;
  std::unique_ptr<ChildProcess> server_;
};

}  // namespace outboxd::bench
