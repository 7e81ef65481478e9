// Any order of whatever can happen to a group, against what must hold at every moment.
// (consumer_group_test.cc says what a group does in particular.)
#include <random>

#include "tests/unit/broker/groups/group_fixture.h"

namespace outboxd::broker {
namespace {

class ConsumerGroupModelTest : public GroupFixture {
 protected:
  static constexpr std::size_t kConsumers = 3;
  static constexpr std::uint32_t kMaxRetries = 3;

  // What the consumers, and whoever watches them, know of an event.
  struct Known {
    std::string key;
    std::uint32_t failures = 0;  // that count
    bool acked = false;          // by some consumer, which remembers it (its processed mark)
    bool settled = false;        // and was told so
    bool in_flight = false;
  };

  std::uint64_t any(std::uint64_t below) { return rng_() % below; }

  void publish_some() {
    for (std::uint64_t i = any(5) + 1; i > 0; --i) {
      const std::string key = "key-" + std::to_string(any(6));
      known_[publish(key)].key = key;
    }
  }

  void hand_out() {
    for (Handout& handout : pump(any(10) + 1)) {
      Known& event = known_.at(handout.seq);  // one producer: seq and offset are the same
      ASSERT_FALSE(event.settled) << handout.seq << " was settled for good";
      ASSERT_FALSE(disk_letter(handout.seq)) << handout.seq << " is a dead letter";
      for (const auto& [offset, other] : known_) {
        if (other.key != event.key) continue;
        ASSERT_FALSE(other.in_flight) << "two of a key: " << offset << ", " << handout.seq;
        if (offset < handout.seq) {
          ASSERT_TRUE(other.acked || disk_letter(offset))
              << handout.seq << " came before " << offset;
        }
      }
      ASSERT_LE(handout.attempt, event.failures + 1) << "an attempt that nobody made";
      event.in_flight = true;
      flights_[handout.tag] = handout;
      ASSERT_LE(in_flight_of(handout.consumer), credits_[handout.consumer]);
    }
  }

  bool disk_letter(Offset offset) const {
    return std::any_of(disk_.letters.begin(), disk_.letters.end(), [offset](const auto& letter) {
      return letter.second.source_offset == offset;
    });
  }

  std::size_t in_flight_of(ConsumerIndex consumer) const {
    return static_cast<std::size_t>(std::count_if(
        flights_.begin(), flights_.end(),
        [consumer](const auto& flight) { return flight.second.consumer == consumer; }));
  }

  void settle_one(bool gently) {
    if (flights_.empty()) return;
    auto flight = flights_.begin();
    std::advance(flight, static_cast<std::ptrdiff_t>(any(flights_.size())));
    const Handout handout = flight->second;
    Known& event = known_.at(handout.seq);
    const std::uint64_t outcome = gently || event.acked ? 0 : any(10);
    if (outcome < 6) {
      event.acked = true;
      acked_tags_[handout.tag] = handout.seq;
      ASSERT_EQ(ack(handout), SettleResult::kSettled);
    } else {
      ++event.failures;
      ASSERT_EQ(outcome < 9 ? retry(handout) : refuse(handout), SettleResult::kSettled);
    }
    event.in_flight = false;
    flights_.erase(flight);
    ASSERT_EQ(ack(handout), SettleResult::kUnknown) << "used twice";
  }

  void forget_flights_of(std::optional<ConsumerIndex> consumer, bool counted) {
    for (auto flight = flights_.begin(); flight != flights_.end();) {
      if (consumer && flight->second.consumer != *consumer) {
        ++flight;
        continue;
      }
      Known& event = known_.at(flight->second.seq);
      event.in_flight = false;
      if (counted) ++event.failures;
      flight = flights_.erase(flight);
    }
  }

  void change_consumer() {
    const ConsumerIndex consumer = kAlice + static_cast<ConsumerIndex>(any(kConsumers));
    switch (any(6)) {
      case 0:
        group_->leave(consumer, now_ms_);
        forget_flights_of(consumer, false);
        lost_[consumer].clear();
        credits_[consumer] = 0;
        break;
      case 1:
        for (const auto& [tag, handout] : flights_) {
          if (handout.consumer == consumer) lost_[consumer].insert(handout.seq);
        }
        group_->lose(consumer, now_ms_);
        forget_flights_of(consumer, false);
        credits_[consumer] = 0;
        break;
      case 2:
        for (const domain::Seq seq : lost_[consumer]) ++known_.at(seq).failures;
        lost_[consumer].clear();
        group_->died(consumer, now_ms_);
        forget_flights_of(consumer, true);
        credits_[consumer] = 0;
        break;
      default:
        // Less credit takes back nothing, so the bound is the highest since it was idle.
        const std::size_t credit = any(8) + 1;
        subscribe(consumer, credit);
        credits_[consumer] = std::max({credit, credits_[consumer], in_flight_of(consumer)});
        break;
    }
  }

