// Who may call what, by the peer's uid as the kernel says it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "daemon/api/method_table.h"
#include "domain/result.h"

namespace outboxd::daemon {

// The users allowed for one access; the daemon's own user and root are always allowed.
struct AllowedUsers {
  bool everyone = false;  // who can connect to the socket at all (its group and mode decide that)
  std::set<uid_t> uids;
};

class AccessRules {
 public:
  // Names or numbers of users, or "*" for everyone who can connect. Error: bad_request naming an
  // unknown user. Looks users up in the system's database; call it at start.
  static domain::Result<AccessRules> resolve(const std::vector<std::string>& read,
                                             const std::vector<std::string>& write,
                                             const std::vector<std::string>& admin);

  // Any thread.
  [[nodiscard]] bool allows(Access access, uid_t uid) const;

 private:
  AllowedUsers read_;
  AllowedUsers write_;
  AllowedUsers admin_;
};

}  // namespace outboxd::daemon
