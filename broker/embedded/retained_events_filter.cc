#include "broker/embedded/retained_events_filter.h"

#include <map>
#include <utility>

namespace outboxd::broker {
namespace {

class RetainedEvents final : public rocksdb::CompactionFilter {
 public:
  explicit RetainedEvents(std::map<std::uint32_t, Offset> first) : first_(std::move(first)) {}

  const char* Name() const override { return "outbox-broker.retained"; }

  bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& /*value*/,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    const auto decoded = decode_log_key(key.ToStringView());
    if (!decoded) return false;
    const auto first = first_.find(decoded->topic_id);
    return first != first_.end() && decoded->offset < first->second;
  }

 private:
  const std::map<std::uint32_t, Offset> first_;
};

class RetainedEventsFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit RetainedEventsFactory(std::shared_ptr<const RetainedOffsets> retained)
      : retained_(std::move(retained)) {}

  const char* Name() const override { return "outbox-broker.retained"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<RetainedEvents>(retained_->all());
  }

 private:
  const std::shared_ptr<const RetainedOffsets> retained_;
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> retained_events_filter(
    std::shared_ptr<const RetainedOffsets> retained) {
  return std::make_shared<RetainedEventsFactory>(std::move(retained));
}

}  // namespace outboxd::broker
