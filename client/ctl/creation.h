// Commands that make something under an id.
#pragma once

#include <functional>
#include <ostream>
#include <string>

#include "client/ctl/session.h"

namespace outboxd::ctl {

// The id of what is made. The same id again changes nothing, so a repetition needs to know it.
struct NewId {
  std::string argument;  // of the method, such as "order_id"
  std::string what;      // in a sentence: "the order"
  std::string given;     // with --id; empty: a random one
};

// Calls `method` with the id and `arguments`, and prints the result as Session::show does. When the
// outcome is unknown, the failure names an id that was made up here.
ExitStatus create(Session& session, const std::string& method, const NewId& id,
                  const Json& arguments,
                  const std::function<void(std::ostream&, const Json&)>& print);

}  // namespace outboxd::ctl
