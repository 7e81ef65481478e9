// The arguments `after` and `limit` of every list, and sequence numbers among arguments.
#pragma once

#include <limits>
#include <string>

#include "domain/result.h"
#include "domain/store.h"
#include "transport/ipc/arguments.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

// Arguments are signed integers; no box lives to count further.
inline constexpr std::int64_t kMaxSeqArgument = std::numeric_limits<std::int64_t>::max();

inline constexpr std::int64_t kDefaultPageEntries = 100;
inline constexpr std::int64_t kMaxPageEntries = 1000;
// A page is closed when its encoding reaches this, so that an answer keeps to the size that clients
// expect.
inline constexpr std::size_t kMaxPageBytes = 512 << 10;

inline domain::Result<std::size_t> page_limit(const transport::Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto limit,
                           arguments.optional_integer("limit", {1, kMaxPageEntries}));
  return static_cast<std::size_t>(limit.value_or(kDefaultPageEntries));
}

inline domain::Result<domain::Page> page_of(const transport::Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto after, arguments.optional_string("after"));
  OUTBOXD_ASSIGN_OR_RETURN(const std::size_t limit, page_limit(arguments));
  return domain::Page{std::string(after.value_or("")), limit};
}

// Writes {<name>: [entries], next}, closing the page at kMaxPageBytes. `write_entry(writer, entry)`
// writes one; `key_of(entry)` gives what to pass as `after` to go on behind it.
template <typename Entry, typename WriteEntry, typename KeyOf>
std::string encode_page(std::string_view name, const domain::PageOf<Entry>& page,
                        WriteEntry write_entry, KeyOf key_of) {
  std::string entries;
  transport::Writer entry_writer(entries);
  std::optional<std::string> next = page.next;
  std::size_t count = 0;
  for (const Entry& entry : page.entries) {
    write_entry(entry_writer, entry);
    ++count;
    if (entries.size() >= kMaxPageBytes && count < page.entries.size()) {
      next = key_of(entry);
      break;
    }
  }
  std::string result;
  transport::Writer writer(result);
  writer.map(2).key(name).array(count).raw(entries).key("next");
  next ? writer.string(*next) : writer.nil();
  return result;
}

}  // namespace outboxd::daemon
