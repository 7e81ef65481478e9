#include "tests/simulation/witness.h"

#include <algorithm>

#include "domain/check.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::simulation {
namespace {

std::string described(const Event& event) {
  return std::string(kBoxNames.at(event.box)) + "'s event " + std::to_string(event.serial) +
         " on " + std::string(event.topic) + ", key " + event.key;
}

}  // namespace

std::optional<std::uint64_t> serial_in(std::string_view envelope, transport::Document& document) {
  const auto decoded = transport::decode_envelope(envelope, document);
  if (!decoded) return std::nullopt;
  transport::Document data;
  const auto value = data.decode(decoded->data);
  return value ? value->as_unsigned() : std::nullopt;
}

std::size_t box_called(std::string_view producer) {
  const auto place = std::find(kBoxNames.begin(), kBoxNames.end(), producer);
  OUTBOXD_CHECK(place != kBoxNames.end());
  return static_cast<std::size_t>(place - kBoxNames.begin());
}

void Witness::violated(std::string_view guarantee, const std::string& what) {
  if (!violation_) violation_ = std::string(guarantee) + ": " + what;
}

const Event& Witness::add(Event event) {
  event.serial = events_.size() + 1;
  events_.push_back(std::move(event));
  seqs_.push_back(0);
  return events_.back();
}

std::optional<std::uint64_t> Witness::serial_of(std::string_view producer, domain::Seq seq) const {
  const auto& serials = serials_.at(box_called(producer));
  if (seq == 0 || seq > serials.size()) return std::nullopt;
  return serials[seq - 1];
}

// ---- Boxes -------------------------------------------------------------------------------------

void Witness::on_box_durable(std::size_t box) {
  check_new(box);
  for (domain::Seq seq = removed_.at(box) + 1; seq <= durable(box).completed_seq; ++seq) {
    check_removed(box, seq);
    removed_.at(box) = seq;
  }
  check_books(box);
}

void Witness::check_new(std::size_t box) {
  auto& serials = serials_.at(box);
  for (domain::Seq seq = serials.size() + 1; seq < durable(box).next_seq; ++seq) {
    const auto entry = durable(box).outbox.find(seq);
    if (entry == durable(box).outbox.end()) return violated("G3", "a sequence number is missing");
    const Event& event = events_.at(entry->second.serial - 1);
    serials.push_back(event.serial);
    seqs_.at(event.serial - 1) = seq;
    if (event.topic == kOrders) ordered_ += event.amount;
    if (event.topic == kPayments) ++payments_;
  }
}

void Witness::check_removed(std::size_t box, domain::Seq seq) {
  if (durable(box).dead.contains(seq)) return;
  const auto serial = serial_of(kBoxNames.at(box), seq);
  if (!serial) return violated("G5", "what never was is complete");
  const Event& event = events_.at(*serial - 1);
  const auto position = engine_->look().producers.find(kBoxNames.at(box));
  const bool is_there =
      position != engine_->look().producers.end() && position->second.last_seq >= seq;
  const bool is_complete =
      event.topic == kOrders
          ? is_resolved({std::string(kOrders), std::string(kPayingGroup)}, kBoxNames.at(box), seq)
          : is_there;
  if (!is_complete) violated("G5", described(event) + " was removed too early");
}

void Witness::check_books(std::size_t box) {
  const BoxState& state = durable(box);
  if (box == kTill) {
    if (state.held + state.spent + state.returned != ordered_) {
      violated("G9", "the till's money is not that of its orders");
    }
    return;
  }
  std::int64_t taken = 0;
  for (const auto& [order, is_paid] : state.decided) {
    if (is_paid) taken += events_.at(order - 1).amount;
    if (is_paid != charged_.contains(order)) {
      violated("G9", "the gateway " + std::string(is_paid ? "never charged " : "has charged ") +
                         described(events_.at(order - 1)) +
                         (is_paid ? ", which is paid" : ", which was given up"));
    }
  }
  if (state.taken != taken) violated("G9", "the office took other money than its orders'");
  if (payments_ != state.decided.size()) {
    violated("G2", "the office has decided " + std::to_string(state.decided.size()) +
                       " orders and told " + std::to_string(payments_));
  }
  for (const auto& [handed, times] : state.effects) {
    if (times > 1) violated("G8", described(events_.at(handed.second - 1)) + " had two effects");
  }
}

// ---- The broker's disk -------------------------------------------------------------------------

