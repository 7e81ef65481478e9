#include "daemon/api/outbox_methods.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/api/paging.h"
#include "domain/time_format.h"
#include "transport/ipc/arguments.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using domain::Seq;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

constexpr std::int64_t kDefaultWaitMs = 30'000;
constexpr std::int64_t kMaxWaitMs = std::int64_t{24} * 3600 * 1000;

Result<Seq> seq_argument(const Arguments& arguments, std::string_view name) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::int64_t seq, arguments.integer(name, {1, kMaxSeqArgument}));
  return static_cast<Seq>(seq);
}

Result<std::optional<Seq>> optional_seq(const Arguments& arguments, std::string_view name) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto seq, arguments.optional_integer(name, {0, kMaxSeqArgument}));
  return seq ? std::optional<Seq>(static_cast<Seq>(*seq)) : std::nullopt;
}

// {seq, state, event, died_at?, reason?}
class EntryEncoder {
 public:
  explicit EntryEncoder(const OutboxApi& api) : api_(api) {}

  Status pending(Writer& writer, const domain::OutboxEntry& entry) {
    return encode(writer, entry, nullptr);
  }
  Status dead(Writer& writer, const domain::DeadEntry& dead) {
    return encode(writer, dead.entry, &dead);
  }

 private:
  Status encode(Writer& writer, const domain::OutboxEntry& entry, const domain::DeadEntry* dead) {
    OUTBOXD_ASSIGN_OR_RETURN(const auto envelope,
                             transport::decode_envelope(entry.envelope, document_));
    writer.map(dead == nullptr ? 3 : 5).field("seq", entry.seq);
    writer.field("state", dead == nullptr ? "pending" : "dead").key("event");
    transport::write_event(writer, api_.producer, entry.seq, envelope);
    if (dead != nullptr) {
      writer.field("died_at", domain::rfc3339(dead->died_at_ms)).field("reason", dead->reason);
    }
    return domain::ok_status();
  }

  const OutboxApi& api_;
  transport::Document document_;
};

// Collects encoded entries up to a page's bounds.
class EntryPage {
 public:
  explicit EntryPage(std::size_t limit) : limit_(limit) {}

  Writer& writer() { return writer_; }

  // False when the page is full: `seq` does not belong to it any more.
  [[nodiscard]] bool has_room() const { return count_ < limit_ && entries_.size() < kMaxPageBytes; }
  void note(Seq seq) {
    ++count_;
    last_seq_ = seq;
  }
  void note_more() { has_more_ = true; }

  std::string encode() const {
    std::string result;
    Writer writer(result);
    writer.map(2).key("entries").array(count_).raw(entries_).key("next");
    has_more_ ? writer.unsigned_integer(last_seq_) : writer.nil();
    return result;
  }

 private:
  const std::size_t limit_;
  std::string entries_;
  Writer writer_{entries_};
  std::size_t count_ = 0;
  Seq last_seq_ = 0;
  bool has_more_ = false;
};

Status list(const OutboxApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"state", "after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto state, arguments.optional_string("state"));
  if (state && *state != "pending" && *state != "dead") {
    return domain::bad_request("state", "state must be pending or dead");
  }
  OUTBOXD_ASSIGN_OR_RETURN(const auto after, optional_seq(arguments, "after"));
  OUTBOXD_ASSIGN_OR_RETURN(const std::size_t limit, page_limit(arguments));

  EntryPage page(limit);
  EntryEncoder encoder(api);
  Status encoded = domain::ok_status();
  const auto add = [&](Seq seq, auto encode) {
    if (!page.has_room()) {
      page.note_more();
      return false;
    }
    encoded = encode();
    page.note(seq);
    return encoded.ok();
  };
  const Seq from = after.value_or(0) + 1;
  if (state == "dead") {
    OUTBOXD_TRY(api.reader.scan_dead(from, [&](const domain::DeadEntry& dead) {
      return add(dead.entry.seq, [&] { return encoder.dead(page.writer(), dead); });
    }));
  } else {
    // What was delivered is still there for a moment, until that is durable.
    const Seq pending = std::max(from, api.progress.delivered_seq() + 1);
    OUTBOXD_TRY(api.reader.scan_outbox(pending, [&](const domain::OutboxEntry& entry) {
      return add(entry.seq, [&] { return encoder.pending(page.writer(), entry); });
    }));
  }
  OUTBOXD_TRY(encoded);
  api.server.reply(request.reply_to, page.encode());
  return domain::ok_status();
}

// The dead letter `seq`, or nothing.
Result<std::optional<domain::DeadEntry>> find_dead(const OutboxApi& api, Seq seq) {
  std::optional<domain::DeadEntry> found;
  OUTBOXD_TRY(api.reader.scan_dead(seq, [&](const domain::DeadEntry& dead) {
    if (dead.entry.seq == seq) found = dead;
    return false;
  }));
  return found;
}

Error no_entry(const OutboxApi& api, Seq seq) {
  const bool was_there = seq <= api.progress.delivered_seq();
  return Error{ErrorCode::kNotFound,
               "there is no outbox entry " + std::to_string(seq) +
                   (was_there ? ": it was delivered and removed" : " yet"),
               "seq"};
}

