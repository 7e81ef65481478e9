#include "client/ctl/session.h"

#include <utility>

#include "client/ctl/format.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {

std::chrono::milliseconds Session::timeout() const {
  return settings_.timeout.value_or(default_timeout_);
}

client::Options Session::client_options() const {
  return client::Options{.socket = *socket_, .timeout = timeout() + grace_};
}

client::Result<client::Client*> Session::connection() {
  if (!client_) {
    OUTBOXD_ASSIGN_OR_RETURN(client_, client::Client::connect(client_options()));
  }
  return &*client_;
}

client::Result<Json> Session::call(std::string_view method, Json arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(client::Client* const client, connection());
  return client->call(method, std::move(arguments));
}

ExitStatus Session::show(std::string_view method, Json arguments,
                         const std::function<void(std::ostream&, const Json&)>& print) {
  const auto result = call(method, std::move(arguments));
  if (!result) return fail(result.error());
  if (json()) {
    out_ << to_line(*result) << '\n';
  } else {
    print(out_, *result);
  }
  return kDone;
}

ExitStatus Session::fail(const client::Failure& failure) {
  std::string line = "outboxctl: " + failure.code;
  if (const std::string argument = failure.argument(); !argument.empty()) {
    line += " (" + argument + ")";
  }
  line += ": " + failure.message;
  if (failure.kind == client::FailureKind::kOutcomeUnknown && failure.retry == "same_id") {
    line += "; the outcome is unknown: run the same command again";
  }
  err_ << printable(line) << '\n';
  return exit_status_of(failure.kind);
}

ExitStatus Session::fail_usage(const std::string& message) {
  err_ << "outboxctl: " << printable(message) << '\n';
  return kUsage;
}

}  // namespace outboxd::ctl
