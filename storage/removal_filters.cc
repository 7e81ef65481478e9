#include "storage/removal_filters.h"

#include <limits>
#include <string_view>
#include <utility>

#include "storage/families.h"
#include "storage/records.h"
#include "storage/slices.h"

namespace outboxd::storage {
namespace {

class CompletedEntries final : public rocksdb::CompactionFilter {
 public:
  explicit CompletedEntries(domain::Seq completed) : completed_(completed) {}

  const char* Name() const override { return "outboxd.completed"; }

  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*,
              bool*) const override {
    const domain::Seq seq = seq_of_key(view_of(key));
    return seq != 0 && seq <= completed_;
  }

 private:
  const domain::Seq completed_;
};

class ExpiredRequests final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiredRequests(domain::TimestampMs expired_before_ms)
      : expired_before_ms_(expired_before_ms) {}

  const char* Name() const override { return "outboxd.expired"; }

  // What cannot be decoded stays, for verify() to find.
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const auto time_ms = decode_request_time(view_of(value));
    return time_ms.ok() && *time_ms < expired_before_ms_;
  }

 private:
  const domain::TimestampMs expired_before_ms_;
};

class ExpiredMarks final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiredMarks(std::int64_t expired_before_ms) : expired_before_ms_(expired_before_ms) {}

  const char* Name() const override { return "outboxd.expired_marks"; }

  // What cannot be decoded stays, for verify() to find.
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const auto elapsed_ms = decode_number(view_of(value), "mark");
    return elapsed_ms.ok() && expired_before_ms_ > 0 &&
           *elapsed_ms < static_cast<std::uint64_t>(expired_before_ms_);
  }

 private:
  const std::int64_t expired_before_ms_;
};

class RemovedLetters final : public rocksdb::CompactionFilter {
 public:
  explicit RemovedLetters(domain::Seq completed) : completed_(completed) {}

  const char* Name() const override { return "outboxd.removed_letters"; }

  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    const domain::Seq seq = seq_of_key(view_of(key));
    return seq != 0 && seq <= completed_ && is_removed_letter(view_of(value));
  }

 private:
  const domain::Seq completed_;
};

// A flush filters too: with the broker at hand, most entries are complete before they would reach a
// table for the first time.
class FilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  bool ShouldFilterTableFileCreation(rocksdb::TableFileCreationReason reason) const override {
    return reason == rocksdb::TableFileCreationReason::kFlush ||
           reason == rocksdb::TableFileCreationReason::kCompaction;
  }
};

class CompletedEntriesFactory final : public FilterFactory {
 public:
  explicit CompletedEntriesFactory(std::shared_ptr<const DurableProgress> progress)
      : progress_(std::move(progress)) {}

  const char* Name() const override { return "outboxd.completed"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<CompletedEntries>(progress_->completed());
  }

 private:
  const std::shared_ptr<const DurableProgress> progress_;
};

class RemovedLettersFactory final : public FilterFactory {
 public:
  explicit RemovedLettersFactory(std::shared_ptr<const DurableProgress> progress)
      : progress_(std::move(progress)) {}

  const char* Name() const override { return "outboxd.removed_letters"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<RemovedLetters>(progress_->completed());
  }

 private:
  const std::shared_ptr<const DurableProgress> progress_;
};

class ExpiredRequestsFactory final : public FilterFactory {
 public:
  ExpiredRequestsFactory(const domain::Clock& clock, std::int64_t ttl_ms)
      : clock_(clock), ttl_ms_(ttl_ms) {}

  const char* Name() const override { return "outboxd.expired"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    constexpr auto kForEver = std::numeric_limits<domain::TimestampMs>::min();
    const domain::TimestampMs now_ms = clock_.wall_ms();
    return std::make_unique<ExpiredRequests>(now_ms < kForEver + ttl_ms_ ? kForEver
                                                                         : now_ms - ttl_ms_);
  }

 private:
  const domain::Clock& clock_;
  const std::int64_t ttl_ms_;
};

class ExpiredMarksFactory final : public FilterFactory {
 public:
  ExpiredMarksFactory(std::shared_ptr<const DurableProgress> progress, std::int64_t ttl_ms)
      : progress_(std::move(progress)), ttl_ms_(ttl_ms) {}

  const char* Name() const override { return "outboxd.expired_marks"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiredMarks>(progress_->elapsed_ms() - ttl_ms_);
  }

 private:
  const std::shared_ptr<const DurableProgress> progress_;
  const std::int64_t ttl_ms_;
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> completed_entries_filter(
    std::shared_ptr<const DurableProgress> progress) {
  return std::make_shared<CompletedEntriesFactory>(std::move(progress));
}

std::shared_ptr<rocksdb::CompactionFilterFactory> removed_letters_filter(
    std::shared_ptr<const DurableProgress> progress) {
  return std::make_shared<RemovedLettersFactory>(std::move(progress));
}

std::shared_ptr<rocksdb::CompactionFilterFactory> expired_requests_filter(
    const domain::Clock& clock, std::int64_t ttl_ms) {
  return std::make_shared<ExpiredRequestsFactory>(clock, ttl_ms);
}

std::shared_ptr<rocksdb::CompactionFilterFactory> expired_marks_filter(
    std::shared_ptr<const DurableProgress> progress, std::int64_t ttl_ms) {
  return std::make_shared<ExpiredMarksFactory>(std::move(progress), ttl_ms);
}

}  // namespace outboxd::storage
