// Replies, and what else waits until the group that it depends on is durable (G1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/group_commit.h"
#include "domain/result.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// The replies of one group, in one buffer. Core thread only.
class HeldReplies {
 public:
  void hold(transport::ReplyAddress to, std::string_view result) {
    results_.push_back({to, bytes_.size(), result.size()});
    bytes_.append(result);
  }

  void hold_error(transport::ReplyAddress to, domain::Error error) {
    errors_.push_back({to, std::move(error)});
  }

  void hold(GroupCommit::WhenDurable told, domain::Status status) {
    told_.push_back({std::move(told), std::move(status)});
  }

  // Sends the replies, then tells the others, and is empty afterwards; the memory of the replies is
  // kept for the next group. Whoever is told may hold more in here.
  void release(transport::Server& server) {
    const std::string_view bytes = bytes_;
    for (const Result& held : results_) {
      server.reply(held.to, bytes.substr(held.offset, held.length));
    }
    for (const Failure& held : errors_) server.reply_error(held.to, held.error);
    results_.clear();
    errors_.clear();
    bytes_.clear();
    release();
  }

  // The same without replies.
  void release() {
    OUTBOXD_CHECK(results_.empty() && errors_.empty());
    for (const Told& held : std::exchange(told_, {})) held.when_durable(held.status);
  }

  [[nodiscard]] std::size_t size() const { return results_.size() + errors_.size() + told_.size(); }

 private:
  struct Result {
    transport::ReplyAddress to;
    std::size_t offset;
    std::size_t length;
  };
  struct Failure {
    transport::ReplyAddress to;
    domain::Error error;
  };

  struct Told {
    GroupCommit::WhenDurable when_durable;
    domain::Status status;
  };

  std::string bytes_;
  std::vector<Told> told_;
  std::vector<Result> results_;
  std::vector<Failure> errors_;
};

}  // namespace outboxd::daemon
