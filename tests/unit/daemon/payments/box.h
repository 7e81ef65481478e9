// A daemon without its threads and its disk: modules, inbox, services and an outbox over books that
// the test can read, and a payment gateway that keeps a ledger.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/group_commit.h"
#include "daemon/inbox/broker_inbox.h"
#include "daemon/order_settlement.h"
#include "daemon/outbox_publisher.h"
#include "daemon/payments/payments_module.h"
#include "daemon/services/order_service.h"
#include "daemon/services/payment_service.h"
#include "domain/payment_gateway.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {

// Everything that a box has on its disk.
struct Books {
  std::map<std::string, domain::OrderSnapshot> orders;
  std::map<std::string, domain::PaymentSnapshot> payments;
  std::set<domain::InboxKey> marks;
  std::vector<domain::OutboxEntry> outbox;
};

// A unit of work straight on the books: every effect is durable at once, or undone.
class BooksCommits : public GroupCommit {
 public:
  explicit BooksCommits(Books& books);
  ~BooksCommits() override;

  void apply(const Effect& effect, WhenDurable when_durable) override;
  void look(const std::function<void(domain::UnitOfWork&)>& read) override;

  bool is_readable = true;

 private:
  class Work;
  Books& books_;
  std::unique_ptr<Work> work_;
};

// Remembers what each idempotency key came to, as a real gateway does, and moves money once for
// each. Approves what it was not told to answer otherwise. Any thread.
class LedgerGateway : public domain::PaymentGateway {
 public:
  using Verdict = domain::GatewayAnswer::Verdict;
  enum class Move : std::uint8_t { kCharge, kRefund };
  using Decide = std::function<domain::GatewayAnswer(Move)>;

  domain::GatewayAnswer charge(const domain::ChargeRequest& request) override;
  domain::GatewayAnswer refund(const domain::RefundRequest& request) override;

  void decide(Decide decide);
  // All of these verdicts come next, one for each call that moves no money yet.
  void answer_next(std::vector<domain::GatewayAnswer> answers);

  [[nodiscard]] domain::MinorUnits charged() const;
  [[nodiscard]] domain::MinorUnits refunded() const;
  [[nodiscard]] std::vector<std::string> charge_calls() const;  // their keys
  [[nodiscard]] std::vector<std::string> refund_calls() const;

 private:
  domain::GatewayAnswer answer(const std::string& key, Move move, domain::MinorUnits amount);

  mutable std::mutex mutex_;
  Decide decide_;
  std::deque<domain::GatewayAnswer> next_;
  std::map<std::string, domain::GatewayAnswer> settled_;  // by key
  domain::MinorUnits charged_ = 0;
  domain::MinorUnits refunded_ = 0;
  std::vector<std::string> charge_calls_;
  std::vector<std::string> refund_calls_;
};

// What the broker was told about a delivery.
struct Settled {
  transport::Outcome outcome;
  std::string reason;

  friend bool operator==(const Settled&, const Settled&) = default;
};

class Box {
 public:
  Box(std::string producer, LedgerGateway& gateway);
  ~Box();

  // Hands `event` to whoever consumes its (topic, group), and waits until it is settled.
  Settled deliver(const InboxEvent& event);

  // Hands it over only; returns its tag.
  std::uint64_t hand_over(const InboxEvent& event);

  // Waits for the gateway's next answer and lets the module hear it.
  void hear_answer();

  // Hands it over, lets the gateway answer, and dies before the answer is committed.
  void deliver_and_die(const InboxEvent& event);

  // Runs `use_case` as a request would.
  template <typename UseCase>
  void request(UseCase use_case) {
    commits_.apply([&](domain::UnitOfWork& work) { return use_case(*this, work); },
                   [](const domain::Status& status) { OUTBOXD_CHECK(status.ok()); });
  }

  // The outbox entry `seq` as an event on its way to `group`.
  [[nodiscard]] InboxEvent event(domain::Seq seq, const std::string& group) const;

  [[nodiscard]] std::vector<std::string> event_types() const;  // of the outbox
  [[nodiscard]] const domain::OrderSnapshot& order(const std::string& id) const;
  [[nodiscard]] const domain::PaymentSnapshot& payment(const std::string& source,
                                                       const std::string& order_id) const;

  const std::string producer;
  Books books;
  SetClock clock;
  OutboxPublisher::Backlog backlog{.max_entries = 1'000'000};
  OutboxPublisher publisher{backlog};
  OrderService orders{publisher, clock};
  PaymentService payments{publisher, clock};
  domain::Status admission = domain::ok_status();

  [[nodiscard]] BooksCommits& commits() { return commits_; }
  [[nodiscard]] BrokerInbox& inbox();
  [[nodiscard]] const PaymentCounters& counters() const;
  [[nodiscard]] std::size_t credit_of(const std::string& topic) const;  // of the subscription

 private:
  struct Life;  // what a start of the process makes, and its death ends
  class Answers;

  void start();

  LedgerGateway& gateway_;
  BooksCommits commits_{books};
  std::unique_ptr<Answers> answers_;
  std::unique_ptr<Life> life_;
  std::uint64_t epoch_ = 0;
  std::uint64_t next_tag_ = 1;
};

// An order of two lines over 2208 minor units.
domain::NewOrder order_over_2208(const std::string& order_id,
                                 const std::string& payment_method = "pm_ok");

// An event of `producer` on `topic` that holds `data`.
InboxEvent event_with(const std::string& producer, domain::Seq seq, const std::string& topic,
                      const std::string& group, const std::string& type, const std::string& data);

}  // namespace outboxd::daemon
