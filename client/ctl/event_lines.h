// Events as they stream by.
#pragma once

#include <ostream>

#include "client/failure.h"

namespace outboxd::ctl {

// One event on one line: its number (`number` names the member: "seq" or "offset"), time, topic,
// type, key and data.
void print_event(std::ostream& out, const client::Json& event, const char* number);

}  // namespace outboxd::ctl