Status get(const OutboxApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"seq"}));
  OUTBOXD_ASSIGN_OR_RETURN(const Seq seq, seq_argument(arguments, "seq"));
  std::string result;
  Writer writer(result);
  EntryEncoder encoder(api);
  Status encoded = domain::ok_status();
  OUTBOXD_TRY(api.reader.scan_outbox(seq, [&](const domain::OutboxEntry& entry) {
    if (entry.seq == seq && seq > api.progress.delivered_seq())
      encoded = encoder.pending(writer, entry);
    return false;
  }));
  if (result.empty() && encoded) {
    OUTBOXD_ASSIGN_OR_RETURN(const auto dead, find_dead(api, seq));
    if (!dead) return no_entry(api, seq);
    encoded = encoder.dead(writer, *dead);
  }
  OUTBOXD_TRY(encoded);
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

// Tells `wait` that its event became a dead letter, which never comes any further than the disk.
// False when it did not.
bool answer_dead(const OutboxApi& api, const OutboxWait& wait) {
  if (wait.level == WaitLevel::kStored) return false;
  const auto dead = find_dead(api, wait.seq);
  if (!dead) {
    api.server.reply_error(wait.reply_to, dead.error());
  } else if (*dead) {
    api.server.reply_error(wait.reply_to, Error{ErrorCode::kInvalidState,
                                                "event " + std::to_string(wait.seq) +
                                                    " is a dead letter: " + (*dead)->reason,
                                                "seq"});
  }
  return !dead || dead->has_value();
}

void answer_reached_one(const OutboxApi& api, const OutboxWait& wait) {
  if (answer_dead(api, wait)) return;
  std::string result;
  Writer(result).map(1).field("level", name_of(wait.level));
  api.server.reply(wait.reply_to, result);
}

// Only a topic that a group completes has a level `consumed`.
Status check_consumption_is_told(const OutboxApi& api, Seq seq) {
  if (seq <= api.completion.completed_seq()) return domain::ok_status();
  std::string topic;
  OUTBOXD_TRY(api.reader.scan_outbox(seq, [&](const domain::OutboxEntry& entry) {
    if (entry.seq == seq) topic = entry.topic;
    return false;
  }));
  const bool may_be_told =
      topic.empty() ? !api.completion.rules().empty() : api.completion.is_consumed_topic(topic);
  if (may_be_told) return domain::ok_status();
  return Error{ErrorCode::kInvalidState,
               "nobody tells when " + (topic.empty() ? "an event" : "an event of topic " + topic) +
                   " is consumed; topics." + (topic.empty() ? "NAME" : topic) +
                   ".on = \"consumed:GROUP\" in the configuration changes that",
               "level"};
}

bool is_reached(const OutboxApi& api, const OutboxWait& wait) {
  return wait.level == WaitLevel::kConsumed ? api.completion.is_complete(wait.seq)
                                            : api.progress.has_reached(wait.seq, wait.level);
}

Status wait(const OutboxApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"seq", "level", "timeout_ms"}));
  OUTBOXD_ASSIGN_OR_RETURN(const Seq seq, seq_argument(arguments, "seq"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto level_name, arguments.string("level"));
  OUTBOXD_ASSIGN_OR_RETURN(const WaitLevel level, parse_wait_level(level_name));
  OUTBOXD_ASSIGN_OR_RETURN(const auto timeout_ms,
                           arguments.optional_integer("timeout_ms", {0, kMaxWaitMs}));
  if (level == WaitLevel::kConsumed) OUTBOXD_TRY(check_consumption_is_told(api, seq));
  const OutboxWait wait{.reply_to = request.reply_to, .seq = seq, .level = level};
  if (is_reached(api, wait)) {
    answer_reached_one(api, wait);
  } else if (!answer_dead(api, wait)) {
    api.progress.add(wait, api.clock.monotonic_ms() + timeout_ms.value_or(kDefaultWaitMs));
  }
  return domain::ok_status();
}

Status tail(const OutboxApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"topic", "from_seq"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto topic, arguments.optional_string("topic"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto from_seq,
                           arguments.optional_integer("from_seq", {1, kMaxSeqArgument}));
  const Seq from = from_seq ? static_cast<Seq>(*from_seq) : api.progress.stored_seq() + 1;
  OUTBOXD_TRY(
      api.tail.subscribe(request.reply_to.connection, std::string(topic.value_or("")), from));
  std::string result;
  Writer(result).map(1).field("from_seq", from);
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

}  // namespace

void add_outbox_methods(MethodTable& methods, OutboxApi api) {
  methods.add("outbox.list", Access::kRead, [api](const Request& r) { return list(api, r); });
  methods.add("outbox.get", Access::kRead, [api](const Request& r) { return get(api, r); });
  methods.add("outbox.wait", Access::kRead, [api](const Request& r) { return wait(api, r); });
  methods.add("events.tail", Access::kRead, [api](const Request& r) { return tail(api, r); });
}

void answer_reached(const OutboxApi& api, const std::vector<OutboxWait>& waits) {
  for (const OutboxWait& wait : waits) answer_reached_one(api, wait);
}

void answer_timed_out(const OutboxApi& api, const std::vector<OutboxWait>& waits) {
  for (const OutboxWait& wait : waits) {
    if (answer_dead(api, wait)) continue;  // it expired while it was waited for
    api.server.reply_error(wait.reply_to, Error{ErrorCode::kTimeout,
                                                "event " + std::to_string(wait.seq) + " is not " +
                                                    std::string(name_of(wait.level)) + " yet",
                                                "timeout_ms"});
  }
}

void answer_shutting_down(const OutboxApi& api, const std::vector<OutboxWait>& waits) {
  for (const OutboxWait& wait : waits) {
    api.server.reply_error(wait.reply_to,
                           Error{ErrorCode::kShuttingDown, "the daemon is shutting down", {}});
  }
}

}  // namespace outboxd::daemon
