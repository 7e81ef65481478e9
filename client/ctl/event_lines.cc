#include "client/ctl/event_lines.h"

#include <string>

#include "client/ctl/format.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {

void print_event(std::ostream& out, const Json& event, const char* number) {
  std::string line = format_member(event, number);
  for (const char* name : {"time", "topic", "type", "subject"}) {
    line += "  " + format_member(event, name);
  }
  out << printable(line + "  " + to_line(event.value("data", Json()))) << '\n';
}

}  // namespace outboxd::ctl
