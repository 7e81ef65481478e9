#include "systemd/log.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION  // the fields say where; file and line of this wrapper do not
#include <systemd/sd-journal.h>

namespace outboxd::systemd {
namespace {

std::atomic<LogLevel> threshold{LogLevel::kInfo};

bool stderr_is_journal() {
  static const bool answer = is_journal_stream(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
  return answer;
}

std::int64_t wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// Bytes below 0x20 and DEL. Bytes from 0x80 on are UTF-8 and pass.
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

void append_escaped(std::string& line, std::string_view text, bool quoted) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (is_control(c)) {
      line += "\\x";
      line += kHex[byte >> 4U];
      line += kHex[byte & 0xFU];
    } else {
      if (quoted && (c == '"' || c == '\\')) line += '\\';
      line += c;
    }
  }
}

void append_value(std::string& line, std::string_view value) {
  const bool quoted = value.empty() || value.find_first_of(" \"=\\") != std::string_view::npos;
  if (quoted) line += '"';
  append_escaped(line, value, quoted);
  if (quoted) line += '"';
}

std::string readable(std::string_view message, std::span<const LogField> fields) {
  std::string text;
  append_escaped(text, message, /*quoted=*/false);
  for (const LogField& field : fields) {
    text += ' ';
    text += field.key;
    text += '=';
    append_value(text, field.value);
  }
  return text;
}

std::string timestamp(std::int64_t wall_ms) {
  const std::int64_t milliseconds = ((wall_ms % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((wall_ms - milliseconds) / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::string text(sizeof "2011-12-09T08:00:00" - 1, '\0');
  if (std::strftime(text.data(), text.size() + 1, "%FT%T", &utc) == 0) return "-";  // year > 9999
  const std::string fraction = std::to_string(1000 + milliseconds);
  return text + "." + fraction.substr(1) + "Z";
}

// One write, so that lines of several threads and processes do not mix.
void write_line(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string journal_field(std::string_view key, std::string_view value) {
  std::string field(key);
  std::transform(field.begin(), field.end(), field.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  field += '=';
  field += value;
  return field;
}

// False when the journal did not take it.
bool send_to_journal(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  std::vector<std::string> lines;
  lines.reserve(fields.size() + 2);
  // The fields are repeated in the text: `journalctl` shows nothing else unless asked.
  lines.push_back(journal_field("MESSAGE", readable(message, fields)));
  lines.push_back(journal_field("PRIORITY", std::to_string(static_cast<int>(level))));
  for (const LogField& field : fields) lines.push_back(journal_field(field.key, field.value));
  std::vector<iovec> parts;
  parts.reserve(lines.size());
  for (std::string& line : lines) parts.push_back({line.data(), line.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

}  // namespace

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError: return "error";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kNotice: return "notice";
    case LogLevel::kInfo: return "info";
    case LogLevel::kDebug: return "debug";
  }
  return "unknown";
}

void set_log_level(LogLevel level) {
  threshold = level;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (level > threshold.load(std::memory_order_relaxed)) return;
  const std::span<const LogField> all(fields.begin(), fields.size());
  if (stderr_is_journal() && send_to_journal(level, message, all)) return;
  write_line(format_line(wall_clock_ms(), level, message, all));
}

std::string format_line(std::int64_t wall_ms, LogLevel level, std::string_view message,
                        std::span<const LogField> fields) {
  std::string line = timestamp(wall_ms);
  line += ' ';
  line += name_of(level);
  line += ' ';
  line += readable(message, fields);
  return line;
}

bool is_journal_stream(int fd, const char* journal_stream) {
  if (journal_stream == nullptr) return false;
  struct stat file {};
  if (fstat(fd, &file) != 0) return false;
  return std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino) == journal_stream;
}

}  // namespace outboxd::systemd
