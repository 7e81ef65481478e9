#include "client/ctl/creation.h"

#include <array>
#include <string_view>

#include <sys/random.h>

#include "client/ctl/format.h"
#include "domain/check.h"

namespace outboxd::ctl {
namespace {

// Made here rather than by the daemon, so that an unknown outcome can be asked for again.
std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  OUTBOXD_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

}  // namespace

ExitStatus create(Session& session, const std::string& method, const NewId& id,
                  const Json& arguments,
                  const std::function<void(std::ostream&, const Json&)>& print) {
  const bool own_id = !id.given.empty();
  Json all = {{id.argument, own_id ? id.given : random_id()}};
  const std::string used = all.at(id.argument);
  all.update(arguments);
  const auto result = session.call(method, std::move(all));
  if (!result) {
    client::Failure failure = result.error();
    if (!own_id && failure.kind == client::FailureKind::kOutcomeUnknown) {
      failure.message += " (" + id.what + " is called --id " + used + ")";
    }
    return session.fail(failure);
  }
  if (session.json()) {
    session.out() << to_line(*result) << '\n';
  } else {
    print(session.out(), *result);
  }
  return kDone;
}

}  // namespace outboxd::ctl
