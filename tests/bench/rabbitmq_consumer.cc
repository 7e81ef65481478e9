#include "tests/bench/rabbitmq_consumer.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <amqp.h>
#include <amqp_framing.h>
#include <poll.h>

#include "tests/bench/errors.h"
#include "tests/bench/postgres_client.h"
#include "tests/bench/postgres_server.h"
#include "tests/bench/rabbitmq_link.h"
#include "tests/bench/rabbitmq_publisher.h"
#include "tests/bench/rabbitmq_server.h"
#include "tests/bench/sample_order.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kSchema =
    "CREATE TABLE processed_events (event_id text PRIMARY KEY);"
    "CREATE TABLE payments (payment_id text PRIMARY KEY, state text NOT NULL);"
    "CREATE TABLE outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT "
    "NULL)";
// An event that was processed before writes nothing at all. One statement, one round trip.
constexpr const char* kTransaction =
    "WITH fresh AS (INSERT INTO processed_events VALUES ($1) ON CONFLICT DO NOTHING RETURNING 1),"
    " paid AS (INSERT INTO payments SELECT $2, $3 FROM fresh)"
    " INSERT INTO outbox (event) SELECT $4 FROM fresh";

// More than what is being processed, so that no transaction waits for a delivery.
constexpr std::uint16_t kPrefetch = 1000;

struct Delivery {
  std::uint64_t tag;
  std::uint64_t order;
};

// The number of the order that the event is about.
std::uint64_t order_of(std::string_view event) {
  constexpr std::string_view kSubject = R"("subject":"o-)";
  const std::size_t at = event.find(kSubject);
  std::uint64_t number = 0;
  if (at == std::string_view::npos) throw BenchError("an event without subject");
  const std::string_view digits = event.substr(at + kSubject.size(), kOrderNumber.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// Takes deliveries, and acknowledges them in the order in which they came.
class Subscription {
 public:
  explicit Subscription(std::uint16_t port) : link_(port) {
    ::amqp_basic_qos(link_.get(), RabbitmqLink::kChannel, 0, kPrefetch, 0);
    link_.check_last("basic.qos");
    ::amqp_basic_consume(link_.get(), RabbitmqLink::kChannel, ::amqp_cstring_bytes(kRabbitmqQueue),
                         amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    link_.check_last("basic.consume");
  }

  int socket() const { return ::amqp_get_sockfd(link_.get()); }

  // The next delivery that has arrived, or nothing.
  std::optional<Delivery> next() {
    amqp_envelope_t envelope{};
    timeval at_once{.tv_sec = 0, .tv_usec = 0};
    ::amqp_maybe_release_buffers(link_.get());
    const amqp_rpc_reply_t reply = ::amqp_consume_message(link_.get(), &envelope, &at_once, 0);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        reply.library_error == AMQP_STATUS_TIMEOUT) {
      return std::nullopt;
    }
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw BenchError("rabbitmq stopped delivering");
    const amqp_bytes_t& body = envelope.message.body;
    const Delivery delivery{envelope.delivery_tag,
                            order_of({static_cast<const char*>(body.bytes), body.len})};
    ::amqp_destroy_envelope(&envelope);
    return delivery;
  }

  void note_committed(std::uint64_t tag) {
    if (is_committed_.size() <= tag) is_committed_.resize(tag + kPrefetch);
    is_committed_[tag] = true;
  }

  // One frame acknowledges everything that is committed without a gap.
  void acknowledge() {
    std::uint64_t last = acknowledged_;
    while (last + 1 < is_committed_.size() && is_committed_[last + 1]) ++last;
    if (last == acknowledged_) return;
    constexpr amqp_boolean_t kMultiple = 1;
    if (::amqp_basic_ack(link_.get(), RabbitmqLink::kChannel, last, kMultiple) != AMQP_STATUS_OK) {
      throw BenchError("rabbitmq closed the connection");
    }
    acknowledged_ = last;
  }

  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  RabbitmqLink link_;
  std::vector<bool> is_committed_;  // by tag, from 1
  std::uint64_t acknowledged_ = 0;
};

// As many transactions at a time as there are connections, on one thread.
class Consumer {
 public:
  Consumer(const PostgresServer& postgres, std::uint16_t rabbitmq_port, std::uint32_t transactions)
      : subscription_(rabbitmq_port), tags_(transactions) {
    for (std::uint32_t i = 0; i < transactions; ++i) {
      clients_.emplace_back(postgres.directory()).prepare(kTransaction);
      polled_.push_back({.fd = clients_.back().socket(), .events = POLLIN, .revents = 0});
      idle_.push_back(i);
    }
    polled_.push_back({.fd = subscription_.socket(), .events = 0, .revents = 0});
  }

  void run_until_acknowledged(std::uint64_t events) {
    while (subscription_.acknowledged() < events) {
      start_transactions();
      // Deliveries are of interest only while something could process them.
      polled_.back().events = idle_.empty() ? std::int16_t{0} : std::int16_t{POLLIN};
      const int ready = ::poll(polled_.data(), polled_.size(), kPatienceMs);
      if (ready < 0) throw_errno("poll");
      if (ready == 0) throw BenchError("neither a delivery nor a commit for 60 s");
      take_commits();
      subscription_.acknowledge();
    }
  }

 private:
  static constexpr int kPatienceMs = 60'000;

  void start_transactions() {
    while (!idle_.empty()) {
      const std::optional<Delivery> delivery = subscription_.next();
      if (!delivery) return;
      const std::size_t at = idle_.back();
      idle_.pop_back();
      tags_[at] = delivery->tag;
      clients_[at].send(event_id_.with(delivery->order), payment_id_.with(delivery->order),
                        state_.with(delivery->order), event_.with(delivery->order));
    }
  }

  void take_commits() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (polled_[i].revents == 0 || tags_[i] == 0 || !clients_[i].receive()) continue;
      subscription_.note_committed(tags_[i]);
      tags_[i] = 0;
      idle_.push_back(i);
    }
  }

  Subscription subscription_;
  std::vector<PostgresClient> clients_;
  std::vector<pollfd> polled_;       // the clients', then the subscription's
  std::vector<std::uint64_t> tags_;  // what each client processes; 0: nothing
  std::vector<std::size_t> idle_;
  NumberedText event_id_{"till-1:" + std::string(kOrderNumber)};
  NumberedText payment_id_{"p-" + std::string(kOrderNumber)};
  NumberedText state_{sample_state()};
  NumberedText event_{sample_event()};
};

}  // namespace

LoadResult measure_rabbitmq_consumer(const Settings& settings, std::uint64_t events,
                                     std::uint32_t transactions) {
  const PostgresServer postgres(settings, kSchema);
  const RabbitmqServer rabbitmq(settings);
  RabbitmqPublisher(rabbitmq.port()).publish(events);
  const auto begin = Clock::now();
  Consumer(postgres, rabbitmq.port(), transactions).run_until_acknowledged(events);
  const std::chrono::duration<double> elapsed = Clock::now() - begin;
  return {events, elapsed.count()};
}

}  // namespace outboxd::bench
