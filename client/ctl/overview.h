// A nested map of figures as lines of names and values.
#pragma once

#include <ostream>

#include "client/failure.h"

namespace outboxd::ctl {

// {"outbox": {"oldest_age_ms": 3000}} is shown as "outbox oldest age  3.0 s". Maps inside maps go
// on the same way; what is neither is shown as `format_value` does.
void print_overview(std::ostream& out, const client::Json& map);

// An entity's fields as lines, under the names that API.md gives them.
void print_entity(std::ostream& out, const client::Json& entity);

}  // namespace outboxd::ctl
