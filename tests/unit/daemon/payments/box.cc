#include "tests/unit/daemon/payments/box.h"

#include <chrono>
#include <optional>
#include <utility>

namespace outboxd::daemon {

using domain::GatewayAnswer;
using domain::Status;

class BooksCommits::Work : public domain::UnitOfWork,
                           private domain::OrderRepository,
                           private domain::PaymentRepository,
                           private domain::InboxMarks,
                           private domain::Outbox {
 public:
  Work(Books& books, const bool& is_readable) : books_(books), is_readable_(is_readable) {}

  domain::OrderRepository& orders() override { return *this; }
  domain::PaymentRepository& payments() override { return *this; }
  domain::InboxMarks& inbox() override { return *this; }
  domain::Outbox& outbox() override { return *this; }
  domain::ApplicationState& application_state() override { OUTBOXD_CHECK(false); }
  domain::RequestLog& requests() override { OUTBOXD_CHECK(false); }
  std::uint64_t revision() override { OUTBOXD_CHECK(false); }
  std::uint64_t depends_on() const override { return 0; }

 private:
  template <typename Entity>
  domain::Result<std::optional<Entity>> look_up(const std::map<std::string, Entity>& entities,
                                                const std::string& id) const {
    if (!is_readable_) return domain::Error{domain::ErrorCode::kInternal, "EIO", {}};
    const auto found = entities.find(id);
    return found == entities.end() ? std::optional<Entity>() : found->second;
  }

  domain::Result<std::optional<domain::OrderSnapshot>> find(const domain::OrderId& id) override {
    return look_up(books_.orders, id.text());
  }
  void put(const domain::OrderSnapshot& order) override {
    books_.orders.insert_or_assign(order.order_id.text(), order);
  }
  domain::Result<std::optional<domain::PaymentSnapshot>> find(
      const domain::PaymentId& id) override {
    return look_up(books_.payments, id.text());
  }
  void put(const domain::PaymentSnapshot& payment) override {
    books_.payments.insert_or_assign(payment.payment_id.text(), payment);
  }
  domain::Result<bool> contains(const domain::InboxKey& key) override {
    return books_.marks.contains(key);
  }
  void put(const domain::InboxKey& key, std::int64_t) override { books_.marks.insert(key); }
  void remove(const domain::InboxKey& key) override { books_.marks.erase(key); }
  domain::Seq append(domain::OutboxEntry entry) override {
    entry.seq = books_.outbox.size() + 1;
    books_.outbox.push_back(std::move(entry));
    return books_.outbox.back().seq;
  }
  void complete_through(domain::Seq) override { OUTBOXD_CHECK(false); }
  Status bury(domain::Seq, std::string_view, domain::TimestampMs) override { OUTBOXD_CHECK(false); }

  Books& books_;
  const bool& is_readable_;
};

BooksCommits::BooksCommits(Books& books)
    : books_(books), work_(std::make_unique<Work>(books, is_readable)) {}

BooksCommits::~BooksCommits() = default;

void BooksCommits::apply(const Effect& effect, WhenDurable when_durable) {
  Books before = books_;
  const Status status = effect(*work_);
  if (!status) books_ = std::move(before);
  when_durable(status);
}

void BooksCommits::look(const std::function<void(domain::UnitOfWork&)>& read) {
  read(*work_);
}

GatewayAnswer LedgerGateway::charge(const domain::ChargeRequest& request) {
  const std::lock_guard lock(mutex_);
  charge_calls_.push_back(request.idempotency_key);
  return answer(request.idempotency_key, Move::kCharge, request.amount);
}

GatewayAnswer LedgerGateway::refund(const domain::RefundRequest& request) {
  const std::lock_guard lock(mutex_);
  refund_calls_.push_back(request.idempotency_key);
  return answer(request.idempotency_key, Move::kRefund, request.amount);
}

GatewayAnswer LedgerGateway::answer(const std::string& key, Move move, domain::MinorUnits amount) {
  if (const auto known = settled_.find(key); known != settled_.end()) return known->second;
  GatewayAnswer answer{Verdict::kApproved, {}, "ledger-" + key};
  if (!next_.empty()) {
    answer = std::move(next_.front());
    next_.pop_front();
  } else if (decide_) {
    answer = decide_(move);
  }
  if (answer.verdict == Verdict::kUnavailable) return answer;
  if (answer.verdict == Verdict::kApproved) {
    (move == Move::kCharge ? charged_ : refunded_) += amount;
  }
  settled_.emplace(key, answer);
  return answer;
}

void LedgerGateway::decide(Decide decide) {
  const std::lock_guard lock(mutex_);
  decide_ = std::move(decide);
}

void LedgerGateway::answer_next(std::vector<GatewayAnswer> answers) {
  const std::lock_guard lock(mutex_);
  next_.assign(answers.begin(), answers.end());
}

domain::MinorUnits LedgerGateway::charged() const {
  const std::lock_guard lock(mutex_);
  return charged_;
}

domain::MinorUnits LedgerGateway::refunded() const {
  const std::lock_guard lock(mutex_);
  return refunded_;
}

std::vector<std::string> LedgerGateway::charge_calls() const {
  const std::lock_guard lock(mutex_);
  return charge_calls_;
}

std::vector<std::string> LedgerGateway::refund_calls() const {
  const std::lock_guard lock(mutex_);
  return refund_calls_;
}

// The core thread's queue: what the worker threads post waits here until the test runs it.
class Box::Answers {
 public:
  void post(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_all();
  }

