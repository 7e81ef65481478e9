#include "broker/broker.h"

#include <future>
#include <utility>

namespace outboxd::broker {

Broker::Broker(BrokerOptions options, Engine& engine, const domain::Clock& clock,
               Callbacks callbacks)
    : engine_(engine),
      allowed_topics_(options.allowed_topics.begin(), options.allowed_topics.end()),
      callbacks_(std::move(callbacks)),
      admission_([this](std::string_view topic) { return may_store(topic); }),
      sessions_(std::move(options.sessions), admission_, *this),
      committer_(
          engine,
          [this](std::vector<ProducerPosition> positions) { report_durable(std::move(positions)); },
          callbacks_.on_failure),
      link_({std::move(options.endpoint)}, clock, *this) {}

Broker::~Broker() {
  stop();
}

domain::Status Broker::start() {
  for (TopicInfo& info : engine_.topics()) topics_.insert(std::move(info.topic));
  for (const ProducerPosition& position : engine_.producers("", kMaxProducers)) {
    sessions_.restore(position.producer, position.epoch, position.last_seq);
  }
  OUTBOXD_TRY(link_.start());
  committer_.start();
  running_ = true;
  return domain::ok_status();
}

void Broker::stop() {
  if (!std::exchange(running_, false)) return;
  // A gate: nothing new is accepted, what was accepted is written, and then it is acknowledged.
  std::promise<void> closed;
  link_.post([&] {
    sessions_.close();
    closed.set_value();
  });
  closed.get_future().wait();
  committer_.stop();
  link_.stop();
}

void Broker::query(std::function<void(const transport::BrokerSessions&)> work) {
  link_.post([this, work = std::move(work)] { work(sessions_); });
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
  sessions_.receive(peer, frame, now_ms);
}

void Broker::on_turn_end() {
  committer_.flush();
}

void Broker::on_tick(std::int64_t now_ms) {
  sessions_.tick(now_ms);
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

bool Broker::may_store(std::string_view topic) {
  if (topics_.contains(topic)) return true;
  if (!allowed_topics_.empty() && !allowed_topics_.contains(topic)) return false;
  if (topics_.size() >= kMaxTopics) return false;
  topics_.emplace(topic);
  return true;
}

void Broker::report_durable(std::vector<ProducerPosition> positions) {
  link_.post([this, positions = std::move(positions)] {
    for (const ProducerPosition& position : positions) {
      sessions_.durable(position.producer, position.epoch, position.last_seq);
    }
  });
  callbacks_.on_durable();
}

}  // namespace outboxd::broker
