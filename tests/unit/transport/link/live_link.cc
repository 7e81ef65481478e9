#include "tests/unit/transport/link/live_link.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <gtest/gtest.h>

#include "transport/link/frame_codec.h"

namespace outboxd::transport {
namespace {

// Long enough for any machine; nothing here waits for it unless it fails.
constexpr std::chrono::seconds kPatience{30};

}  // namespace

std::int64_t SteadyClock::monotonic_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

domain::Seq LiveBox::write(std::size_t count) {
  const std::lock_guard lock(mutex_);
  next_seq_ += count;
  return next_seq_;
}

domain::Seq LiveBox::next_seq() {
  const std::lock_guard lock(mutex_);
  return next_seq_;
}

std::string LiveBox::envelope_of(domain::Seq seq) {
  return seq % 100 == 13 ? "refuse me" : "event " + std::to_string(seq) + std::string(200, '.');
}

bool LiveBox::saw(LinkState state, std::string_view text) {
  return wait([&] {
    return std::any_of(states_.begin(), states_.end(), [&](const auto& seen) {
      return seen.first == state && seen.second.find(text) != std::string::npos;
    });
  });
}

bool LiveBox::acknowledged(domain::Seq seq) {
  return wait([&] { return acknowledged_ >= seq; });
}

bool LiveBox::rejected(domain::Seq seq) {
  return wait(
      [&] { return std::find(rejected_.begin(), rejected_.end(), seq) != rejected_.end(); });
}

domain::Seq LiveBox::acknowledged_now() {
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}

domain::Status LiveBox::read(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                             PublishBatch& batch) {
  const std::lock_guard lock(mutex_);
  batch.first_seq = from;
  std::size_t bytes = 0;
  for (domain::Seq seq = from;
       seq < next_seq_ && batch.envelopes.size() < max_events && bytes < max_bytes; ++seq) {
    batch.envelopes.push_back(envelope_of(seq));
    bytes += batch.envelopes.back().size();
  }
  return domain::ok_status();
}

void LiveBox::on_link_state(LinkState state, std::string reason) {
  const std::lock_guard lock(mutex_);
  states_.emplace_back(state, std::move(reason));
  changed_.notify_all();
}

void LiveBox::on_acknowledged(domain::Seq seq) {
  const std::lock_guard lock(mutex_);
  EXPECT_GT(seq, acknowledged_);
  acknowledged_ = seq;
  changed_.notify_all();
}

void LiveBox::on_rejected(domain::Seq seq, std::string, std::string) {
  const std::lock_guard lock(mutex_);
  rejected_.push_back(seq);
  changed_.notify_all();
}

void LiveBox::on_deliveries(std::vector<OwnedDelivery> deliveries) {
  const std::lock_guard lock(mutex_);
  for (const OwnedDelivery& each : deliveries) delivered_.push_back(each.tag);
  changed_.notify_all();
}

void LiveBox::on_settled(std::vector<std::uint64_t> tags) {
  const std::lock_guard lock(mutex_);
  settled_.insert(settled_.end(), tags.begin(), tags.end());
  changed_.notify_all();
}

void LiveBox::on_completed(std::string topic, std::vector<SeqRange> ranges) {
  const std::lock_guard lock(mutex_);
  for (const SeqRange& range : ranges) completed_.emplace_back(topic, range);
  changed_.notify_all();
}

void LiveBox::on_subscription_refused(std::string, std::string, std::string code, std::string) {
  const std::lock_guard lock(mutex_);
  refused_.push_back(std::move(code));
  changed_.notify_all();
}

bool LiveBox::delivered(std::size_t count) {
  return wait([&] { return delivered_.size() >= count; });
}

std::vector<std::uint64_t> LiveBox::delivered_tags() {
  const std::lock_guard lock(mutex_);
  return delivered_;
}

bool LiveBox::settled(std::uint64_t tag) {
  return wait([&] { return std::find(settled_.begin(), settled_.end(), tag) != settled_.end(); });
}

std::vector<std::uint64_t> LiveBox::settled_tags() {
  const std::lock_guard lock(mutex_);
  return settled_;
}

bool LiveBox::completed(std::string_view topic, SeqRange range) {
  return wait([&] {
    return std::any_of(completed_.begin(), completed_.end(), [&](const auto& each) {
      return each.first == topic && each.second == range;
    });
  });
}

bool LiveBox::refused(std::string_view code) {
  return wait([&] { return std::find(refused_.begin(), refused_.end(), code) != refused_.end(); });
}

bool LiveBox::wait(const std::function<bool()>& reached) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, reached);
}

LiveBroker::LiveBroker(std::string endpoint, std::map<std::string, LiveLog>& logs)
    : logs_(logs), sessions_({}, *this, *this), link_({std::move(endpoint)}, clock_, *this) {
  for (const auto& [producer, log] : logs_) {
    sessions_.restore(producer, {log.epoch, log.last_seq});
  }
  const auto started = link_.start();
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message);
}

LiveBroker::~LiveBroker() {
  link_.stop();
}

void LiveBroker::on_frame(std::string_view peer, std::string_view frame, std::int64_t now_ms) {
  sessions_.receive(peer, frame, now_ms);
}

void LiveBroker::on_turn_end() {
  for (const std::string& producer : std::exchange(written_, {})) {
    sessions_.durable(producer, logs_[producer].epoch, logs_[producer].last_seq);
  }
}

void LiveBroker::on_tick(std::int64_t now_ms) {
  sessions_.tick(now_ms);
}

bool LiveBroker::send(std::string_view peer, std::string frame) {
  return link_.send(peer, std::move(frame));
}

void LiveBroker::append(const AppendRequest& request) {
  LiveLog& log = logs_[std::string(request.producer)];
  EXPECT_EQ(request.first_seq, log.last_seq + 1);
  log.epoch = request.epoch;
  log.last_seq = request.last_seq;
  for (const AcceptedEvent& event : request.events) log.events.emplace_back(event.envelope);
  written_.emplace(request.producer);
}

std::optional<Refused> LiveBroker::refuse(std::string_view envelope, std::string_view& topic) {
  if (envelope == "refuse me") return Refused{reject_code::kForbiddenTopic, "no"};
  topic = "t";
  return std::nullopt;
}

ScriptedBroker::ScriptedBroker(std::string endpoint, Script script)
    : script_(std::move(script)), link_({std::move(endpoint)}, clock_, *this) {
  const auto started = link_.start();
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message);
}

ScriptedBroker::~ScriptedBroker() {
  link_.stop();
}

void ScriptedBroker::on_frame(std::string_view peer, std::string_view bytes, std::int64_t) {
  const auto frame = decode_frame(bytes, document_);
  EXPECT_TRUE(frame.ok());
  if (!frame) return;
  for (std::string& answer : script_(*frame, frames_++)) {
    EXPECT_TRUE(link_.send(peer, std::move(answer)));
  }
}

}  // namespace outboxd::transport
