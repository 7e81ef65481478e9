#include "client/ctl/durations.h"

#include "client/ctl/format.h"

namespace outboxd::ctl {

void add_duration_option(CLI::App& command, const std::string& name,
                         std::optional<std::chrono::milliseconds>& duration,
                         const std::string& description) {
  command
      .add_option_function<std::string>(
          name,
          [name, &duration](const std::string& text) {
            duration = parse_duration(text);
            if (!duration) {
              throw CLI::ValidationError(name, "must be like 5, 5s, 250ms or 2m, not " + text);
            }
          },
          description)
      ->type_name("TIME");
}

}  // namespace outboxd::ctl
