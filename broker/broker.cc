#include "broker/broker.h"

#include <chrono>
#include <random>
#include <utility>

#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

// While something waits for its time and nothing else is written, service time is kept so often: a
// crash may let a back-off or a time to live last longer by no more.
constexpr std::int64_t kKeepTimeMs = 10'000;

// How long a stop waits for the disk. What is not written by then is delivered again.
constexpr std::chrono::seconds kDrainLimit{5};

GroupTableOptions with_jitter(GroupTableOptions options) {
  if (!options.random) {
    std::random_device seed;
    options.random = [engine = std::mt19937_64(seed())]() mutable { return engine(); };
  }
  return options;
}

transport::BrokerSessionOptions of_store(transport::BrokerSessionOptions options,
                                         const Engine& engine) {
  options.history = engine.history();
  return options;
}

}  // namespace

Broker::Broker(BrokerOptions options, Engine& engine, const domain::Clock& clock,
               Callbacks callbacks)
    : engine_(engine),
      clock_(clock),
      allowed_topics_(options.allowed_topics.begin(), options.allowed_topics.end()),
      callbacks_(std::move(callbacks)),
      service_time_(clock, engine.elapsed_at_open()),
      admission_([this](std::string_view topic) { return may_store(topic); }),
      sessions_(of_store(std::move(options.sessions), engine), admission_, *this),
      groups_(with_jitter(std::move(options.groups)), engine, clock, service_time_, *this),
      committer_(
          engine, service_time_,
          [this](Committer::Written written) { report_durable(std::move(written)); },
          callbacks_.on_failure),
      link_({std::move(options.endpoint)}, clock, *this) {
  sessions_.attach(groups_);
}

Broker::~Broker() {
  stop();
}

domain::Status Broker::start() {
  for (TopicInfo& info : engine_.topics()) {
    if (!transport::split_dead_topic(info.topic)) topics_.insert(std::move(info.topic));
  }
  for (const ProducerPosition& position : engine_.producers("", kMaxProducers)) {
    sessions_.restore(position.producer,
                      {position.epoch, position.last_seq, position.store, position.chain});
  }
  OUTBOXD_TRY(groups_.restore());
  OUTBOXD_TRY(link_.start());
  committer_.start();
  running_ = true;
  return domain::ok_status();
}

void Broker::stop() {
  if (!std::exchange(running_, false)) return;
  // A gate: nothing new is accepted or handed out, what was accepted and settled is written, and
  // then it is acknowledged.
  std::promise<void> drained;
  std::future<void> wait = drained.get_future();
  link_.post([&] {
    sessions_.close();
    groups_.close();
    drained_ = &drained;
  });
  if (wait.wait_for(kDrainLimit) != std::future_status::ready) {
    std::promise<void> gave_up;
    link_.post([&] {
      drained_ = nullptr;
      gave_up.set_value();
    });
    gave_up.get_future().wait();
  }
  committer_.stop();
  link_.stop();
}

void Broker::query(std::function<void(const transport::BrokerSessions&)> work) {
  link_.post([this, work = std::move(work)] { work(sessions_); });
}

void Broker::query_groups(std::function<void(const GroupTable&)> work) {
  link_.post([this, work = std::move(work)] { work(groups_); });
}

void Broker::settle_letters(LetterAction action, GroupId group, std::optional<Offset> letter,
                            LetterJobs::Done done) {
  link_.post([this, action, group = std::move(group), letter, done = std::move(done)]() mutable {
    groups_.settle_letters(action, group, letter, std::move(done));
  });
}

void Broker::limit_writes(SpaceLevel level) {
  link_.post([this, level] {
    space_ = level;
    sessions_.hold_events(level != SpaceLevel::kOk);
  });
}

void Broker::snapshot(std::function<void(const BrokerSnapshot&)> work) {
  link_.post([this, work = std::move(work)] {
    BrokerSnapshot snapshot{sessions_.counters(), bytes_accepted_, committer_.progress().groups, 0,
                            0};
    for (const auto& producer : sessions_.producers("", kMaxProducers)) {
      ++snapshot.producers;
      if (producer.connected) ++snapshot.connected;
    }
    work(snapshot);
  });
}

void Broker::on_frame(std::string_view peer, std::string_view frame, std::int64_t now_ms) {
  if (space_ == SpaceLevel::kHard) return;
  sessions_.receive(peer, frame, now_ms);
}

void Broker::on_turn_end() {
  if (space_ == SpaceLevel::kHard) return committer_.flush();
  const bool again = groups_.turn();
  committer_.flush();
  if (again) {
    link_.turn_by(0);
  } else if (const auto deadline_ms = groups_.next_deadline_ms()) {
    link_.turn_by(service_time_.monotonic_ms(*deadline_ms));
  }
  if (drained_ != nullptr && groups_.drained()) std::exchange(drained_, nullptr)->set_value();
}

void Broker::on_tick(std::int64_t now_ms) {
  if (space_ == SpaceLevel::kHard) return;
  sessions_.tick(now_ms);
  keep_time(now_ms);
}

void Broker::keep_time(std::int64_t now_ms) {
  // While events are held, too: what is old goes with a write, and makes room for them.
  const bool waits = groups_.waits() || space_ != SpaceLevel::kOk;
  if (now_ms - written_at_ms_ < kKeepTimeMs || !waits) return;
  written_at_ms_ = now_ms;
  committer_.keep_time();
}

bool Broker::send(std::string_view peer, std::string frame) {
  return link_.send(peer, std::move(frame));
}

void Broker::append(const transport::AppendRequest& request) {
  for (const transport::AcceptedEvent& event : request.events) {
    bytes_accepted_ += event.envelope.size();
  }
  committer_.add(request);
}

bool Broker::send_to(std::string_view producer, std::string frame) {
  return sessions_.send_to(producer, std::move(frame));
}

void Broker::commit(GroupChange change) {
  committer_.add(std::move(change));
}

void Broker::fail(const domain::Error& error) {
  callbacks_.on_failure(error);
}

bool Broker::may_store(std::string_view topic) {
  if (topics_.contains(topic)) return true;
  if (!allowed_topics_.empty() && !allowed_topics_.contains(topic)) return false;
  if (topics_.size() >= kMaxTopics) return false;
  topics_.emplace(topic);
  return true;
}

void Broker::report_durable(Committer::Written written) {
  link_.post([this, written = std::move(written)] {
    for (const ProducerPosition& position : written.positions) {
      sessions_.durable(position.producer, position.epoch, position.last_seq);
    }
    groups_.durable(written.groups);
    for (const std::string& topic : written.topics) groups_.appended(topic);
    written_at_ms_ = clock_.monotonic_ms();
  });
  callbacks_.on_durable();
}

}  // namespace outboxd::broker