void Witness::on_append(const broker::AppendBatch& batch, std::int64_t now_ms) {
  now_ms_ = now_ms;
  for (const broker::NewEvent& event : batch.events) {
    check_stored(event, batch.positions.at(event.position).producer);
  }
  for (const broker::ProducerPosition& position : batch.positions) {
    domain::Seq& last = appended_[position.producer];
    if (position.last_seq < last) violated("G6", "a producer's position at the broker went back");
    last = position.last_seq;
  }
  for (const broker::GroupChange& change : batch.groups) {
    for (const broker::DeadLetter& letter : change.bury) check_letter(change.id, letter);
  }
}

void Witness::check_stored(const broker::NewEvent& event, const std::string& producer) {
  domain::Seq& last = appended_[producer];
  const std::string name = producer + "/" + std::to_string(event.seq);
  if (event.seq <= last) return violated("G3", name + " was stored twice, or out of order");
  for (domain::Seq seq = last + 1; seq < event.seq; ++seq) {
    if (!durable(box_called(producer)).dead.contains(seq)) {
      return violated("G3", producer + "/" + std::to_string(seq) + " was left out");
    }
  }
  last = event.seq;
  const auto serial = serial_of(producer, event.seq);
  if (!serial) return violated("G3", name + " is at the broker, but not on its box's disk");
  if (serial_in(event.envelope, document_) != serial) violated("G3", name + " is another event");
}

void Witness::check_letter(const broker::GroupId& group, const broker::DeadLetter& letter) {
  const auto serial = serial_of(letter.producer, letter.seq);
  if (!serial) return violated("G5", "a dead letter of nothing");
  const Handed handed{group.topic, *serial};
  const std::string name = described(events_.at(*serial - 1));
  if (letter.attempts > failures_[handed]) {
    return violated("G11", name + " died of " + std::to_string(letter.attempts) +
                               " failures, and had " + std::to_string(failures_[handed]));
  }
  const bool is_too_old = policy_.message_ttl_ms && first_sent_ms_.contains(handed) &&
                          now_ms_ - first_sent_ms_[handed] >= *policy_.message_ttl_ms;
  if (!refused_.contains(handed) && !policy_.exhausted(letter.attempts) && !is_too_old) {
    violated("G11", name + " died of nothing");
  }
}

bool Witness::is_resolved(const broker::GroupId& id, std::string_view producer,
                          domain::Seq seq) const {
  const auto& contents = engine_->look();
  const auto topic = contents.topics.find(id.topic);
  const auto group = contents.groups.find(id);
  if (topic == contents.topics.end() || group == contents.groups.end()) return false;
  for (std::size_t i = 0; i < topic->second.size(); ++i) {
    if (topic->second[i].producer != producer || topic->second[i].seq != seq) continue;
    const broker::Offset offset = i + 1;
    const bool is_passed = offset < group->second.cursor || group->second.done.contains(offset);
    return is_passed && !group->second.deferred.contains(offset);
  }
  return false;
}

// ---- The link ----------------------------------------------------------------------------------

void Witness::on_acknowledged(std::size_t box, domain::Seq seq) {
  const auto position = engine_->look().producers.find(kBoxNames.at(box));
  if (position == engine_->look().producers.end() || position->second.last_seq < seq) {
    violated("G6", "acknowledged, but not durable at the broker");
  }
}

void Witness::on_welcome(std::size_t box, std::uint64_t epoch) {
  const auto position = engine_->look().producers.find(kBoxNames.at(box));
  if (position == engine_->look().producers.end() || position->second.epoch != epoch) {
    violated("G12", "welcomed with an epoch that is not durable at the broker");
  }
}

void Witness::on_deliver(std::size_t box, std::uint64_t epoch, const transport::Delivery& delivery,
                         std::int64_t now_ms) {
  const auto serial = serial_of(delivery.producer, delivery.seq);
  if (!serial) return violated("G3", "an event is delivered that its box does not have");
  const Handed handed{std::string(delivery.topic), *serial};
  tags_[delivery.tag] = {{std::string(delivery.topic), std::string(delivery.group)},
                         std::string(delivery.producer),
                         delivery.seq};
  if (epoch > dead_epochs_.at(box)) {
    handed_.at(box).insert(handed);
  } else {
    ++failures_[handed];  // the broker has not heard of the death yet
  }
  first_sent_ms_.try_emplace(handed, now_ms);
}

void Witness::on_settled(std::uint64_t tag) {
  const auto sent = tags_.find(tag);
  if (sent == tags_.end()) return violated("G8", "SETTLED for what was never delivered");
  const auto& [group, producer, seq] = sent->second;
  if (!is_resolved(group, producer, seq)) violated("G8", "SETTLED, but not durable at the broker");
}

