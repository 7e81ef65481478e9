// Which outbox entries are complete, each by the rule of its topic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/seq_ranges.h"
#include "domain/ids.h"

namespace outboxd::daemon {

// Entries of `topic` are complete when `group` has processed them; those of topics without a rule
// when the broker has them.
struct ConsumedBy {
  std::string topic;
  std::string group;
};

// Follows what the broker acknowledges and reports as consumed, and says up to where everything is
// complete (the watermark, below which entries are removed) and what is complete above that.
//
// For each entry above the watermark it remembers the rule of its topic, in a byte, for up to
// `max_known_entries`; beyond those it asks for them again (unknown_from) once the watermark gets
// there. What the broker reported is kept as ranges, bounded too: what was forgotten, the broker
// reports again after the next WELCOME.
//
// No I/O; core thread only.
class OutboxCompletion {
 public:
  struct Limits {
    std::size_t known_entries = 1 << 20;
    std::size_t ranges_per_topic = 100'000;
  };

  // Entries up to `completed_seq` are complete, and so are those in `above`.
  OutboxCompletion(std::vector<ConsumedBy> rules, domain::Seq completed_seq,
                   const std::vector<SeqRange>& above, Limits limits);
  OutboxCompletion(std::vector<ConsumedBy> rules, domain::Seq completed_seq,
                   const std::vector<SeqRange>& above)
      : OutboxCompletion(std::move(rules), completed_seq, above, Limits{}) {}

  [[nodiscard]] const std::vector<ConsumedBy>& rules() const { return rules_; }
  [[nodiscard]] bool is_consumed_topic(std::string_view topic) const {
    return rule_of(topic) != kAtBroker;
  }

  // Entry `seq` has just become durable; in the order of the sequence numbers.
  void note_stored(domain::Seq seq, std::string_view topic);

  // Entry `seq` went to the dead letters: nobody will consume it.
  void note_buried(domain::Seq seq);

  // The broker has everything up to `seq`.
  void delivered_through(domain::Seq seq);

  // Its group has processed every event of `topic` in the range.
  void consumed(std::string_view topic, SeqRange range);

  // Where to read on: the first entry whose topic must be known to go on, if there is one. Give
  // what is stored from there on to note_read(), and where the reading ended to
  // note_read_through(): entries that are not there were withdrawn.
  [[nodiscard]] std::optional<domain::Seq> unknown_from() const;
  void note_read(domain::Seq seq, std::string_view topic);
  void note_read_through(domain::Seq seq);

  // Every entry up to here is complete.
  [[nodiscard]] domain::Seq completed_seq() const { return completed_seq_; }

  // True when `seq` is complete, as far as is known.
  [[nodiscard]] bool is_complete(domain::Seq seq) const;

  // The first complete ranges above the watermark, for the store.
  [[nodiscard]] std::vector<SeqRange> above(std::size_t max_ranges) const;

 private:
  using Rule = std::uint8_t;  // place in rules_, or:
  static constexpr Rule kAtBroker = 255;

  [[nodiscard]] Rule rule_of(std::string_view topic) const;
  [[nodiscard]] domain::Seq known_through() const { return completed_seq_ + known_.size(); }
  [[nodiscard]] bool is_known_full() const { return known_.size() >= limits_.known_entries; }
  void advance();

  const std::vector<ConsumedBy> rules_;
  const Limits limits_;
  domain::Seq delivered_seq_;
  domain::Seq completed_seq_;
  std::deque<Rule> known_;           // of completed_seq_ + 1 and on
  SeqRanges earlier_;                // complete already when we started
  std::vector<SeqRanges> consumed_;  // by rule
};

}  // namespace outboxd::daemon
