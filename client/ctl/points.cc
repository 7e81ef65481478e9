#include "client/ctl/points.h"

#include <charconv>
#include <system_error>

namespace outboxd::ctl {

void add_points_option(CLI::App& command, const std::string& name, std::int64_t& points,
                       const std::string& description) {
  command
      .add_option_function<std::string>(
          name,
          [name, &points](const std::string& text) {
            const char* const end = text.data() + text.size();
            const auto [parsed, error] = std::from_chars(text.data(), end, points);
            if (error != std::errc() || parsed != end) {
              throw CLI::ValidationError(name, "must be a whole number of points, not " + text);
            }
          },
          description)
      ->required()
      ->type_name("POINTS");
}

}  // namespace outboxd::ctl
