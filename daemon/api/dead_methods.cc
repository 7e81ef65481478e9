#include "daemon/api/dead_methods.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/api/paging.h"
#include "domain/order.h"
#include "domain/text.h"
#include "domain/time_format.h"
#include "systemd/log.h"
#include "transport/ipc/arguments.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

using domain::DeadEntry;
using domain::Error;
using domain::ErrorCode;
using domain::Result;
using domain::Seq;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

// {seq, event, died_at, reason}
Status write_letter(Writer& writer, const DeadApi& api, const DeadEntry& dead,
                    transport::Document& document) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto envelope,
                           transport::decode_envelope(dead.entry.envelope, document));
  writer.map(4).field("seq", dead.entry.seq).key("event");
  transport::write_event(writer, api.producer, dead.entry.seq, envelope);
  writer.field("died_at", domain::rfc3339(dead.died_at_ms)).field("reason", dead.reason);
  return domain::ok_status();
}

Status list(const DeadApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto after,
                           arguments.optional_integer("after", {0, kMaxSeqArgument}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::size_t limit, page_limit(arguments));
  std::string letters;
  Writer letter_writer(letters);
  transport::Document document;
  Status encoded = domain::ok_status();
  std::size_t count = 0;
  Seq last = 0;
  std::optional<Seq> next;
  OUTBOXD_TRY(
      api.reader.scan_dead(static_cast<Seq>(after.value_or(0)) + 1, [&](const DeadEntry& dead) {
        if (count == limit || letters.size() >= kMaxPageBytes) {
          next = last;
          return false;
        }
        encoded = write_letter(letter_writer, api, dead, document);
        last = dead.entry.seq;
        ++count;
        return encoded.ok();
      }));
  OUTBOXD_TRY(encoded);
  std::string result;
  Writer writer(result);
  writer.map(2).key("letters").array(count).raw(letters).key("next");
  next ? writer.unsigned_integer(*next) : writer.nil();
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

// The letter, or why there is none.
Result<DeadEntry> find_letter(domain::UnitOfWork& work, Seq seq) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<DeadEntry> dead, work.dead_letters().find(seq));
  if (dead) return *std::move(dead);
  return Error{ErrorCode::kNotFound,
               "there is no dead letter " + std::to_string(seq) +
                   "; it may have been replayed or discarded before",
               "seq"};
}

Status get(const DeadApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"seq"}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::int64_t seq, arguments.integer("seq", {1, kMaxSeqArgument}));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const DeadEntry dead, find_letter(work, static_cast<Seq>(seq)));
    transport::Document document;
    return write_letter(writer, api, dead, document);
  });
  return domain::ok_status();
}

struct Deed {
  Seq seq;
  std::string reason;
};

Result<Deed> deed_of(const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"seq", "reason"}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::int64_t seq, arguments.integer("seq", {1, kMaxSeqArgument}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto reason, arguments.optional_string("reason"));
  OUTBOXD_TRY(domain::check_text(reason.value_or(""), "reason", 0, domain::kMaxReasonBytes));
  return Deed{static_cast<Seq>(seq), std::string(reason.value_or(""))};
}

// An order that has ended must not be announced as a new one.
Status check_order_is_open(domain::UnitOfWork& work, const transport::Envelope& envelope) {
  if (envelope.topic != domain::kOrdersTopic || envelope.type != "order.created") {
    return domain::ok_status();
  }
  OUTBOXD_ASSIGN_OR_RETURN(const auto id, domain::OrderId::parse(envelope.key));
  OUTBOXD_ASSIGN_OR_RETURN(const auto order, work.orders().find(id));
  if (order && order->status == domain::OrderStatus::kCreated) return domain::ok_status();
  return Error{ErrorCode::kInvalidState,
               "order " + id.text() + " is " +
                   (order ? std::string(name_of(order->status)) : std::string("gone")) +
                   "; only a CREATED order can be announced again",
               "seq"};
}

Result<Seq> replay_letter(const DeadApi& api, domain::UnitOfWork& work, Seq seq) {
  OUTBOXD_ASSIGN_OR_RETURN(DeadEntry dead, find_letter(work, seq));
  if (api.backlog.entries >= api.backlog.max_entries) {
    return Error{ErrorCode::kOutboxFull,
                 "the outbox holds " + std::to_string(api.backlog.entries) +
                     " undelivered events, its limit (outbox.max_backlog_events)",
                 {}};
  }
  transport::Document document;
  OUTBOXD_ASSIGN_OR_RETURN(const auto envelope,
                           transport::decode_envelope(dead.entry.envelope, document));
  OUTBOXD_TRY(check_order_is_open(work, envelope));
  OUTBOXD_TRY(work.dead_letters().remove(seq));
  return work.outbox().append(std::move(dead.entry));
}

Status replay(const DeadApi& api, const Request& request) {
  if (api.admit_write) OUTBOXD_TRY(api.admit_write());
  OUTBOXD_ASSIGN_OR_RETURN(const Deed deed, deed_of(request));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const Seq seq, replay_letter(api, work, deed.seq));
    systemd::log_notice("a dead letter is replayed",
                        {{"letter", deed.seq}, {"seq", seq}, {"reason", deed.reason}});
    writer.map(2).field("letter", deed.seq).field("seq", seq);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status discard(const DeadApi& api, const Request& request) {
  if (api.admit_write) OUTBOXD_TRY(api.admit_write());
  OUTBOXD_ASSIGN_OR_RETURN(const Deed deed, deed_of(request));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_TRY(find_letter(work, deed.seq));
    OUTBOXD_TRY(work.dead_letters().remove(deed.seq));
    systemd::log_notice("a dead letter is discarded",
                        {{"letter", deed.seq}, {"reason", deed.reason}});
    writer.map(1).field("letter", deed.seq);
    return domain::ok_status();
  });
  return domain::ok_status();
}

}  // namespace

void add_dead_methods(MethodTable& methods, DeadApi api) {
  methods.add("dead.list", Access::kRead, [api](const Request& r) { return list(api, r); });
  methods.add("dead.get", Access::kRead, [api](const Request& r) { return get(api, r); });
  methods.add("dead.replay", Access::kAdmin, [api](const Request& r) { return replay(api, r); });
  methods.add("dead.discard", Access::kAdmin, [api](const Request& r) { return discard(api, r); });
}

}  // namespace outboxd::daemon
