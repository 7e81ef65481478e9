#include "client/ctl/letters.h"

#include "client/ctl/format.h"
#include "client/ctl/overview.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {

void add_letters_options(CLI::App& command, const std::string& number, Letters& letters) {
  CLI::App& which = *command.add_option_group("which letters");
  which.add_option(number, letters.number, "The letter's number")
      ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
  which.add_flag("--all", letters.all, "All that are there");
  which.require_option(1);
  command.add_option("--reason", letters.reason, "Why, for whoever asks");
}

void print_letter(std::ostream& out, const Json& letter) {
  Json shown = letter;
  if (shown.contains("event") && shown["event"].contains("data")) {
    Json& data = shown["event"]["data"];
    data = to_line(data);
  }
  shown.erase("history");
  print_overview(out, shown);
  Table failures({{"FAILED AT", Align::kRight}, {"REASON"}});
  for (const Json& failure : letter.value("history", Json::array())) {
    failures.add({format_member(failure, "elapsed_ms"), format_member(failure, "reason")});
  }
  if (failures.empty()) return;
  out << '\n';
  failures.print(out);
}

}  // namespace outboxd::ctl