  void disk_turns() {
    if (taken_) {
      disk_.apply(*taken_);
      taken_.reset();
      for (const auto& [consumer, tag] : group_->durable(now_ms_).settled) {
        const auto acked = acked_tags_.find(tag);
        if (acked != acked_tags_.end()) known_.at(acked->second).settled = true;
      }
    } else {
      taken_ = group_->take_change(now_ms_);
    }
  }

  void crash() {
    // What was on its way to the disk may have arrived.
    if (taken_ && any(2) == 0) disk_.apply(*taken_);
    taken_.reset();
    forget_flights_of(std::nullopt, false);
    lost_.clear();
    credits_.clear();
    restart();
  }

  void step() {
    switch (any(20)) {
      case 0: crash(); break;
      case 1: change_consumer(); break;
      case 2:
      case 3: publish_some(); break;
      case 4: pass(static_cast<std::int64_t>(any(3'000))); break;
      case 5:
      case 6:
      case 7:
      case 8: disk_turns(); break;
      case 9:
      case 10:
      case 11:
      case 12: hand_out(); break;
      default: settle_one(false); break;
    }
  }

  // Everything works from now on: nothing may be left behind.
  void finish() {
    subscribe(kAlice, 10);
    credits_[kAlice] = 1'000;
    for (int round = 0; round < 100'000; ++round) {
      while (!flights_.empty()) {
        settle_one(true);
        if (HasFatalFailure()) return;
      }
      disk_turns();
      hand_out();
      if (HasFatalFailure()) return;
      if (flights_.empty()) pass(1'000);
      const bool over = disk_.state.cursor == known_.size() + 1 && disk_.table.empty() && !taken_;
      if (over && flights_.empty()) break;
    }
    ASSERT_EQ(disk_.state.cursor, known_.size() + 1);
    ASSERT_TRUE(disk_.table.empty());
    ASSERT_TRUE(disk_.done.empty());
    std::set<Offset> dead;
    for (const auto& [offset, letter] : disk_.letters) {
      ASSERT_TRUE(dead.insert(letter.source_offset).second) << "two letters of one event";
    }
    for (const auto& [offset, event] : known_) {
      ASSERT_TRUE(event.acked || dead.contains(offset)) << offset << " is lost";
    }
    const SeqRanges completed = group_->completed(names_->index_of("shop"));
    ASSERT_EQ(completed.ranges().size(), 1U);
    ASSERT_EQ(completed.ranges()[0], (transport::SeqRange{1, known_.size()}));
  }

  void run(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rng_.seed(seed);
    disk_ = {};
    known_.clear();
    flights_.clear();
    lost_.clear();
    credits_.clear();
    taken_.reset();
    acked_tags_.clear();
    seqs_.clear();
    GroupOptions options = patient();
    options.policy.max_retries = kMaxRetries;
    if (seed % 3 == 0) options.policy.message_ttl_ms = 5'000;
    if (seed % 2 == 0) options.limits.cached_events = 3;
    if (seed % 5 == 0) options.limits.window = 8;
    if (seed % 7 == 0) options.limits.deferred = 6;
    start(options);
    for (int i = 0; i < 400; ++i) {
      random_ = rng_();
      step();
      if (HasFatalFailure()) return;
    }
    finish();
  }

  std::mt19937_64 rng_;
  std::map<Offset, Known> known_;
  std::map<std::uint64_t, Handout> flights_;  // by tag
  std::map<ConsumerIndex, std::set<domain::Seq>> lost_;
  std::map<ConsumerIndex, std::size_t> credits_;
  std::map<std::uint64_t, domain::Seq> acked_tags_;
  std::optional<GroupChange> taken_;
};

TEST_F(ConsumerGroupModelTest, G7G11NothingIsLostReorderedOrCountedForNothing) {
  const std::uint64_t seed = std::random_device()();
  for (std::uint64_t i = 0; i < 300 && !HasFatalFailure(); ++i) run(seed + i);
}

}  // namespace
}  // namespace outboxd::broker
