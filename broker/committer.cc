#include "broker/committer.h"

#include <utility>

#include "domain/check.h"

namespace outboxd::broker {

Committer::Committer(Engine& engine, const domain::ElapsedTime& elapsed, OnDurable on_durable,
                     OnFailure on_failure)
    : engine_(engine),
      elapsed_(elapsed),
      on_durable_(std::move(on_durable)),
      on_failure_(std::move(on_failure)) {}

Committer::~Committer() {
  stop();
}

void Committer::start() {
  OUTBOXD_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

// False when nothing is written any more.
bool Committer::wait_for_room(std::unique_lock<std::mutex>& lock) {
  if (building_->full()) {
    flushed_ = true;
    work_.notify_one();
    room_.wait(lock, [this] { return failed_ || !building_->full(); });
  }
  return !failed_;
}

void Committer::add(const transport::AppendRequest& request) {
  std::unique_lock lock(mutex_);
  if (wait_for_room(lock)) building_->add(request);
}

void Committer::add(GroupChange change) {
  std::unique_lock lock(mutex_);
  if (wait_for_room(lock)) building_->add(std::move(change));
}

void Committer::keep_time() {
  const std::lock_guard lock(mutex_);
  building_->touch();
}

void Committer::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (building_->empty()) return;
    flushed_ = true;
  }
  work_.notify_one();
}

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
}

Committer::Progress Committer::progress() const {
  const std::lock_guard lock(mutex_);
  return {groups_, !writing_ && building_->empty()};
}

void Committer::run() {
  auto group = std::make_unique<AppendGroup>();
  while (true) {
    {
      std::unique_lock lock(mutex_);
      writing_ = false;
      work_.wait(lock, [this] { return stopping_ || (flushed_ && !building_->empty()); });
      if (building_->empty()) return;
      std::swap(group, building_);
      flushed_ = false;
      writing_ = true;
    }
    room_.notify_one();
    group->set_elapsed(elapsed_.elapsed_ms());
    if (const domain::Status status = engine_.append(group->batch()); !status) {
      {
        const std::lock_guard lock(mutex_);
        failed_ = true;
      }
      room_.notify_one();
      on_failure_(status.error());
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      ++groups_;
    }
    on_durable_(written(*group));
    group->clear();
  }
}

Committer::Written Committer::written(const AppendGroup& group) {
  Written written;
  written.positions = group.batch().positions;
  written.groups.reserve(group.batch().groups.size());
  for (const GroupChange& change : group.batch().groups) written.groups.push_back(change.id);
  written.topics.assign(group.topics().begin(), group.topics().end());
  return written;
}

}  // namespace outboxd::broker
