// What the simulated daemon does for a living: makes events, and consumes those of others.
#include "daemon/payments/payments_module.h"
#include "domain/check.h"
#include "tests/simulation/daemon_process.h"
#include "transport/msgpack/envelope.h"
#include "transport/msgpack/writer.h"

namespace outboxd::simulation {
namespace {

constexpr std::uint64_t kKeys = 3;
constexpr std::uint64_t kMostCredit = 5;
constexpr std::uint32_t kFailures = 2;  // of Fate::kFailsTwice

Fate draw_fate(Random& random) {
  const std::uint64_t number = random.below(40);
  if (number < 4) return Fate::kFailsTwice;
  if (number < 6) return Fate::kAlwaysFails;
  if (number < 7) return Fate::kRefused;
  if (number < 8) return Fate::kKillsConsumer;
  return Fate::kFine;
}

std::string envelope_of(const Event& event, domain::TimestampMs now_ms) {
  std::string data;
  transport::Writer(data).unsigned_integer(event.serial);
  transport::Envelope envelope;
  envelope.time_ms = now_ms;
  envelope.topic = event.topic;
  envelope.key = event.key;
  envelope.type = "news";
  envelope.data = data;
  return transport::encode_envelope(envelope).value();
}

}  // namespace

void DaemonProcess::subscribe_all() {
  const auto take_part = [this](std::string_view topic, std::string_view group) {
    inbox_.subscribe(std::string(topic), std::string(group), 1 + world_.random.below(kMostCredit),
                     *this);
  };
  take_part(kNotes, kReadingGroup);
  if (box_ == kTill) {
    take_part(kPayments, kSettlingGroup);
    return take_part(kDeadPayments, kSettlingGroup);
  }
  take_part(kOrders, kPayingGroup);
  take_part(kDeadOrders, kPayingGroup);
}

void DaemonProcess::write_order() {
  Event order{.box = box_, .topic = kOrders};
  order.key = "key-" + std::to_string(world_.random.below(kKeys));
  order.fate = draw_fate(world_.random);
  order.amount = 1 + static_cast<std::int64_t>(world_.random.below(9));
  store_.write([amount = order.amount](BoxState& state) { state.held += amount; });
  store_event(std::move(order));
}

void DaemonProcess::write_note(std::string_view topic) {
  Event note{.box = box_, .topic = topic};
  note.key = "key-" + std::to_string(world_.random.below(kKeys));
  note.fate = draw_fate(world_.random);
  if (note.fate == Fate::kKillsConsumer) note.fate = Fate::kFine;  // orders do that enough
  store_event(std::move(note));
}

void DaemonProcess::store_event(Event event) {
  const Event& added = world_.witness.add(std::move(event));
  store_.append({added.serial, added.topic, envelope_of(added, world_.clock.wall_ms())});
}

void DaemonProcess::consume(const daemon::InboxEvent& event, daemon::DeliveryId delivery) {
  const auto serial = serial_in(event.envelope, document_);
  OUTBOXD_CHECK(serial);
  const Route route{event.topic, event.group};
  world_.witness.on_consume(box_, route, *serial, event.attempt);
  jobs_.push_back(
      {.delivery = delivery, .route = route, .serial = *serial, .attempt = event.attempt});
}

// Jobs take their time, and end in any order.
void DaemonProcess::work() {
  while (!jobs_.empty() && !is_dying_ && world_.random.chance(0.6)) {
    const auto place =
        jobs_.begin() + static_cast<std::ptrdiff_t>(world_.random.below(jobs_.size()));
    const Job job = *place;
    jobs_.erase(place);
    work_on(job);
  }
}

void DaemonProcess::work_on(const Job& job) {
  const Event& event = world_.witness.event(job.serial);
  if (job.is_charged) return commit(job);
  if (job.route.topic == kDeadOrders) return work_on_dead_order(job, event.fate);
  if (event.fate == Fate::kKillsConsumer) {
    is_dying_ = true;
  } else if (event.fate == Fate::kAlwaysFails ||
             (event.fate == Fate::kFailsTwice && job.attempt <= kFailures)) {
    world_.witness.on_given_back(job.route, job.serial);
    inbox_.retry(job.delivery, "not now");
  } else if (event.fate == Fate::kRefused) {
    world_.witness.on_refused(job.route, job.serial);
    inbox_.bury(job.delivery, "never");
  } else if (job.route.topic == kOrders) {
    charge(job);
  } else {
    commit(job);
  }
}

// As daemon/payments/payments_module.cc has it.
void DaemonProcess::work_on_dead_order(const Job& job, Fate fate) {
  const bool is_asked = job.attempt <= daemon::PaymentsModule::kLastQuestions &&
                        world_.bug != PlantedBug::kPaymentsGiveUpUnasked;
  const bool is_answered = fate == Fate::kFine || fate == Fate::kFailsTwice;
  if (is_asked && fate == Fate::kKillsConsumer) {
    is_dying_ = true;
  } else if (is_asked && is_answered) {
    charge(job);
  } else {
    commit(job);
  }
}

// The gateway takes the money, and its answer is heard some time later.
void DaemonProcess::charge(Job job) {
  world_.witness.on_charged(job.serial);
  job.is_charged = true;
  jobs_.push_back(std::move(job));
}

void DaemonProcess::commit(const Job& job) {
  inbox_.commit(job.delivery, [this, job](domain::UnitOfWork&) {
    apply_effect(job);
    return domain::ok_status();
  });
}

void DaemonProcess::apply_effect(const Job& job) {
  store_.write([job](BoxState& state) { ++state.effects[{job.route.topic, job.serial}]; });
  const Event event = world_.witness.event(job.serial);
  if (job.route.topic == kOrders || job.route.topic == kDeadOrders) {
    return decide(event, job.is_charged);
  }
  if (job.route.topic == kPayments || job.route.topic == kDeadPayments) settle_order(event);
}

// An order that was decided stays so: the process that died of it may have paid it before.
void DaemonProcess::decide(const Event& order, bool is_paid) {
  if (store_.live().decided.contains(order.serial)) return;
  store_.write([serial = order.serial, amount = order.amount, is_paid](BoxState& state) {
    state.decided[serial] = is_paid;
    if (is_paid) state.taken += amount;
  });
  if (world_.bug == PlantedBug::kOutboxForgetsEvents && world_.random.chance(0.2)) return;
  store_event({.box = box_,
               .topic = kPayments,
               .key = order.key,
               .amount = order.amount,
               .order = order.serial,
               .is_paid = is_paid});
}

void DaemonProcess::settle_order(const Event& payment) {
  if (store_.live().decided.contains(payment.order)) return;
  store_.write([payment](BoxState& state) {
    state.decided[payment.order] = payment.is_paid;
    state.held -= payment.amount;
    (payment.is_paid ? state.spent : state.returned) += payment.amount;
  });
}

}  // namespace outboxd::simulation
