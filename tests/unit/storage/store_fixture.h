// A store of RocksDB in a directory of its own, for tests that look at more than its ports.
#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::storage {

class StoreFixture : public testing::Test {
 protected:
  StoreOptions options() { return {.path = path_, .producer = "till-1", .clock = &clock_}; }

  void open() { open(options()); }

  void open(StoreOptions options) {
    store_.reset();
    auto opened = OutboxStore::open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  void close() { store_.reset(); }

  // Closes the store and leaves the directory as a kill would: what a close notes in STORE is not
  // there.
  void kill() {
    const std::filesystem::path file = path_ + "/STORE";
    const std::filesystem::path aside = directory_.file("STORE");
    std::filesystem::copy_file(file, aside, std::filesystem::copy_options::overwrite_existing);
    close();
    std::filesystem::rename(aside, file);
  }

  OutboxStore& store() { return *store_; }

  void commit() {
    auto group = store_->seal();
    ASSERT_NE(group, nullptr);
    const auto written = group->write();
    ASSERT_TRUE(written.ok()) << written.error().message;
    store_->retire(std::move(group));
  }

  // Appends `count` entries of `bytes` each, 256 per group.
  void append_entries(int count, std::size_t bytes) {
    for (int i = 0; i < count; ++i) {
      std::string envelope(bytes, '\0');
      // Not compressible, so that sizes on the disk are what they seem.
      for (char& byte : envelope) byte = static_cast<char>(random_());
      store_->begin().outbox().append(
          {.time_ms = 1000 + i, .topic = "orders", .envelope = envelope});
      store_->accept();
      if (i % 256 == 255 || i + 1 == count) commit();
    }
  }

  void complete_through(domain::Seq seq) {
    store_->begin().outbox().complete_through(seq);
    store_->accept();
    commit();
  }

  std::vector<domain::Seq> pending() {
    std::vector<domain::Seq> seqs;
    EXPECT_TRUE(store_
                    ->scan_outbox(1,
                                  [&](const domain::OutboxEntry& entry) {
                                    seqs.push_back(entry.seq);
                                    return true;
                                  })
                    .ok());
    return seqs;
  }

  std::uintmax_t bytes_on_disk() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
  }

  const support::TemporaryDirectory directory_;
  const std::string path_ = directory_.file("data");
  support::ManualClock clock_;
  std::unique_ptr<OutboxStore> store_;

 private:
  std::minstd_rand random_;  // always the same
};

}  // namespace outboxd::storage
