// Replies that wait until the group that they depend on is durable (G1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

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

  // Sends them all and is empty afterwards; the memory is kept for the next group.
  void release(transport::Server& server) {
    const std::string_view bytes = bytes_;
    for (const Result& held : results_) {
      server.reply(held.to, bytes.substr(held.offset, held.length));
    }
    for (const Failure& held : errors_) server.reply_error(held.to, held.error);
    results_.clear();
    errors_.clear();
    bytes_.clear();
  }

  [[nodiscard]] std::size_t size() const { return results_.size() + errors_.size(); }

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

  std::string bytes_;
  std::vector<Result> results_;
  std::vector<Failure> errors_;
};

}  // namespace outboxd::daemon
