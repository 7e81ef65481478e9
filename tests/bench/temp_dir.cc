#include "tests/bench/temp_dir.h"

#include <cstdlib>
#include <system_error>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {

namespace fs = std::filesystem;

TempDir::TempDir(const fs::path& parent) {
  std::string pattern = (parent / "outboxd-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw_errno("cannot make " + pattern);
  path_ = pattern;
  // mkdtemp gives 0700; a server under another user has to reach its own directory inside.
  if (::chmod(path_.c_str(), 0711) != 0) throw_errno("chmod " + pattern);
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TempDir::make(const std::string& name) const {
  fs::path directory = path_ / name;
  fs::create_directories(directory);
  fs::permissions(directory, fs::perms::all);
  return directory;
}

std::uint64_t disk_bytes(const fs::path& directory) {
  constexpr std::uint64_t kStatBlockBytes = 512;
  std::uint64_t bytes = 0;
  // Files vanish under the walk while a server compacts, so no error ends it.
  std::error_code ignored;
  for (fs::recursive_directory_iterator it(directory, ignored), end; it != end;
       it.increment(ignored)) {
    struct stat entry {};
    if (::lstat(it->path().c_str(), &entry) == 0) {
      bytes += static_cast<std::uint64_t>(entry.st_blocks) * kStatBlockBytes;
    }
  }
  return bytes;
}

bool is_memory_backed(const fs::path& directory) {
  struct statfs info {};
  if (::statfs(directory.c_str(), &info) != 0) throw_errno("statfs " + directory.string());
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

}  // namespace outboxd::bench
