#include "daemon/core.h"

#include <utility>

namespace outboxd::daemon {

Core::Core(transport::EventLoop& loop, domain::Store& store, CoreOptions options,
           std::function<void(const domain::Error&)> on_failure)
    : loop_(loop),
      store_(store),
      options_(options),
      on_failure_(std::move(on_failure)),
      commit_thread_([this] { loop_.post([this] { on_written(); }); }) {
  loop_.at_turn_end([this] { submit_if_possible(); });
}

void Core::attach(transport::Server& server) {
  server_ = &server;
}

void Core::finish(transport::ReplyAddress to, domain::UnitOfWork& work, domain::Status status,
                  WhenDurable when_durable) {
  OUTBOXD_CHECK(server_ != nullptr);
  // A refusal may rest on something that is not durable yet (an id that is taken by a request still
  // in flight), so it waits like a success does.
  const std::uint64_t depends_on = work.depends_on();
  if (depends_on == 0) {
    status ? server_->reply(to, result_) : server_->reply_error(to, status.error());
  } else if (status) {
    held_for(depends_on).hold(to, result_);
  } else {
    held_for(depends_on).hold_error(to, status.error());
  }
  close(depends_on, std::move(status), std::move(when_durable));
}

void Core::apply(const Effect& effect, WhenDurable when_durable) {
  domain::UnitOfWork& work = store_.begin();
  domain::Status status = effect(work);
  close(work.depends_on(), std::move(status), std::move(when_durable));
}

void Core::tell_read_error(const domain::Error& error) const {
  if (on_read_error_) on_read_error_(error);
}

void Core::close(std::uint64_t depends_on, domain::Status status, WhenDurable when_durable) {
  if (status) {
    store_.accept();
    ++counters_.units;
  } else {
    store_.discard();
    ++counters_.refused;
    tell_read_error(status.error());
  }
  WhenDurable follow_up = at_unit_end_ ? at_unit_end_(status.ok()) : nullptr;
  tell_when_durable(depends_on, status, std::move(when_durable));
  tell_when_durable(depends_on, std::move(status), std::move(follow_up));
  if (depends_on != 0) submit_if_full();
}

void Core::tell_when_durable(std::uint64_t depends_on, domain::Status status,
                             WhenDurable when_durable) {
  if (!when_durable) return;
  if (depends_on == 0) {
    when_durable(status);  // it may apply() something in its turn
  } else {
    held_for(depends_on).hold(std::move(when_durable), std::move(status));
  }
}

void Core::submit_if_full() {
  if (store_.pending_bytes() >= options_.max_group_bytes) submit_if_possible();
}

void Core::look(const std::function<void(domain::UnitOfWork&)>& read) {
  read(store_.begin());
  store_.discard();
}

HeldReplies& Core::held_for(std::uint64_t group_number) {
  return group_number == in_flight_number_ ? in_flight_ : building_;
}

void Core::record(const std::function<domain::Status(domain::UnitOfWork&)>& note) {
  if (const domain::Status status = note(store_.begin()); !status) {
    store_.discard();
    tell_read_error(status.error());
    if (status.error().code != domain::ErrorCode::kDamaged) on_failure_(status.error());
    return;
  }
  store_.accept();
}

void Core::submit_if_possible() {
  if (in_flight_number_ != 0) {
    // Both groups are busy: requests wait in their sockets, where the kernel bounds them.
    if (!holding_ && store_.pending_bytes() >= options_.max_group_bytes) {
      holding_ = true;
      if (server_ != nullptr) server_->hold();
    }
    return;
  }
  if (store_.pending_bytes() > 0 && before_seal_) before_seal_();
  last_group_bytes_ = store_.pending_bytes();
  std::unique_ptr<domain::SealedGroup> group = store_.seal();
  if (group == nullptr) {
    // A reply can only wait for a group that exists, so nothing is held here.
    OUTBOXD_CHECK(building_.size() == 0);
    return;
  }
  in_flight_number_ = group->number();
  std::swap(building_, in_flight_);
  commit_thread_.submit(std::move(group));
  if (holding_) {
    holding_ = false;
    if (server_ != nullptr) server_->release();
  }
}

void Core::on_written() {
  if (!commit_thread_.has_written()) return;  // seen already, between two requests
  Written written = commit_thread_.take();
  if (!written.status) {
    on_failure_(written.status.error());
    return;
  }
  ++counters_.groups;
  counters_.last_commit_us = written.took_us;
  in_flight_number_ = 0;
  for (const auto& hook : after_commit_) hook(*written.group);
  store_.retire(std::move(written.group));
  // The disk gets its next group before the clients get their replies: sending those takes about as
  // long as a sync does.
  std::swap(durable_, in_flight_);
  submit_if_possible();
  server_ != nullptr ? durable_.release(*server_) : durable_.release();
}

bool Core::idle() const {
  return in_flight_number_ == 0 && store_.pending_bytes() == 0;
}

bool Core::made_progress() {
  const bool moved = in_flight_number_ == 0 || in_flight_number_ != last_seen_number_;
  last_seen_number_ = in_flight_number_;
  return moved;
}

}  // namespace outboxd::daemon
