// The embedded engine on a disk that loses what was not synced, cut at every operation.
#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "broker/embedded/embedded_engine.h"
#include "tests/contract/engine/memory_engine.h"
#include "tests/fault/disk_model.h"
#include "tests/fault/power_cut_file_system.h"

namespace outboxd::broker {
namespace {

using fault::Aftermath;
using fault::Operation;
using fault::UnsyncedData;
using fault::UnsyncedNames;

constexpr std::array kAftermaths{
    Aftermath{UnsyncedData::kDropped, UnsyncedNames::kLost},
    Aftermath{UnsyncedData::kPrefix, UnsyncedNames::kPrefix},
    Aftermath{UnsyncedData::kMissingPage, UnsyncedNames::kKept},
    Aftermath{UnsyncedData::kGarbageTail, UnsyncedNames::kKept},
};
constexpr std::uint64_t kSeed = 20240601;

// An engine on a file system in memory.
struct Box {
  explicit Box(const fault::DiskImage& disk, fault::Recorder* recorder = nullptr,
               fault::Lies lies = {})
      : files(disk, recorder, lies),
        env(rocksdb::NewCompositeEnv(std::shared_ptr<rocksdb::FileSystem>(&files, [](auto*) {}))) {}

  domain::Result<std::unique_ptr<EmbeddedEngine>> open() {
    return EmbeddedEngine::open({.directory = "/box/broker", .env = env.get()});
  }

  fault::PowerCutFileSystem files;
  std::unique_ptr<rocksdb::Env> env;
};

// Everything that an engine knows, as a text.
std::string contents(const Engine& engine) {
  std::string text;
  for (const ProducerPosition& position : engine.producers("", kMaxProducers)) {
    text += position.producer + " epoch " + std::to_string(position.epoch) + " at " +
            std::to_string(position.last_seq) + "\n";
  }
  for (const TopicInfo& topic : engine.topics()) {
    text += topic.topic + "\n";
    const domain::Status read = engine.read(topic.topic, 1, [&](const StoredEvent& event) {
      text += " " + std::to_string(event.offset) + " " + std::string(event.producer) + " " +
              std::to_string(event.seq) + " " + std::string(event.envelope) + "\n";
      return true;
    });
    if (!read) text += read.error().message;
  }
  const auto groups = engine.groups();
  if (!groups) return text + groups.error().message;
  for (const GroupState& group : *groups) {
    text += group.id.topic + " by " + group.id.group + " from " + std::to_string(group.cursor) +
            " dead " + std::to_string(engine.count_dead(group.id));
    for (const auto& [producer, seq] : group.passed) {
      text += " passed " + producer + " " + std::to_string(seq);
    }
    for (const Offset offset : group.done) text += " done " + std::to_string(offset);
    for (const DeferredEvent& event : group.deferred) {
      text += " deferred " + std::to_string(event.offset) + " " + event.reason;
    }
    text += "\n";
  }
  return text;
}

// Batch `number`: two producers, of which one also withdraws; several topics; sizes of all kinds.
struct NumberedBatch {
  explicit NumberedBatch(domain::Seq number) {
    batch.positions = {{"a", 1 + number / 10, 3 * number}, {"b", 7, number}};
    for (domain::Seq seq = 3 * number - 2; seq < 3 * number; ++seq) {
      envelopes.push_back("a" + std::to_string(seq) + std::string(number * 37 % 900, 'x'));
    }
    envelopes.push_back("b" + std::to_string(number));
    topic = "topic-" + std::to_string(number / 8);
    batch.events = {{0, 3 * number - 2, "orders", envelopes[0]},
                    {1, number, topic, envelopes[2]},
                    {0, 3 * number - 1, "orders", envelopes[1]}};
    batch.groups = {change(number)};
    batch.elapsed_ms = static_cast<std::int64_t>(1000 * number);
  }

  // A group that is some events behind: it defers, marks, takes back, and buries now and then.
  static GroupChange change(domain::Seq number) {
    GroupChange change{.id = {"orders", "payments"}};
    change.cursor = number;
    change.passed = {{"a", number}};
    change.done = {number + 1};
    if (number > 1) change.undone = {number};
    change.defer = {{.offset = number,
                     .attempts = 1,
                     .producer = "a",
                     .seq = number,
                     .reason = "try " + std::to_string(number)}};
    if (number > 3) change.undefer = {number - 3};
    if (number % 5 == 0) {
      change.bury = {{.producer = "a",
                      .seq = number,
                      .source_offset = number,
                      .envelope = "e" + std::to_string(number),
                      .reason = "no good"}};
    }
    return change;
  }

  AppendBatch batch;
  std::vector<std::string> envelopes;
  std::string topic;
};

class EnginePowerCutTest : public ::testing::Test {
 protected:
  static constexpr domain::Seq kBatches = 40;

  // Appends all batches, with a restart in the middle; history_[n] is what n batches amount to.
  void play(fault::Lies lies = {}) {
    MemoryEngine model;
    history_.push_back(contents(model));
    Box box(start_, &recorder_, lies);
    auto engine = box.open();
    ASSERT_TRUE(engine.ok()) << engine.error().message;
    for (domain::Seq number = 1; number <= kBatches; ++number) {
      const NumberedBatch numbered(number);
      ASSERT_TRUE((*engine)->append(numbered.batch).ok());
      recorder_.add({.kind = Operation::Kind::kAcknowledged, .offset = number});
      ASSERT_TRUE(model.append(numbered.batch).ok());
      history_.push_back(contents(model));
      ASSERT_EQ(contents(**engine), history_.back());
      if (number != kBatches / 2) continue;
      engine->reset();
      engine = box.open();
      ASSERT_TRUE(engine.ok()) << engine.error().message;
    }
  }

