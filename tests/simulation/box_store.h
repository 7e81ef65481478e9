// The database of a simulated box.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/group_commit.h"
#include "domain/unit_of_work.h"
#include "transport/link/frames.h"

namespace outboxd::simulation {

struct StoredEntry {
  std::uint64_t serial = 0;
  std::string_view topic;
  std::string envelope;
};

// What is in the database.
struct BoxState {
  domain::Seq next_seq = 1;
  domain::Seq completed_seq = 0;
  std::vector<transport::SeqRange> complete_above;
  std::map<domain::Seq, StoredEntry> outbox;
  std::map<domain::Seq, std::uint64_t> chains;  // of what is not complete, withdrawn or not
  std::uint64_t chain = 0;                      // of the newest event
  std::string history;                          // of the broker that the box knows
  std::map<domain::Seq, StoredEntry> dead;
  std::set<domain::InboxKey> marks;

  // How often an event had an effect here, by the topic and group through which it came.
  std::map<std::pair<std::string, std::uint64_t>, int> effects;
  std::map<std::uint64_t, bool> decided;  // orders, by serial: paid or given up
  std::int64_t held = 0;                  // money of orders that wait, at the till
  std::int64_t spent = 0;                 // of orders that were paid, at the till
  std::int64_t returned = 0;              // of orders that were given up, at the till
  std::int64_t taken = 0;                 // at the office
};

// Group commit as the daemon does it: one group is built while one is written. What is written
// counts at once for those who look, and survives a crash once it is durable.
class BoxStore : public daemon::GroupCommit {
 public:
  using Write = std::function<void(BoxState&)>;

  // With everything accepted so far.
  [[nodiscard]] const BoxState& live() const { return live_; }
  [[nodiscard]] const BoxState& durable() const { return durable_; }

  // Joins the group being built; `when_durable` is told with it.
  void write(const Write& change, std::function<void()> when_durable = {});
  // Gives `entry` the next sequence number.
  void append(StoredEntry entry);

  void apply(const Effect& effect, WhenDurable when_durable) override;
  void look(const std::function<void(domain::UnitOfWork&)>& read) override;

  // Hands the group that is being built to the disk, unless it is busy.
  void seal();
  // The disk is done with the group, and what waits for that is told. False when it had none.
  bool sync();
  // Power cut. The group that was being written arrived, or did not.
  void crash(bool arrived);

  [[nodiscard]] bool is_idle() const { return building_.empty() && !writing_; }

  // Planted bugs.
  bool forgets_marks = false;
  bool tells_early = false;

 private:
  struct Group {
    std::vector<Write> changes;
    std::vector<std::function<void()>> told;
    [[nodiscard]] bool empty() const { return changes.empty() && told.empty(); }
  };
  class Work;

  void make_durable(const Group& group);

  BoxState live_;
  BoxState durable_;
  Group building_;
  std::optional<Group> writing_;
};

}  // namespace outboxd::simulation
