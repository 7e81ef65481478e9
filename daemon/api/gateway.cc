#include "daemon/api/gateway.h"

#include <string>

namespace outboxd::daemon {
namespace {

constexpr std::size_t kMaxQuotedName = 64;  // of an unknown method in an error text

domain::Error unknown_method(const MethodTable& methods, std::string_view name) {
  std::string message = "there is no method " + std::string(name.substr(0, kMaxQuotedName));
  if (const std::string_view nearest = methods.nearest(name); !nearest.empty()) {
    message.append("; did you mean ").append(nearest).append("?");
  }
  return domain::Error{domain::ErrorCode::kUnknownMethod, std::move(message), "method"};
}

}  // namespace

void Gateway::on_request(const transport::Request& request) {
  ++counters_.requests;
  if (const domain::Status status = dispatch(request); !status) {
    ++counters_.refused;
    server_->reply_error(request.reply_to, status.error());
  }
}

domain::Status Gateway::dispatch(const transport::Request& request) const {
  const Method* method = methods_.find(request.method);
  if (method == nullptr) return unknown_method(methods_, request.method);
  if (!access_.allows(method->access, request.peer->uid)) {
    return domain::Error{domain::ErrorCode::kPermissionDenied,
                         "uid " + std::to_string(request.peer->uid) + " has no " +
                             std::string(name_of(method->access)) + " access (access." +
                             std::string(name_of(method->access)) + " in the configuration)",
                         {}};
  }
  if (method->access == Access::kWrite) OUTBOXD_TRY(admit_write_());
  return method->run(request);
}

void Gateway::on_disconnect(transport::ConnectionId connection) {
  for (const auto& hook : connection_hooks_) hook(connection);
}

}  // namespace outboxd::daemon