  // Waits for the next job; a test whose answer never comes ends in the test's own time limit.
  std::function<void()> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !jobs_.empty(); });
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
};

struct Box::Life {
  class Channel : public DeliveryChannel {
   public:
    void subscribe(const std::string& topic, const std::string&, std::size_t credit) override {
      credits[topic] = credit;
    }
    void settle(std::vector<transport::OwnedSettlement> settlements) override {
      for (transport::OwnedSettlement& told : settlements) {
        settled.emplace(told.tag, Settled{told.outcome, std::move(told.reason)});
      }
    }

    std::map<std::uint64_t, Settled> settled;
    std::map<std::string, std::size_t> credits;  // by topic
  };
  class Elapsed : public domain::ElapsedTime {
   public:
    std::int64_t elapsed_ms() const override { return 1'000; }
  };

  Life(Box& box, std::uint64_t epoch)
      : inbox({.commits = box.commits_,
               .channel = channel,
               .elapsed = elapsed,
               .admit_write = [&box] { return box.admission; },
               .epoch = epoch}),
        calls(box.gateway_, 2,
              [&box](std::function<void()> job) { box.answers_->post(std::move(job)); }),
        module({.inbox = inbox,
                .commits = box.commits_,
                .payments = box.payments,
                .gateway = calls,
                .clock = box.clock,
                .gateway_workers = 2}),
        settlement(inbox, box.orders, box.producer) {
    module.subscribe();
    settlement.subscribe(16);
  }

  Channel channel;
  Elapsed elapsed;
  BrokerInbox inbox;
  GatewayCalls calls;
  PaymentsModule module;
  OrderSettlement settlement;
};

Box::Box(std::string name, LedgerGateway& gateway) : producer(std::move(name)), gateway_(gateway) {
  start();
}

Box::~Box() = default;

void Box::start() {
  life_.reset();
  answers_ = std::make_unique<Answers>();
  life_ = std::make_unique<Life>(*this, ++epoch_);
}

std::uint64_t Box::hand_over(const InboxEvent& event) {
  const std::uint64_t tag = next_tag_++;
  life_->inbox.deliver({{.tag = tag,
                         .topic = event.topic,
                         .group = event.group,
                         .attempt = event.attempt,
                         .producer = event.producer,
                         .seq = event.seq,
                         .envelope = event.envelope,
                         .reason = event.reason}});
  return tag;
}

Settled Box::deliver(const InboxEvent& event) {
  const std::uint64_t tag = hand_over(event);
  life_->inbox.flush();
  while (!life_->channel.settled.contains(tag)) hear_answer();
  return life_->channel.settled.at(tag);
}

void Box::hear_answer() {
  answers_->next()();
  life_->inbox.flush();
}

void Box::deliver_and_die(const InboxEvent& event) {
  hand_over(event);
  (void)answers_->next();  // the gateway has answered; nobody hears it
  start();
}

InboxEvent Box::event(domain::Seq seq, const std::string& group) const {
  const domain::OutboxEntry& entry = books.outbox.at(seq - 1);
  return {.topic = entry.topic,
          .group = group,
          .producer = producer,
          .seq = seq,
          .envelope = entry.envelope,
          .reason = {}};
}

std::vector<std::string> Box::event_types() const {
  std::vector<std::string> types;
  transport::Document document;
  for (const domain::OutboxEntry& entry : books.outbox) {
    types.emplace_back(transport::decode_envelope(entry.envelope, document).value().type);
  }
  return types;
}

const domain::OrderSnapshot& Box::order(const std::string& id) const {
  return books.orders.at(id);
}

const domain::PaymentSnapshot& Box::payment(const std::string& source,
                                            const std::string& order_id) const {
  return books.payments.at(
      domain::payment_id_of(source, domain::OrderId::parse(order_id).value()).text());
}

BrokerInbox& Box::inbox() {
  return life_->inbox;
}

std::size_t Box::credit_of(const std::string& topic) const {
  return life_->channel.credits.at(topic);
}

const PaymentCounters& Box::counters() const {
  return life_->module.counters();
}

domain::NewOrder order_over_2208(const std::string& order_id, const std::string& payment_method) {
  return {.order_id = domain::OrderId::parse(order_id).value(),
          .customer_id = domain::CustomerId::parse("c-1").value(),
          .payment_method = payment_method,
          .currency = domain::Currency::parse("GBP").value(),
          .lines = {{.sku = "85123A", .quantity = 6, .unit_price = 255},
                    {.sku = "71053", .quantity = 2, .unit_price = 339}}};
}

InboxEvent event_with(const std::string& producer, domain::Seq seq, const std::string& topic,
                      const std::string& group, const std::string& type, const std::string& data) {
  return {.topic = topic,
          .group = group,
          .producer = producer,
          .seq = seq,
          .envelope = transport::encode_envelope(
                          {.time_ms = 1, .topic = "t", .key = "k", .type = type, .data = data})
                          .value(),
          .reason = {}};
}

}  // namespace outboxd::daemon