  // Cuts the power before every operation of what was played, in every way. Returns the first
  // promise that is broken by that, or nothing.
  std::string first_broken_promise() {
    const fault::Record record = recorder_.take();
    fault::DiskModel disk(start_);
    domain::Seq acknowledged = 0;
    for (std::size_t i = 0; i < record.size(); ++i) {
      for (std::size_t fate = 0; fate < kAftermaths.size(); ++fate) {
        // Without anything unsynced all fates are the first.
        if (fate > 0 && !disk.has_unsynced_data() && !disk.has_unsynced_names()) break;
        std::mt19937_64 random(kSeed + i * kAftermaths.size() + fate);
        ++cuts_;
        const std::string broken =
            broken_promise(disk.after_cut(kAftermaths[fate], random), acknowledged);
        if (broken.empty()) continue;
        return broken + "before operation " + std::to_string(i) + " (" + describe(record[i]) +
               "), " + describe(kAftermaths[fate]) + ", seed " + std::to_string(kSeed);
      }
      disk.apply(record[i]);
      if (record[i].kind == Operation::Kind::kAcknowledged) acknowledged = record[i].offset;
    }
    return {};
  }

  std::string broken_promise(const fault::DiskImage& disk, domain::Seq acknowledged) {
    Box box(disk);
    const auto engine = box.open();
    if (!engine) return "does not open: " + engine.error().message + "\n";
    const std::string found = contents(**engine);
    if (found == history_[acknowledged]) return {};
    // What was being written may be there, but then all of it.
    if (acknowledged < kBatches && found == history_[acknowledged + 1]) return {};
    return "batch " + std::to_string(acknowledged) + " was acknowledged, and there is\n" + found;
  }

  const fault::DiskImage start_ = fault::empty_disk("/box");
  fault::Recorder recorder_;
  std::vector<std::string> history_;
  std::size_t cuts_ = 0;
};

TEST_F(EnginePowerCutTest, G6WhateverMomentThePowerIsCutAtAcknowledgedBatchesAreThereAndWhole) {
  ASSERT_NO_FATAL_FAILURE(play());
  EXPECT_EQ(first_broken_promise(), "");
  EXPECT_GT(cuts_, 4 * kBatches);
}

TEST_F(EnginePowerCutTest, ADiskThatOnlyPretendsToSyncIsFoundOut) {
  ASSERT_NO_FATAL_FAILURE(play({.swallow_file_syncs = true}));
  EXPECT_NE(first_broken_promise(), "");
}

TEST_F(EnginePowerCutTest, G10AfterAFailedSyncEveryAppendFails) {
  Box box(start_);
  auto engine = box.open();
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  ASSERT_TRUE((*engine)->append(NumberedBatch(1).batch).ok());
  box.files.inject(fault::Fault{.access = fault::Access::kSync, .nth = 1});
  EXPECT_FALSE((*engine)->append(NumberedBatch(2).batch).ok());
  EXPECT_TRUE(box.files.has_struck());
  EXPECT_FALSE((*engine)->append(NumberedBatch(2).batch).ok());
}

// Opens what is left of `disk`, with or without repair.
domain::Result<std::unique_ptr<EmbeddedEngine>> open_on(Box& box, bool repair) {
  return EmbeddedEngine::open({.directory = "/box/broker", .repair = repair, .env = box.env.get()});
}

TEST(EngineLostLogTest, G10ALogThatIsGoneIsNoticedAndRepairSaysSo) {
  fault::DiskImage disk = fault::empty_disk("/box");
  fault::Recorder recorder;
  {
    Box box(disk, &recorder);
    auto engine = box.open();
    ASSERT_TRUE(engine.ok());
    for (domain::Seq number = 1; number <= 5; ++number) {
      ASSERT_TRUE((*engine)->append(NumberedBatch(number).batch).ok());
    }
  }
  fault::DiskModel model(disk);
  for (const Operation& operation : recorder.take()) model.apply(operation);
  disk = model.as_seen();
  std::erase_if(disk.files, [](const auto& file) { return file.first.ends_with(".log"); });

  Box box(disk);
  const auto refused = open_on(box, /*repair=*/false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find(".log is missing"), std::string::npos)
      << refused.error().message;
  {
    const auto repaired = open_on(box, /*repair=*/true);
    ASSERT_TRUE(repaired.ok()) << repaired.error().message;
    ASSERT_EQ((*repaired)->recovery().damage.size(), 1U);
    EXPECT_NE((*repaired)->recovery().damage[0].find("Whatever was written later is lost"),
              std::string::npos);
    EXPECT_TRUE((*repaired)->topics().empty());
    ASSERT_TRUE((*repaired)->append(NumberedBatch(1).batch).ok());
  }
  EXPECT_TRUE(open_on(box, /*repair=*/false).ok());
}

}  // namespace
}  // namespace outboxd::broker
