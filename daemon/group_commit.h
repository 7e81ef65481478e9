// The port to the group commit, for everything that commits without a request to answer.
#pragma once

#include <functional>

#include "domain/result.h"
#include "domain/unit_of_work.h"

namespace outboxd::daemon {

// Core thread only.
class GroupCommit {
 public:
  virtual ~GroupCommit() = default;

  // Runs inside a unit of work, once. An error discards everything that it wrote.
  using Effect = std::function<domain::Status(domain::UnitOfWork&)>;

  // Told once how it ended: ok when the effect is durable, the effect's own error otherwise. An
  // error that rests on what is not durable yet waits for that. What is never told is the failure
  // of a group: the process ends then (G10).
  using WhenDurable = std::function<void(const domain::Status&)>;

  // Runs `effect` now. `when_durable` is called later, or before apply() returns when there is
  // nothing to wait for.
  virtual void apply(const Effect& effect, WhenDurable when_durable) = 0;

  // Shows `read` what is stored, with everything that was decided and is not durable yet.
  virtual void look(const std::function<void(domain::UnitOfWork&)>& read) = 0;
};

}  // namespace outboxd::daemon
