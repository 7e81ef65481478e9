#include "client/ctl/listing.h"

#include <algorithm>
#include <charconv>

#include "client/ctl/format.h"

namespace outboxd::ctl {
namespace {

constexpr std::uint64_t kPageEntries = 500;

Json number_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? Json(number) : Json(text);
}

}  // namespace

void add_list_options(CLI::App& command, ListOptions& options) {
  command.add_option("--after", options.after, "Go on after this entry");
  command.add_option("--limit", options.limit, "At most so many entries; 0 for all")
      ->capture_default_str();
}

ExitStatus print_list(Session& session, Listing listing, const ListOptions& options) {
  std::uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;
  Json next;
  if (!options.after.empty()) {
    next = listing.after_is_number ? number_of(options.after) : Json(options.after);
  }
  do {
    Json arguments = listing.arguments;
    arguments["limit"] = std::min(left, kPageEntries);
    if (!next.is_null()) arguments["after"] = next;
    auto page = session.call(listing.method, std::move(arguments));
    if (!page) return session.fail(page.error());
    const Json entries = page->value(listing.plural, Json::array());
    next = page->value("next", Json());
    for (const Json& entry : entries) {
      if (session.json()) {
        session.out() << to_line(entry) << '\n';
      } else {
        listing.add_row(listing.table, entry);
      }
    }
    left -= std::min<std::uint64_t>(left, entries.size());
  } while (!next.is_null() && left > 0);
  if (session.json()) return kDone;
  listing.table.print(session.out());
  if (!next.is_null()) {
    session.out() << "There are more: --after " << printable(format_value("", next)) << '\n';
  }
  return kDone;
}

}  // namespace outboxd::ctl
