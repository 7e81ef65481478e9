// What the embedded engine holds in memory of its directory: names, positions and ends.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "broker/embedded/format.h"
#include "broker/embedded/group_format.h"
#include "broker/engine.h"

namespace outboxd::broker {

// Every event of a topic below `offset` was there at `elapsed_ms`.
struct AgeMark {
  Offset offset = 0;
  std::int64_t elapsed_ms = 0;
};

struct Topic {
  std::uint32_t id = 0;
  Offset first_offset = 1;  // retained
  Offset next_offset = 1;
  bool is_dead = false;       // its events are dead letters
  std::uint64_t events = 0;   // of dead letter topics only: letters that are there
  std::deque<AgeMark> marks;  // both numbers rise; see retention.h for how many
};

// The number of names is bounded (engine.h), and so is this. A value; the engine guards it.
struct Catalog {
  std::map<std::string, ProducerRecord, std::less<>> producers;
  std::map<std::uint32_t, std::string_view> producer_names;  // by id; into producers' keys
  std::map<std::string, Topic, std::less<>> topics;
  std::map<GroupId, GroupRecord> groups;
  std::uint32_t last_producer_id = 0;
  std::uint32_t last_topic_id = 0;
  std::uint32_t last_group_id = 0;
  std::int64_t elapsed_ms = 0;   // of the last batch
  std::int64_t retained_ms = 0;  // of the last batch that looked for what is too old
};

}  // namespace outboxd::broker
