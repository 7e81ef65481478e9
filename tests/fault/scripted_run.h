// The scripted run: the application's groups on the real store, on a recorded disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/fault/application.h"
#include "tests/fault/power_cut_file_system.h"

namespace outboxd::fault {

// Where the store lives on the test's disk.
inline constexpr const char* kDataDirectory = "/box/data";

// The disk of a box before the first start.
DiskImage new_box();

// A store that is open on a test's file system, which must outlive it.
class StoreOnDisk {
 public:
  // Error: what the store says when it refuses.
  static domain::Result<std::unique_ptr<StoreOnDisk>> open(PowerCutFileSystem& files);
  ~StoreOnDisk();

  [[nodiscard]] storage::OutboxStore& store() { return *store_; }

 private:
  StoreOnDisk() = default;

  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<storage::OutboxStore> store_;
};

// Puts something between the application and the store, or gives the store back: a bug, planted.
using Decorator = std::function<std::unique_ptr<domain::Store>(domain::Store&)>;

// Everything a script did, and everything it was told.
struct History {
  // After group i was filled, the store should hold contents[i]; contents[0] is what was there
  // before. A group that was acknowledged as number i stands in the record as kAcknowledged i.
  std::vector<StoreContents> contents;

  // What went wrong in the running store, in words.
  std::vector<std::string> complaints;

  // Empty when every group was acknowledged; else the error that stopped the script.
  std::string stopped_by;
};

// One stretch of the script: open, commit `groups` groups (the next one is being built while one is
// written, as in the daemon), collect and compact in between, close.
struct Stretch {
  std::size_t groups = 24;
  Decorator decorate;  // or empty
};

// Runs one stretch. Appends to `history`, whose last contents must be those of `application`, and
// to `recorder`. After an error the store is asked once more to commit, which it must refuse (G10),
// and is closed.
void run_stretch(const Stretch& stretch, PowerCutFileSystem& files, Recorder& recorder,
                 Application& application, History& history);

}  // namespace outboxd::fault
