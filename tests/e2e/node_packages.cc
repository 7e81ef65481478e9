#include "tests/e2e/node_packages.h"

#include <fstream>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/e2e/process.h"
#include "tests/support/paths.h"
#include "tests/support/read_file.h"

namespace outboxd::e2e {
namespace {

using support::read_file;

namespace fs = std::filesystem;

const fs::path kLock = support::source_dir() + "/tests/e2e/foreign_clients";

// Held by one process at a time: tests run side by side, and an installation takes what is there
// away before it puts it back.
class InstallationLock {
 public:
  explicit InstallationLock(const fs::path& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    EXPECT_EQ(::flock(fd_, LOCK_EX), 0);
  }
  InstallationLock(const InstallationLock&) = delete;
  InstallationLock& operator=(const InstallationLock&) = delete;
  ~InstallationLock() { ::close(fd_); }

 private:
  const int fd_;
};

}  // namespace

bool has_node() {
  return ::access("/usr/bin/node", X_OK) == 0 && ::access("/usr/bin/npm", X_OK) == 0;
}

fs::path node_packages() {
  const fs::path directory = fs::path(support::program_dir()).parent_path() / "foreign_clients";
  fs::create_directories(directory);
  const InstallationLock lock(directory / "lock");
  const bool is_there =
      fs::exists(directory / "node_modules" / ".package-lock.json") &&
      read_file(directory / "package-lock.json") == read_file(kLock / "package-lock.json");
  if (is_there) return directory / "node_modules";
  for (const char* name : {"package.json", "package-lock.json"}) {
    fs::copy_file(kLock / name, directory / name, fs::copy_options::overwrite_existing);
  }
  const ProcessOutcome installed = run({.argv = {"/usr/bin/npm", "ci", "--ignore-scripts",
                                                 "--no-audit", "--no-fund", "--loglevel=error"},
                                        .directory = directory});
  EXPECT_EQ(installed.status, 0) << installed.out << installed.err;
  return directory / "node_modules";
}

}  // namespace outboxd::e2e
