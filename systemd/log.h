// Structured logging: a message for people and fields for programs.
//
//   log_warning("broker unreachable", {{"endpoint", endpoint}, {"retry_ms", delay_ms}});
//
// Where stderr is the journal, a record goes there natively, with each field as an indexed field of
// its own (ENDPOINT=, RETRY_MS=). Elsewhere it is one line on stderr:
//
//   2011-12-09T08:00:00.123Z warning broker unreachable endpoint=tcp://127.0.0.1:7300 retry_ms=200
//
// Only programs log (daemon/, broker/, client/); libraries return what they have to say.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace outboxd::systemd {

// The values are syslog's.
enum class LogLevel : std::uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

std::string_view name_of(LogLevel level);

// One key and its value. The key is a literal in snake_case: letters, digits and '_', beginning
// with a letter.
struct LogField {
  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const char* text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const std::string& text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, bool flag)
      : key(field_key), value(flag ? "true" : "false") {}
  template <std::integral Number>
  LogField(std::string_view field_key, Number number)
      : key(field_key), value(std::to_string(number)) {}

  std::string_view key;
  std::string value;
};

// Records that are less urgent than `level` are dropped. Default: kInfo. Any thread.
void set_log_level(LogLevel level);

// Writes one record. Any thread; lines of several threads never mix. It blocks for as long as
// stderr or the journal does, and a record that neither takes is lost: logging never fails its
// caller.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kError, message, fields);
}
inline void log_warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kWarning, message, fields);
}
inline void log_notice(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kNotice, message, fields);
}
inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kInfo, message, fields);
}
inline void log_debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kDebug, message, fields);
}

// The line that `log` writes where there is no journal, without its line break. `wall_ms` is Unix
// time. Control characters are escaped, so that a record is one line whatever is in it; values with
// spaces, quotes or '=' stand in quotes.
std::string format_line(std::int64_t wall_ms, LogLevel level, std::string_view message,
                        std::span<const LogField> fields);

// True when `journal_stream` ("device:inode", as systemd sets $JOURNAL_STREAM) names the file that
// `fd` is open on: what is written to `fd` then ends up in the journal anyway.
bool is_journal_stream(int fd, const char* journal_stream);

}  // namespace outboxd::systemd
