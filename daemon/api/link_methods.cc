#include "daemon/api/link_methods.h"

#include <string>
#include <utility>
#include <vector>

#include "domain/time_format.h"
#include "transport/ipc/arguments.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::LinkState;
using transport::Request;
using transport::Writer;
using Effects = std::vector<std::string>;

bool has_conflict(const LinkStatus& link) {
  return link.state == LinkState::kConflict || link.state == LinkState::kFenced;
}

void write_text_or_nil(Writer& writer, std::string_view key, const std::string& text) {
  writer.key(key);
  text.empty() ? writer.nil() : writer.string(text);
}

// {store, producer, life, base_seq, epoch, next_seq, completed_seq, broker}
void write_box(Writer& writer, const LinkApi& api) {
  const domain::StoreIdentity& identity = api.keeper.identity();
  const domain::OutboxProgress progress = api.progress();
  writer.key("box").map(8).field("store", identity.store_id).field("producer", identity.producer);
  writer.field("life", identity.life).field("base_seq", std::uint64_t{identity.base_seq});
  writer.field("epoch", api.relay.link_options().epoch);
  writer.field("next_seq", std::uint64_t{progress.next_seq});
  writer.field("completed_seq", std::uint64_t{progress.completed_seq});
  write_text_or_nil(writer, "broker", identity.history);
}

Status explain(const LinkApi& api, const Request& request) {
  OUTBOXD_TRY(Arguments::of_params(request.params, {}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string decisions, api.keeper.decisions());
  const LinkStatus& link = api.relay.status();
  std::string result;
  Writer writer(result);
  writer.map(7).field("state", name_of(link.state)).field("since", domain::rfc3339(link.since_ms));
  write_text_or_nil(writer, "last_error", link.last_error);
  write_conflict(writer, link);
  write_box(writer, api);
  const auto commands = api.decisions.applicable();
  writer.key("commands").array(commands.size());
  for (const std::string_view command : commands) writer.string(command);
  write_text_or_nil(writer, "decisions", decisions);
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

// {dry_run, effects}
std::string encode_effects(const Effects& effects, bool dry_run) {
  std::string result;
  Writer writer(result);
  writer.map(2).field("dry_run", dry_run).key("effects").array(effects.size());
  for (const std::string& effect : effects) writer.string(effect);
  return result;
}

Status answer(const LinkApi& api, const Request& request, bool dry_run,
              const Result<Effects>& effects) {
  if (!effects) return effects.error();
  api.server.reply(request.reply_to, encode_effects(*effects, dry_run));
  return domain::ok_status();
}

Status accept_broker(const LinkApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"dry_run"}));
  OUTBOXD_ASSIGN_OR_RETURN(const bool dry_run, arguments.optional_boolean("dry_run", false));
  return answer(api, request, dry_run, api.decisions.accept_broker(dry_run));
}

Status take_over(const LinkApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"dry_run"}));
  OUTBOXD_ASSIGN_OR_RETURN(const bool dry_run, arguments.optional_boolean("dry_run", false));
  return answer(api, request, dry_run, api.decisions.take_over(dry_run));
}

Status new_life(const LinkApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"pending", "dry_run"}));
  OUTBOXD_ASSIGN_OR_RETURN(const bool dry_run, arguments.optional_boolean("dry_run", false));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view pending, arguments.string("pending"));
  if (pending != "send" && pending != "hold") {
    return domain::bad_request(
        "pending",
        "pending must be send or hold: what becomes of events that the life before may "
        "have delivered");
  }
  api.decisions.new_life(pending == "hold" ? Pending::kHold : Pending::kSend, dry_run,
                         [api, to = request.reply_to, dry_run](const Result<Effects>& effects) {
                           effects ? api.server.reply(to, encode_effects(*effects, dry_run))
                                   : api.server.reply_error(to, effects.error());
                         });
  return domain::ok_status();
}

}  // namespace

void write_conflict(Writer& writer, const LinkStatus& link) {
  writer.key("conflict");
  if (!has_conflict(link)) {
    writer.nil();
    return;
  }
  const transport::LinkConflict& conflict = link.conflict;
  writer.map(6).field("code", conflict.code).field("message", conflict.message);
  writer.field("life", conflict.life).field("last_seq", std::uint64_t{conflict.last_seq});
  writer.field("epoch", conflict.epoch);
  write_text_or_nil(writer, "broker", conflict.history);
}

void add_link_methods(MethodTable& methods, LinkApi api) {
  methods.add("link.explain", Access::kRead, [api](const Request& r) { return explain(api, r); });
  methods.add("link.accept_broker", Access::kAdmin,
              [api](const Request& r) { return accept_broker(api, r); });
  methods.add("link.new_life", Access::kAdmin,
              [api](const Request& r) { return new_life(api, r); });
  methods.add("link.take_over", Access::kAdmin,
              [api](const Request& r) { return take_over(api, r); });
}

}  // namespace outboxd::daemon
