// Knows everything that happens in a simulated world, and says when a guarantee is broken.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/engine.h"
#include "broker/groups/retry_policy.h"
#include "tests/contract/engine/memory_engine.h"
#include "tests/simulation/box_store.h"
#include "tests/simulation/story.h"
#include "transport/link/frames.h"
#include "transport/msgpack/value.h"

namespace outboxd::simulation {

// Where an event comes through to a consumer.
struct Route {
  std::string topic;
  std::string group;
};

// The guarantees are those of the README. Nobody in the world acts on what the witness knows.
class Witness {
 public:
  // The stores outlive it. The policy is that of topics whose events may die.
  Witness(std::array<const BoxStore*, 2> stores, const broker::RetryPolicy& policy)
      : stores_(stores), policy_(policy) {}

  // The first thing that was wrong; nothing: all is well.
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  void violated(std::string_view guarantee, const std::string& what);

  // An event is made; its serial is set.
  const Event& add(Event event);
  [[nodiscard]] const Event& event(std::uint64_t serial) const { return events_.at(serial - 1); }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }

  // The broker of the day.
  void watch(const broker::MemoryEngine& engine) { engine_ = &engine; }

  // A box has committed: looks at events that are new, entries that its watermark removed, and its
  // books.
  void on_box_durable(std::size_t box);

  // The broker's disk takes a batch.
  void on_append(const broker::AppendBatch& batch, std::int64_t now_ms);
  void on_acknowledged(std::size_t box, domain::Seq seq);
  void on_welcome(std::size_t box, std::uint64_t epoch);
  // The broker says DELIVER, SETTLED and COMPLETED to a box.
  void on_deliver(std::size_t box, std::uint64_t epoch, const transport::Delivery& delivery,
                  std::int64_t now_ms);
  void on_settled(std::uint64_t tag);
  void on_completed(std::size_t box, std::string_view topic, const transport::SeqRange& range);

  // A consumer is given an event that has no mark there; gives one back; dies.
  void on_consume(std::size_t box, const Route& route, std::uint64_t serial, std::uint32_t attempt);
  void on_given_back(const Route& route, std::uint64_t serial);
  void on_refused(const Route& route, std::uint64_t serial);
  // The payment gateway has taken an order's money, which it does once for each.
  void on_charged(std::uint64_t order) { charged_.insert(order); }
  void on_death(std::size_t box, std::uint64_t epoch);

  // What must have come of everything when the faults have stopped for long: nothing to say when it
  // has.
  [[nodiscard]] std::optional<std::string> unfinished() const;

 private:
  using Handed = std::pair<std::string, std::uint64_t>;  // topic, serial

  [[nodiscard]] const BoxState& durable(std::size_t box) const {
    return stores_.at(box)->durable();
  }
  [[nodiscard]] std::optional<std::uint64_t> serial_of(std::string_view producer,
                                                       domain::Seq seq) const;
  [[nodiscard]] bool is_resolved(const broker::GroupId& group, std::string_view producer,
                                 domain::Seq seq) const;
  [[nodiscard]] bool had_effect(std::string_view topic, std::uint64_t serial) const;
  [[nodiscard]] bool is_dead(const Route& route, const Event& event) const;
  void check_new(std::size_t box);
  void check_removed(std::size_t box, domain::Seq seq);
  void check_books(std::size_t box);
  void check_stored(const broker::NewEvent& event, const std::string& producer);
  void check_letter(const broker::GroupId& group, const broker::DeadLetter& letter);
  void check_order(const Route& route, const Event& event);
  [[nodiscard]] std::optional<std::string> unfinished(const Event& event) const;

  const std::array<const BoxStore*, 2> stores_;
  const broker::MemoryEngine* engine_ = nullptr;
  const broker::RetryPolicy policy_;
  std::optional<std::string> violation_;

  std::vector<Event> events_;                          // by serial
  std::vector<domain::Seq> seqs_;                      // of those that are durable, by serial
  std::array<std::vector<std::uint64_t>, 2> serials_;  // of what is durable, by sequence number
  std::array<domain::Seq, 2> removed_{};               // everything up to here is
  std::int64_t ordered_ = 0;                           // money of durable orders
  std::size_t payments_ = 0;                           // durable
  std::map<std::string, domain::Seq, std::less<>> appended_;  // last of each producer

  struct Sent {
    broker::GroupId group;
    std::string producer;
    domain::Seq seq = 0;
  };
  std::map<std::uint64_t, Sent> tags_;
  std::map<Handed, std::int64_t> first_sent_ms_;
  std::int64_t now_ms_ = 0;
  std::array<std::set<Handed>, 2> handed_;      // to the living process of a box
  std::array<std::uint64_t, 2> dead_epochs_{};  // processes up to these are no more
  std::map<Handed, std::uint32_t> failures_;    // at most so many attempts have failed
  std::set<Handed> refused_;                    // by a consumer, for good
  std::set<std::uint64_t> charged_;             // orders, in the gateway's own books
  transport::Document document_;                // scratch
};

// The serial that stands in an envelope's data. Nothing for an envelope that is not of this world.
std::optional<std::uint64_t> serial_in(std::string_view envelope, transport::Document& document);

// The place of the box in kBoxNames.
std::size_t box_called(std::string_view producer);

}  // namespace outboxd::simulation