void Witness::on_completed(std::size_t box, std::string_view topic,
                           const transport::SeqRange& range) {
  const auto log = engine_->look().topics.find(topic);
  if (log == engine_->look().topics.end()) return;
  for (const auto& event : log->second) {
    if (event.producer != kBoxNames.at(box)) continue;
    if (event.seq < range.first || event.seq > range.last) continue;
    if (!is_resolved({std::string(topic), std::string(kPayingGroup)}, event.producer, event.seq)) {
      violated("G5", "COMPLETED, but not durable at the broker");
    }
  }
}

// ---- Consumers ---------------------------------------------------------------------------------

void Witness::on_consume(std::size_t box, const Route& route, std::uint64_t serial,
                         std::uint32_t attempt) {
  const Event& event = events_.at(serial - 1);
  const Handed handed{route.topic, serial};
  if (stores_.at(box)->live().effects.contains(handed)) {
    violated("G8", described(event) + " comes again after its effect");
  }
  if (attempt > failures_[handed] + 1) {
    violated("G11", described(event) + " is at attempt " + std::to_string(attempt) + " after " +
                        std::to_string(failures_[handed]) + " failures");
  }
  const bool is_dead_letter = route.topic == kDeadOrders || route.topic == kDeadPayments;
  if (!is_dead_letter) check_order(route, event);
}

void Witness::check_order(const Route& route, const Event& event) {
  const domain::Seq seq = seqs_.at(event.serial - 1);
  for (const Event& other : events_) {
    const domain::Seq other_seq = seqs_.at(other.serial - 1);
    if (other.box != event.box || other.topic != event.topic || other.key != event.key) continue;
    if (other_seq == 0 || other_seq >= seq) continue;
    if (had_effect(route.topic, other.serial) || is_dead(route, other)) continue;
    violated("G7", described(event) + " comes before event " + std::to_string(other.serial));
  }
}

bool Witness::had_effect(std::string_view topic, std::uint64_t serial) const {
  return std::any_of(stores_.begin(), stores_.end(), [&](const BoxStore* store) {
    return store->durable().effects.contains({std::string(topic), serial});
  });
}

bool Witness::is_dead(const Route& route, const Event& event) const {
  const auto letters = engine_->look().topics.find("dead:" + route.topic + ":" + route.group);
  if (letters == engine_->look().topics.end()) return false;
  return std::any_of(letters->second.begin(), letters->second.end(), [&](const auto& letter) {
    return letter.producer == kBoxNames.at(event.box) && letter.seq == seqs_.at(event.serial - 1);
  });
}

void Witness::on_given_back(const Route& route, std::uint64_t serial) {
  ++failures_[{route.topic, serial}];
}

void Witness::on_refused(const Route& route, std::uint64_t serial) {
  refused_.insert({route.topic, serial});
  ++failures_[{route.topic, serial}];
}

void Witness::on_death(std::size_t box, std::uint64_t epoch) {
  dead_epochs_.at(box) = epoch;
  for (const Handed& handed : handed_.at(box)) ++failures_[handed];
  handed_.at(box).clear();
}

// ---- The end -----------------------------------------------------------------------------------

std::optional<std::string> Witness::unfinished() const {
  for (const Event& event : events_) {
    if (seqs_.at(event.serial - 1) == 0) continue;  // a crash undid it
    if (auto what = unfinished(event)) return what;
  }
  for (std::size_t box = 0; box < kBoxNames.size(); ++box) {
    const BoxState& state = durable(box);
    if (state.completed_seq + 1 != state.next_seq) {
      return std::string(kBoxNames.at(box)) + "'s outbox is complete only up to " +
             std::to_string(state.completed_seq) + " of " + std::to_string(state.next_seq - 1);
    }
  }
  if (durable(kTill).held != 0) return "the till holds money for orders that are settled";
  if (durable(kTill).spent != durable(kOffice).taken) return "money is on its way";
  return std::nullopt;
}

std::optional<std::string> Witness::unfinished(const Event& event) const {
  const domain::Seq seq = seqs_.at(event.serial - 1);
  const auto missing = [&](std::string_view what) { return described(event) + std::string(what); };
  if (event.topic == kSecrets) {
    if (!durable(event.box).dead.contains(seq)) return missing(" is not among the dead letters");
  } else if (event.topic == kOrders) {
    if (!durable(kTill).decided.contains(event.serial)) return missing(" was never settled");
  } else if (event.topic == kPayments) {
    // Crashes may have taken it with them as often as it is tried; then it is heard as a letter.
    if (!had_effect(kPayments, event.serial) && !had_effect(kDeadPayments, event.serial)) {
      return missing(" was never heard");
    }
  } else if (!had_effect(kNotes, event.serial) &&
             !is_dead({std::string(kNotes), std::string(kReadingGroup)}, event)) {
    return missing(" was never read");
  }
  return std::nullopt;
}

}  // namespace outboxd::simulation
