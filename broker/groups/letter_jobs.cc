#include "broker/groups/letter_jobs.h"

#include <string>
#include <utility>

#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

// Of one change: replayed letters take their envelopes along.
constexpr std::size_t kMaxLetters = 256;
constexpr std::size_t kMaxBytes = 1 << 20;

Offset end_of(const Engine& engine, const std::string& topic) {
  for (const TopicInfo& info : engine.topics()) {
    if (info.topic == topic) return info.next_offset;
  }
  return 1;
}

domain::Error no_letter(Offset letter) {
  return {domain::ErrorCode::kNotFound, "there is no dead letter " + std::to_string(letter),
          "offset"};
}

}  // namespace

void LetterJobs::add(LetterAction action, const ConsumerGroup& group, std::optional<Offset> letter,
                     Done done) {
  Job job{.action = action, .letter = letter, .done = std::move(done)};
  if (letter) {
    job.next = *letter;
    job.end = *letter + 1;
  } else {
    // What dies again while it is at work is not its business.
    job.end = end_of(engine_, transport::dead_topic(group.id().topic, group.id().group));
  }
  jobs_[group.id()].push_back(std::move(job));
}

void LetterJobs::stage(ConsumerGroup& group) {
  if (group.committing()) return;
  while (true) {
    const auto jobs = jobs_.find(group.id());
    if (jobs == jobs_.end()) return;
    Job& job = jobs->second.front();
    const domain::Result<std::size_t> staged = stage_some(group, job);
    if (!staged) {
      finish(group.id(), staged.error());
    } else if (*staged > 0) {
      job.settled += *staged;
      return;
    } else if (job.letter) {
      finish(group.id(), no_letter(*job.letter));
    } else {
      finish(group.id(), job.settled);
    }
  }
}

domain::Result<std::size_t> LetterJobs::stage_some(ConsumerGroup& group, Job& job) const {
  std::size_t staged = 0;
  std::size_t bytes = 0;
  if (job.next >= job.end) return staged;
  const auto visit = [&](Offset offset, const DeadLetter& letter) {
    if (offset >= job.end) return false;
    job.next = offset + 1;
    const bool taken =
        job.action == LetterAction::kReplay ? group.replay(offset, letter) : group.discard(offset);
    if (taken) {
      ++staged;
      bytes += letter.envelope.size();
    }
    return staged < kMaxLetters && bytes < kMaxBytes;
  };
  OUTBOXD_TRY(engine_.read_dead(group.id(), job.next, visit));
  return staged;
}

void LetterJobs::durable(const ConsumerGroup& group) {
  const auto jobs = jobs_.find(group.id());
  if (jobs == jobs_.end()) return;
  const Job& job = jobs->second.front();
  if (job.letter && job.settled > 0) finish(group.id(), job.settled);
}

void LetterJobs::finish(const GroupId& id, domain::Result<std::size_t> result) {
  const auto jobs = jobs_.find(id);
  const Done done = std::move(jobs->second.front().done);
  jobs->second.pop_front();
  if (jobs->second.empty()) jobs_.erase(jobs);
  done(std::move(result));
}

}  // namespace outboxd::broker
