#include "tests/bench/bare_rocksdb.h"

#include <array>
#include <memory>
#include <string>

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/blocking_client.h"
#include "tests/bench/child_process.h"
#include "tests/bench/errors.h"
#include "tests/bench/order_create.h"
#include "tests/bench/sample_order.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

void check(const rocksdb::Status& status) {
  if (!status.ok()) throw BenchError("rocksdb: " + status.ToString());
}

// The profile for small machines that the daemon uses as well.
rocksdb::Options edge_options() {
  constexpr std::size_t kMiB = std::size_t{1024} * 1024;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  const auto cache = rocksdb::NewLRUCache(16 * kMiB);
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(12 * kMiB, cache);
  options.write_buffer_size = 4 * kMiB;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 32 * kMiB;
  options.max_background_jobs = 2;
  options.target_file_size_base = 4 * kMiB;
  options.max_bytes_for_level_base = 16 * kMiB;
  options.compression = rocksdb::kLZ4Compression;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 3;
  options.max_log_file_size = kMiB;
  options.max_manifest_file_size = kMiB;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::string big_endian(std::uint64_t number) {
  std::string bytes(sizeof(number), '\0');
  for (std::size_t i = bytes.size(); i-- > 0; number >>= 8) {
    bytes[i] = static_cast<char>(number & 0xff);
  }
  return bytes;
}

class BareStore {
 public:
  explicit BareStore(const fs::path& directory) {
    const rocksdb::Options options = edge_options();
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "meta", "state", "outbox"}) {
      families.emplace_back(name, options);
    }
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(options, directory.string(), families, &families_, &opened));
    database_.reset(opened);
  }
  BareStore(const BareStore&) = delete;
  BareStore& operator=(const BareStore&) = delete;
  ~BareStore() {
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      database_->DestroyColumnFamilyHandle(family);
    }
  }

  void write_group(std::uint32_t transactions) {
    constexpr std::size_t kProtectionBytesPerKey = 8;
    rocksdb::WriteBatch batch(0, 0, kProtectionBytesPerKey, 0);
    for (std::uint32_t i = 0; i < transactions; ++i) {
      ++sequence_;
      check(batch.Put(families_[kState], key_.with(sequence_), state_.with(sequence_)));
      check(batch.Put(families_[kOutbox], big_endian(sequence_), event_.with(sequence_)));
    }
    check(batch.Put(families_[kMeta], "next_seq", big_endian(sequence_ + 1)));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    check(database_->Write(synced, &batch));
  }

 private:
  enum Family : std::size_t { kMeta = 1, kState = 2, kOutbox = 3 };

  std::unique_ptr<rocksdb::DB> database_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::uint64_t sequence_ = 0;
  NumberedText key_{"o-" + std::string(kOrderNumber)};
  NumberedText state_{sample_state()};
  NumberedText event_{sample_event()};
};

// The request of the daemon's own row, so that both servers move the same bytes.
class EchoProtocol : public LoadProtocol {
 public:
  void append_request(std::uint64_t number, std::string& out) override {
    const std::size_t before = out.size();
    order_create_.append_request(number, out);
    request_bytes_ = out.size() - before;
  }

  Replies count_replies(const char* /*data*/, std::size_t size) override {
    const bool whole = size >= request_bytes_;
    return {whole ? request_bytes_ : 0, whole ? 1U : 0U};
  }

 private:
  OrderCreateProtocol order_create_;
  std::size_t request_bytes_ = 0;
};

}  // namespace

LoadResult measure_bare_rocksdb(const Settings& settings, std::uint32_t group) {
  const TempDir home(settings.work_dir);
  BareStore store(home.path() / "db");
  std::uint64_t groups = 0;
  const auto run_for = [&](std::chrono::duration<double> duration) {
    const auto begin = Clock::now();
    std::chrono::duration<double> elapsed{};
    for (groups = 0; elapsed < duration; ++groups) {
      store.write_group(group);
      elapsed = Clock::now() - begin;
    }
    return elapsed.count();
  };
  run_for(settings.warm_up);
  const double seconds = run_for(settings.window);
  return {groups * group, seconds};
}

std::vector<std::uint64_t> measure_rocksdb_echo(const Settings& settings) {
  const TempDir home(settings.work_dir);
  const fs::path directory = home.make("d");
  const fs::path socket = directory / "s";
  ChildProcess server({.argv = {fs::read_symlink("/proc/self/exe"), std::string(kEchoServerFlag),
                                directory / "db", socket},
                       .environment = {},
                       .working_directory = directory,
                       .log_file = home.path() / "log",
                       .user_if_root = ""});
  UniqueFd connection;
  wait_until_ready(server, std::chrono::seconds(10), [&] { connection = connect_unix(socket); });
  EchoProtocol protocol;
  return measure_round_trips(std::move(connection), protocol, settings.latency_requests);
}

void run_echo_server(const fs::path& directory, const fs::path& socket) {
  BareStore store(directory);
  const UniqueFd listener = listen_unix(socket);
  const UniqueFd client(::accept(listener.get(), nullptr, nullptr));
  if (client.get() < 0) throw_errno("accept");
  std::array<char, 4096> request{};
  while (true) {
    const ssize_t got = ::read(client.get(), request.data(), request.size());
    if (got <= 0) return;
    store.write_group(1);
    write_all(client.get(), std::string_view(request.data(), static_cast<std::size_t>(got)));
  }
}

std::vector<std::uint64_t> measure_fdatasync(const Settings& settings) {
  const TempDir home(settings.work_dir);
  const UniqueFd file(
      ::open((home.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.get() < 0) throw_errno("cannot make a file in " + home.path().string());
  const std::string bytes = sample_state() + sample_event();
  std::vector<std::uint64_t> nanoseconds;
  for (std::uint32_t i = 0; i < settings.latency_requests; ++i) {
    const auto begin = Clock::now();
    if (::write(file.get(), bytes.data(), bytes.size()) < 0 || ::fdatasync(file.get()) != 0) {
      throw_errno("fdatasync");
    }
    nanoseconds.push_back(static_cast<std::uint64_t>((Clock::now() - begin).count()));
  }
  return nanoseconds;
}

}  // namespace outboxd::bench
