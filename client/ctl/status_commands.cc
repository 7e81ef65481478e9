// outboxctl status | top
#include <chrono>
#include <memory>
#include <string>

#include <poll.h>

#include "client/ctl/command_line.h"
#include "client/ctl/format.h"
#include "client/ctl/overview.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kClearScreen = "\033[H\033[2J";

struct TopOptions {
  std::string interval = "1s";
  std::uint64_t count = 0;  // 0: until interrupted
};

// Where the outbox stood when it was looked at.
struct Sample {
  steady_clock::time_point at;
  std::uint64_t next_seq = 0;
  std::uint64_t delivered_seq = 0;
};

Sample sample_of(const Json& status) {
  const Json outbox = status.value("outbox", Json::object());
  return {.at = steady_clock::now(),
          .next_seq = outbox.value("next_seq", std::uint64_t{0}),
          .delivered_seq = outbox.value("delivered_seq", std::uint64_t{0})};
}

std::string rate(std::uint64_t before, std::uint64_t now, steady_clock::duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto grown = static_cast<double>(now - std::min(before, now));
  return format_count(seconds > 0 ? static_cast<std::uint64_t>(grown / seconds) : 0) + "/s";
}

ExitStatus top(Session& session, const TopOptions& options, milliseconds interval) {
  std::optional<Sample> before;
  for (std::uint64_t shown = 0; options.count == 0 || shown < options.count; ++shown) {
    if (shown > 0) ::poll(nullptr, 0, static_cast<int>(interval.count()));
    const auto status = session.call("daemon.status");
    if (!status) return session.fail(status.error());
    if (session.json()) {
      session.out() << to_line(*status) << std::endl;
      continue;
    }
    const Sample now = sample_of(*status);
    session.out() << kClearScreen;
    print_overview(session.out(), *status);
    if (before) {
      session.out() << '\n';
      print_fields(
          session.out(),
          {{"committed", rate(before->next_seq, now.next_seq, now.at - before->at)},
           {"delivered", rate(before->delivered_seq, now.delivered_seq, now.at - before->at)}});
    }
    session.out() << std::flush;
    before = now;
  }
  return kDone;
}

// A daemon that is damaged answers as any other does. Whoever asks for its status in a script must
// not take that for health.
ExitStatus status(Session& session) {
  const auto status = session.call("daemon.status");
  if (!status) return session.fail(status.error());
  if (session.json()) {
    session.out() << to_line(*status) << std::endl;
  } else {
    print_overview(session.out(), *status);
  }
  const auto damaged = status->find("damaged");
  if (damaged == status->end() || !damaged->is_object()) return kDone;
  session.err() << "outboxctl: part of the daemon's data cannot be read, and it refuses to write; "
                   "stop it and run outboxd --repair\n";
  return kDamaged;
}

}  // namespace

void add_status_commands(CommandLine line) {
  line.app.add_subcommand("status", "Show how the daemon is")->callback([line] {
    line.chosen = [](Session& session) { return status(session); };
  });

  auto options = std::make_shared<TopOptions>();
  CLI::App& app = *line.app.add_subcommand("top", "Show it live, with rates, until interrupted");
  app.add_option("--interval", options->interval, "Time between two looks")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--count", options->count, "Look so many times [for ever]");
  app.callback([line, options] {
    const auto interval = parse_duration(options->interval);
    if (!interval || interval->count() == 0 || *interval > std::chrono::hours(1)) {
      throw CLI::ValidationError("--interval", "must be like 1s, 250ms or 2m");
    }
    line.chosen = [options, interval](Session& session) {
      return top(session, *options, *interval);
    };
  });
}

}  // namespace outboxd::ctl
