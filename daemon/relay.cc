#include "daemon/relay.h"

#include <iterator>
#include <utility>

namespace outboxd::daemon {

using domain::MutexLock;
using domain::Seq;
using domain::Status;

Relay::Relay(RelayOptions options, transport::EventLoop& loop, domain::DurableReader& reader,
             std::function<domain::OutboxProgress()> progress, const domain::Clock& clock,
             RelayEvents events)
    : options_(std::move(options)),
      loop_(loop),
      reader_(reader),
      progress_(std::move(progress)),
      clock_(clock),
      events_(std::move(events)) {
  status_.since_ms = clock_.wall_ms();
  make_link();
}

void Relay::make_link() {
  if (options_.link.endpoint.empty()) return;
  transport::PublishSource& source = *this;
  transport::LinkObserver& observer = *this;
  link_ = std::make_unique<transport::RelayLink>(options_.link, clock_, source, observer);
}

Status Relay::restart(transport::RelayLinkOptions options) {
  stop(0);
  options_.link = std::move(options);
  unburied_.clear();
  forget_fresh();
  make_link();
  for (const auto& [name, credit] : subscriptions_)
    link_->subscribe({name.first, name.second, credit});
  return start();
}

Relay::~Relay() {
  stop(0);
}

Status Relay::start() {
  return link_ == nullptr ? domain::ok_status() : link_->start(progress_().next_seq);
}

void Relay::stop(std::int64_t linger_ms) {
  if (link_ == nullptr) return;
  link_->stop(linger_ms);
  link_.reset();
}

void Relay::offer(const domain::SealedGroup& group) {
  if (link_ == nullptr || group.entries().empty()) return;
  {
    MutexLock lock(mutex_);
    if (keep_fresh_ && !fresh_.empty() && fresh_.back().seq + 1 != group.entries().front().seq) {
      fresh_.clear();
      fresh_size_ = 0;
    }
    for (const domain::OutboxEntry& entry : group.entries()) {
      // Past the bound nothing is kept: the link is behind, and reads what it lacks from the
      // outbox.
      if (!keep_fresh_ || fresh_size_ + entry.envelope.size() > options_.fresh_bytes) break;
      fresh_size_ += entry.envelope.size();
      fresh_.push_back({entry.seq, entry.chain, entry.envelope});
    }
  }
  link_->wake(group.entries().back().seq + 1);
}

void Relay::forget_fresh() {
  MutexLock lock(mutex_);
  fresh_.clear();
  fresh_size_ = 0;
}

void Relay::subscribe(const std::string& topic, const std::string& group, std::size_t credit) {
  if (link_ == nullptr) return;
  if (credit == 0) {
    subscriptions_.erase({topic, group});
  } else {
    subscriptions_[{topic, group}] = credit;
  }
  link_->subscribe({topic, group, credit});
}

void Relay::settle(std::vector<transport::OwnedSettlement> settlements) {
  if (link_ != nullptr) link_->settle(std::move(settlements));
}

Status Relay::read(Seq from, std::size_t max_events, std::size_t max_bytes,
                   transport::PublishBatch& batch) {
  batch.first_seq = from;
  batch.envelopes.clear();
  batch.chains.clear();
  if (read_lost(from, max_events, max_bytes, batch)) return domain::ok_status();
  if (from == damaged_seq_) return domain::ok_status();
  if (!unburied_.contains(from) && read_fresh(from, max_events, max_bytes, batch)) {
    return domain::ok_status();
  }
  return read_stored(from, max_events, max_bytes, batch);
}

// People said to go on with a broker that lacks what was completed here: consumers learn which
// events those were.
bool Relay::read_lost(Seq from, std::size_t max_events, std::size_t max_bytes,
                      transport::PublishBatch& batch) {
  const Seq completed_seq = progress_().completed_seq;
  if (!options_.link.accept_loss || from > completed_seq || !options_.lost_envelope) return false;
  std::size_t bytes = 0;
  for (Seq seq = from; seq <= completed_seq; ++seq) {
    if (batch.envelopes.size() == max_events || bytes >= max_bytes) break;
    batch.envelopes.push_back(options_.lost_envelope(seq));
    bytes += batch.envelopes.back().size();
  }
  return true;
}

bool Relay::read_fresh(Seq from, std::size_t max_events, std::size_t max_bytes,
                       transport::PublishBatch& batch) {
  MutexLock lock(mutex_);
  if (fresh_.empty() || from < fresh_.front().seq || from > fresh_.back().seq) return false;
  std::size_t bytes = 0;
  for (std::size_t i = from - fresh_.front().seq; i < fresh_.size(); ++i) {
    if (batch.envelopes.size() == max_events || bytes >= max_bytes) break;
    if (unburied_.contains(fresh_[i].seq)) break;
    bytes += fresh_[i].envelope.size();
    batch.envelopes.push_back(fresh_[i].envelope);
    batch.chains.push_back(fresh_[i].chain);
  }
  return true;
}

Status Relay::read_stored(Seq from, std::size_t max_events, std::size_t max_bytes,
                          transport::PublishBatch& batch) {
  std::size_t bytes = 0;
  const auto is_full = [&] { return batch.envelopes.size() >= max_events || bytes >= max_bytes; };
  Status status = reader_.scan_positions(from, [&](const domain::OutboxPosition& position) {
    const bool awaits_burial = position.entry != nullptr && unburied_.contains(position.seq);
    if (awaits_burial || is_full() || position.seq != from + batch.envelopes.size()) return false;
    batch.envelopes.push_back(position.entry == nullptr ? "" : position.entry->envelope);
    batch.chains.push_back(position.chain);
    bytes += batch.envelopes.back().size();
    return !is_full();
  });
  if (!status && batch.envelopes.empty()) {
    if (status.error().code != domain::ErrorCode::kDamaged) return status;
    // The link goes on with what is in flight and with what it consumes. Only a repair mends this.
    damaged_seq_ = from;
    return domain::ok_status();
  }
  unburied_.erase(unburied_.lower_bound(from),
                  unburied_.lower_bound(from + batch.envelopes.size()));
  // Entries that are complete are no longer there, and must not pass for withdrawn ones.
  if (const Seq completed_seq = progress_().completed_seq; from <= completed_seq) {
    batch.envelopes.clear();
    batch.chains.clear();
    return domain::Error{domain::ErrorCode::kInternal,
                         "the broker asks for event " + std::to_string(from) +
                             ", but it acknowledged everything up to " +
                             std::to_string(completed_seq) +
                             ", which was removed here: the broker has lost data",
                         {}};
  }
  return domain::ok_status();
}

void Relay::drop_fresh_through(Seq seq) {
  while (!fresh_.empty() && fresh_.front().seq <= seq) {
    fresh_size_ -= fresh_.front().envelope.size();
    fresh_.pop_front();
  }
}

void Relay::on_link_state(transport::LinkState state, std::string reason) {
  {
    MutexLock lock(mutex_);
    keep_fresh_ = state == transport::LinkState::kConnected;
    if (!keep_fresh_) {
      fresh_.clear();
      fresh_size_ = 0;
    }
  }
  loop_.post([this, state, reason = std::move(reason)]() mutable {
    if (status_.state != state) status_.since_ms = clock_.wall_ms();
    status_.state = state;
    if (!reason.empty()) status_.last_error = std::move(reason);
    events_.link_changed(status_);
  });
}

void Relay::on_conflict(transport::LinkConflict conflict) {
  loop_.post(
      [this, conflict = std::move(conflict)]() mutable { status_.conflict = std::move(conflict); });
}

// Posted before what is acknowledged in the session can be: the core thread hears it first.
void Relay::on_session(std::string history) {
  loop_.post([this, history = std::move(history)] {
    if (events_.session) events_.session(history);
  });
}

std::uint64_t Relay::chain_at(Seq seq) {
  // What cannot be read is not known: the broker's answer decides, and reading it for PUBLISH says
  // what is wrong.
  const domain::Result<std::uint64_t> chain = reader_.chain_at(seq);
  return chain ? *chain : 0;
}

Seq Relay::first_kept() {
  return progress_().completed_seq + 1;
}

void Relay::on_acknowledged(Seq seq) {
  MutexLock lock(mutex_);
  drop_fresh_through(seq);
  report_.acknowledged = seq;
  post_report();
}

void Relay::on_rejected(Seq seq, std::string code, std::string message) {
  unburied_.insert(seq);
  MutexLock lock(mutex_);
  report_.rejected.push_back({seq, std::move(code), std::move(message)});
  post_report();
}

void Relay::on_deliveries(std::vector<transport::OwnedDelivery> deliveries) {
  MutexLock lock(mutex_);
  report_.deliveries.insert(report_.deliveries.end(), std::make_move_iterator(deliveries.begin()),
                            std::make_move_iterator(deliveries.end()));
  post_report();
}

void Relay::on_settled(std::vector<std::uint64_t> tags) {
  MutexLock lock(mutex_);
  report_.settled.insert(report_.settled.end(), tags.begin(), tags.end());
  post_report();
}

void Relay::on_completed(std::string topic, std::vector<transport::SeqRange> ranges) {
  MutexLock lock(mutex_);
  report_.completed.push_back({std::move(topic), std::move(ranges)});
  post_report();
}

void Relay::on_subscription_refused(std::string topic, std::string group, std::string code,
                                    std::string message) {
  loop_.post([this, refused = transport::Subscription{std::move(topic), std::move(group), 0},
              code = std::move(code), message = std::move(message)] {
    if (events_.subscription_refused) events_.subscription_refused(refused, code, message);
  });
}

void Relay::post_report() {
  // Many frames may come before the core thread turns to the first: one message carries them all.
  if (report_posted_) return;
  report_posted_ = true;
  loop_.post([this] { report(); });
}

void Relay::report() {
  Report report;
  {
    MutexLock lock(mutex_);
    report_posted_ = false;
    report = std::exchange(report_, {});
  }
  tell(std::move(report));
}

void Relay::tell(Report report) {
  // Rejections first: an entry must be among the dead letters before the acknowledged position
  // passes it (G5).
  for (const Rejection& rejection : report.rejected) {
    events_.rejected(rejection.seq, rejection.code, rejection.message);
  }
  if (report.acknowledged > 0) events_.acknowledged(report.acknowledged);
  if (events_.completed) {
    for (const Completion& completion : report.completed) {
      events_.completed(completion.topic, completion.ranges);
    }
  }
  // What the broker has forgotten about goes before what it delivers.
  if (events_.settled && !report.settled.empty()) events_.settled(std::move(report.settled));
  if (events_.delivered && !report.deliveries.empty()) {
    events_.delivered(std::move(report.deliveries));
  }
}

}  // namespace outboxd::daemon
