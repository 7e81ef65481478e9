// A sync that fails once and would succeed the next time. Linux drops the pages that it could not
// write, so the second sync says OK about data that is not there: the first failure is the last
// word.
#include <memory>
#include <random>
#include <utility>

#include <gmock/gmock.h>

#include "tests/fault/checker.h"
#include "tests/fault/scripted_run.h"

namespace outboxd::fault {
namespace {

using testing::IsEmpty;

constexpr std::uint64_t kSeed = 20110209;

class FailedSync : public testing::Test {
 protected:
  FailedSync() {
    auto opened = StoreOnDisk::open(files_);
    OUTBOXD_CHECK(opened.ok());
    disk_ = *std::move(opened);
  }

  domain::Store& store() { return disk_->store(); }

  // Fills a group and writes it. What it holds is in the history afterwards, whatever became of it.
  domain::Status commit_group() {
    std::unique_ptr<domain::SealedGroup> group;
    while (group == nullptr) {  // for some units of work change nothing
      OUTBOXD_TRY(application_.fill_group(store()));
      group = store().seal();
    }
    history_.contents.push_back(application_.contents());
    const domain::Status written = group->write();
    if (written) application_.note_durable(history_.contents.back().progress.next_seq - 1);
    store().retire(std::move(group));
    return written;
  }

  // The process ends, and the next one finds the disk in either of the states it may be in: as it
  // was seen last, or without anything that was not synced.
  void expect_nothing_acknowledged_is_lost(std::size_t acknowledged) {
    disk_.reset();
    DiskModel model(new_box());
    for (const Operation& operation : recorder_.take()) model.apply(operation);
    std::mt19937_64 random(kSeed);
    const Promise promise{history_, acknowledged, application_.request_ids()};
    EXPECT_THAT(check_disk(model.as_seen(), promise), IsEmpty());
    EXPECT_THAT(check_disk(model.after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}, random),
                           promise),
                IsEmpty());
  }

  Recorder recorder_;
  PowerCutFileSystem files_{new_box(), &recorder_};
  Application application_{kSeed};
  History history_{.contents = {application_.contents()}};
  std::unique_ptr<StoreOnDisk> disk_;
};

TEST_F(FailedSync, G10ThatWouldSucceedTheNextTimeStopsTheStoreForGood) {
  ASSERT_TRUE(commit_group());
  files_.inject(Fault{.access = Access::kSync, .nth = 1, .for_good = false});
  EXPECT_FALSE(commit_group());
  ASSERT_TRUE(files_.has_struck());

  const std::uint64_t syncs = files_.accesses(Access::kSync);
  EXPECT_FALSE(commit_group()) << "though the disk works again";
  EXPECT_EQ(files_.accesses(Access::kSync), syncs) << "nobody asks it a second time";
  expect_nothing_acknowledged_is_lost(1);
}

}  // namespace
}  // namespace outboxd::fault
