// Dead letters that somebody decided about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "broker/engine.h"
#include "broker/groups/consumer_group.h"
#include "domain/result.h"

namespace outboxd::broker {

enum class LetterAction : std::uint8_t { kReplay, kDiscard };

// Replays and discards dead letters through their groups, a bounded number in each change, job
// after job. Router thread only.
class LetterJobs {
 public:
  // Called when all of it is durable, with the number of letters. Errors: not_found when the letter
  // that was asked for is not there (any more); internal when the engine cannot be read.
  using Done = std::function<void(domain::Result<std::size_t>)>;

  // `engine` must outlive it.
  explicit LetterJobs(const Engine& engine) : engine_(engine) {}

  // About one letter, or about all that are there now.
  void add(LetterAction action, const ConsumerGroup& group, std::optional<Offset> letter,
           Done done);

  // Puts the next letters of the group's first job into its next change. To be called before each
  // take_change().
  void stage(ConsumerGroup& group);

  // The group's change is durable.
  void durable(const ConsumerGroup& group);

 private:
  struct Job {
    LetterAction action = LetterAction::kReplay;
    std::optional<Offset> letter;
    Offset next = 1;
    Offset end = 1;           // behind the last letter that it is about
    std::size_t settled = 0;  // durably, but for the last of them
    Done done;
  };

  // How many letters it put into the group's change.
  domain::Result<std::size_t> stage_some(ConsumerGroup& group, Job& job) const;
  void finish(const GroupId& id, domain::Result<std::size_t> result);

  const Engine& engine_;
  std::map<GroupId, std::deque<Job>> jobs_;
};

}  // namespace outboxd::broker
