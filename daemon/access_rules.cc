#include "daemon/access_rules.h"

#include <charconv>
#include <optional>
#include <string_view>

#include <pwd.h>
#include <unistd.h>

namespace outboxd::daemon {
namespace {

std::optional<uid_t> uid_of(const std::string& user) {
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (error == std::errc{} && end == user.data() + user.size()) return uid;
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> memory(16384);  // more than any entry needs (sysconf gives 1,024 as a start)
  if (::getpwnam_r(user.c_str(), &entry, memory.data(), memory.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  return entry.pw_uid;
}

domain::Result<AllowedUsers> resolve_users(const std::vector<std::string>& users,
                                           std::string_view key) {
  AllowedUsers allowed;
  for (const std::string& user : users) {
    if (user == "*") {
      allowed.everyone = true;
      continue;
    }
    const std::optional<uid_t> uid = uid_of(user);
    if (!uid) {
      return domain::bad_request(std::string(key), std::string(key) + ": there is no user \"" +
                                                       user + "\" (a name, a number, or \"*\")");
    }
    allowed.uids.insert(*uid);
  }
  return allowed;
}

}  // namespace

domain::Result<AccessRules> AccessRules::resolve(const std::vector<std::string>& read,
                                                 const std::vector<std::string>& write,
                                                 const std::vector<std::string>& admin) {
  AccessRules rules;
  OUTBOXD_ASSIGN_OR_RETURN(rules.read_, resolve_users(read, "access.read"));
  OUTBOXD_ASSIGN_OR_RETURN(rules.write_, resolve_users(write, "access.write"));
  OUTBOXD_ASSIGN_OR_RETURN(rules.admin_, resolve_users(admin, "access.admin"));
  return rules;
}

bool AccessRules::allows(Access access, uid_t uid) const {
  if (uid == 0 || uid == ::geteuid()) return true;
  const AllowedUsers& users =
      access == Access::kRead ? read_ : (access == Access::kWrite ? write_ : admin_);
  return users.everyone || users.uids.contains(uid);
}

}  // namespace outboxd::daemon
