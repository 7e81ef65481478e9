// Hands what a file asks for to the daemon, many requests at a time, until all of it is settled.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "client/client.h"
#include "client/import/source.h"

namespace outboxd::ctl {

struct ImportReport {
  std::uint64_t created = 0;
  std::uint64_t replayed = 0;  // orders that were there already, with the same content
  std::uint64_t cancelled = 0;
  std::uint64_t cancellations_replayed = 0;
  std::uint64_t rows = 0;                         // of the file, whatever became of them
  std::map<std::string, std::uint64_t> rejected;  // rows by reason
  std::uint64_t empty_orders = 0;                 // all of whose rows were rejected
  std::uint64_t resent = 0;                       // requests sent again
  std::uint64_t connections_lost = 0;

  [[nodiscard]] std::uint64_t rejected_rows() const;
  // Every order created or cancelled is one event.
  [[nodiscard]] std::uint64_t events() const { return created + cancelled; }
};

// Runs once. A lost connection, a daemon that says "later" and an unknown outcome are met by
// sending the same again, which changes nothing twice (G4), with a growing pause, until nothing has
// been settled for `options.timeout`. An order is cancelled only after its creation is settled. One
// thread; the source outlives the run.
class ImportRun {
 public:
  using OnRejection = std::function<void(const order_import::Rejection&)>;
  using OnProgress = std::function<void(const ImportReport&)>;

  ImportRun(order_import::Source& source, client::Options options, OnRejection on_rejection,
            OnProgress on_progress)
      : source_(source),
        options_(std::move(options)),
        on_rejection_(std::move(on_rejection)),
        on_progress_(std::move(on_progress)) {}

  // Everything in the file is settled, or the failure that ended the run before; `report` tells
  // what was done in either case. A source that fails is a kRefused with its code, and
  // `source_failed`.
  client::Status run();

  [[nodiscard]] const ImportReport& report() const { return report_; }
  [[nodiscard]] bool source_failed() const { return source_failed_; }

 private:
  using Request = order_import::ImportRequest;

  client::Status ensure_connected();
  client::Status fill();
  client::Result<std::optional<Request>> next_request();
  client::Status settle(client::Reply reply);
  void count_done(const Request& request, const client::Json& result);
  void reject(const order_import::Rejection& rejection);
  // The connection is gone: what was in flight is to be sent again, in the same order.
  client::Status recover(const client::Failure& failure);
  // Waits before trying again; the failure when it has been tried for long enough.
  client::Status pause(const client::Failure& failure);
  [[nodiscard]] bool is_in_flight(const std::string& order_id) const;

  order_import::Source& source_;
  const client::Options options_;
  const OnRejection on_rejection_;
  const OnProgress on_progress_;

  std::optional<client::Client> client_;
  std::map<client::MsgId, Request> in_flight_;  // in the order of sending
  std::deque<Request> again_;                   // to be sent before anything new
  std::optional<Request> held_;                 // a cancellation whose order is in flight
  std::optional<client::Failure> put_off_;      // the daemon said "later"
  std::chrono::steady_clock::time_point last_settled_;
  std::chrono::milliseconds next_pause_{0};
  ImportReport report_;
  bool source_failed_ = false;
};

}  // namespace outboxd::ctl
