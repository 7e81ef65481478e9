#include "broker/groups/key_queues.h"

#include "domain/check.h"
#include "domain/origin.h"

namespace outboxd::broker {
namespace {

constexpr std::size_t kLeastSlots = 64;

std::uint64_t fnv1a(std::uint64_t hash, std::string_view text) {
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

// Spreads the bits of FNV, whose low ones are weak, over the slots.
std::uint64_t mixed(std::uint64_t hash) {
  hash ^= hash >> 32U;
  hash *= 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29U);
}

}  // namespace

std::uint64_t key_hash(std::string_view origin, std::string_view key) {
  // Order per key goes on over the lives of a producer (G7).
  const std::string_view producer = domain::split_origin(origin).producer;
  // The separator is in no identifier, so ("ab", "c") and ("a", "bc") differ.
  return fnv1a(fnv1a(fnv1a(0xcbf29ce484222325U, producer), "/"), key);
}

std::size_t KeyQueues::slot_of(std::uint64_t key) const {
  const std::size_t mask = queues_.size() - 1;
  std::size_t slot = mixed(key) & mask;
  while (queues_[slot].head != kNoEvent && queues_[slot].key != key) slot = (slot + 1) & mask;
  return slot;
}

bool KeyQueues::push(EventIndex event) {
  if ((used_ + 1) * 4 > queues_.size() * 3) {
    resize(queues_.empty() ? kLeastSlots : queues_.size() * 2);
  }
  events_[event].next = kNoEvent;
  Queue& queue = queues_[slot_of(events_[event].key)];
  if (queue.head == kNoEvent) {
    queue = {events_[event].key, event, event};
    ++used_;
    return true;
  }
  events_[queue.tail].next = event;
  queue.tail = event;
  return false;
}

EventIndex KeyQueues::pop(EventIndex head) {
  OUTBOXD_CHECK(used_ > 0);
  const std::size_t slot = slot_of(events_[head].key);
  OUTBOXD_CHECK(queues_[slot].head == head);
  const EventIndex next = events_[head].next;
  events_[head].next = kNoEvent;
  if (next != kNoEvent) {
    queues_[slot].head = next;
    return next;
  }
  erase(slot);
  --used_;
  if (queues_.size() > kLeastSlots && used_ * 8 < queues_.size()) resize(queues_.size() / 2);
  return kNoEvent;
}

EventIndex KeyQueues::head(std::uint64_t key) const {
  return queues_.empty() ? kNoEvent : queues_[slot_of(key)].head;
}

EventIndex KeyQueues::tail(std::uint64_t key) const {
  if (queues_.empty()) return kNoEvent;
  const Queue& queue = queues_[slot_of(key)];
  return queue.head == kNoEvent ? kNoEvent : queue.tail;
}

void KeyQueues::resize(std::size_t slots) {
  std::vector<Queue> old(slots);
  old.swap(queues_);
  for (const Queue& queue : old) {
    if (queue.head != kNoEvent) queues_[slot_of(queue.key)] = queue;
  }
}

void KeyQueues::erase(std::size_t slot) {
  // Moves up what was displaced past this slot, so that no search ends early at the hole.
  const std::size_t mask = queues_.size() - 1;
  std::size_t hole = slot;
  for (std::size_t i = (slot + 1) & mask; queues_[i].head != kNoEvent; i = (i + 1) & mask) {
    const std::size_t home = mixed(queues_[i].key) & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      queues_[hole] = queues_[i];
      hole = i;
    }
  }
  queues_[hole] = Queue{};
}

}  // namespace outboxd::broker
