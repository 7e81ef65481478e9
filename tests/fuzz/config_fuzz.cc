// The daemon's configuration, as an operator may mistype it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/config.h"
#include "domain/check.h"

namespace outboxd::daemon {

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Config config;
  const auto problems =
      parse_config({reinterpret_cast<const char*>(data), size}, "outboxd.toml", config);
  for (const config::Problem& problem : problems) {
    OUTBOXD_CHECK(problem.file == "outboxd.toml" && !problem.message.empty());
    OUTBOXD_CHECK(describe(problem).starts_with("outboxd.toml"));
  }
  if (!problems.empty()) return 0;
  OUTBOXD_CHECK(config.broker.window_events > 0 && config.broker.window_bytes > 0);
  OUTBOXD_CHECK(!config.data_dir.empty() && !config.socket.empty());
  return 0;
}

}  // namespace outboxd::daemon
