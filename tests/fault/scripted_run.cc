#include "tests/fault/scripted_run.h"

#include <thread>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/system_clock.h>

namespace outboxd::fault {
namespace {

// Time stands still: what depends on the clock is not the script's subject.
class StoppedClock : public domain::Clock {
 public:
  domain::TimestampMs wall_ms() const override { return 1291161600000; }
  std::int64_t monotonic_ms() const override { return 1000; }
};

const StoppedClock kClock;

// RocksDB's background threads sleep a second after an error. Nobody here has the time.
class SleeplessClock : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "SleeplessClock"; }
  void SleepForMicroseconds(int /*micros*/) override { std::this_thread::yield(); }
};

// The system's threads, the test's files and clock.
class TestEnv : public rocksdb::EnvWrapper {
 public:
  // RocksDB shares the file system and does not delete it: it is the caller's.
  explicit TestEnv(PowerCutFileSystem& files)
      : EnvWrapper(
            rocksdb::NewCompositeEnv(std::shared_ptr<rocksdb::FileSystem>(&files, [](auto*) {}))) {
    file_system_ = target()->GetFileSystem();
    system_clock_ = std::make_shared<SleeplessClock>(rocksdb::SystemClock::Default());
  }
};

// The commits of one stretch.
class Committer {
 public:
  Committer(domain::Store& store, Recorder& recorder, Application& application, History& history)
      : store_(store), recorder_(recorder), application_(application), history_(history) {}

  // Fills a group. False when the script has to stop.
  bool fill() { return note(application_.fill_group(store_)); }

  // Takes the group that was filled, if it has writes.
  void seal() {
    sealed_contents_ = application_.contents();
    sealed_ = store_.seal();
  }

  // Writes what was sealed. False when the script has to stop.
  bool write() {
    if (!sealed_) return true;
    const bool written = note(sealed_->write());
    history_.contents.push_back(std::move(sealed_contents_));
    if (!written) return false;
    recorder_.add({.kind = Operation::Kind::kAcknowledged, .offset = history_.contents.size() - 1});
    application_.note_durable(history_.contents.back().progress.next_seq - 1);
    store_.retire(std::move(sealed_));
    return true;
  }

  // After an error: whatever is still asked for must be refused.
  void insist() {
    if (sealed_) store_.retire(std::move(sealed_));
    std::unique_ptr<domain::SealedGroup> next = store_.seal();
    if (next && next->write()) {
      history_.complaints.emplace_back("G10: a group was acknowledged after a write that failed");
    }
    if (next) store_.retire(std::move(next));
  }

  bool note(const domain::Status& status) {
    if (!status) history_.stopped_by = status.error().message;
    return status.ok();
  }

 private:
  domain::Store& store_;
  Recorder& recorder_;
  Application& application_;
  History& history_;
  std::unique_ptr<domain::SealedGroup> sealed_;
  StoreContents sealed_contents_;
};

bool commit_groups(const Stretch& stretch, storage::OutboxStore& store, Committer& committer) {
  if (!committer.fill()) return true;
  for (std::size_t group = 1; group <= stretch.groups; ++group) {
    committer.seal();
    if (group < stretch.groups && !committer.fill()) return true;
    if (!committer.write()) return false;
    if (group == stretch.groups / 3 && !committer.note(store.collect())) return true;
    if (group == stretch.groups / 2 && !committer.note(store.compact())) return true;
  }
  return true;
}

}  // namespace

DiskImage new_box() {
  return empty_disk(parent_of(kDataDirectory));
}

domain::Result<std::unique_ptr<StoreOnDisk>> StoreOnDisk::open(PowerCutFileSystem& files) {
  std::unique_ptr<StoreOnDisk> disk(new StoreOnDisk);
  disk->env_ = std::make_unique<TestEnv>(files);
  storage::StoreOptions options;
  options.path = kDataDirectory;
  options.producer = "till-1";
  options.clock = &kClock;
  options.env = disk->env_.get();
  OUTBOXD_ASSIGN_OR_RETURN(disk->store_, storage::OutboxStore::open(std::move(options)));
  return disk;
}

StoreOnDisk::~StoreOnDisk() = default;

void run_stretch(const Stretch& stretch, PowerCutFileSystem& files, Recorder& recorder,
                 Application& application, History& history) {
  auto disk = StoreOnDisk::open(files);
  if (!disk) {
    history.stopped_by = disk.error().message;
    return;
  }
  storage::OutboxStore& store = (*disk)->store();
  const std::unique_ptr<domain::Store> decorated =
      stretch.decorate ? stretch.decorate(store) : nullptr;
  Committer committer(decorated ? *decorated : store, recorder, application, history);
  if (!commit_groups(stretch, store, committer)) committer.insist();
  for (const std::string& complaint : application.complaints()) {
    history.complaints.push_back(complaint);
  }
}

}  // namespace outboxd::fault
