#include "storage/database/store_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sys/random.h>

#include "storage/database/crc32c.h"
#include "storage/database/whole_file.h"

namespace outboxd::storage {
namespace {

constexpr std::size_t kMarkBytes = 16;
constexpr char kLogDataTag = 3;
constexpr std::string_view kFirstLine = "outboxd store 1\n";

std::string checksum_line(std::string_view text) {
  return fmt::format("crc32c {:08x}\n", crc32c(text));
}

// Takes `prefix`, and what follows up to the end of the line, off the front of `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view prefix) {
  const std::size_t end = text.find('\n');
  if (!text.starts_with(prefix) || end == std::string_view::npos || end < prefix.size()) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(prefix.size(), end - prefix.size());
  text.remove_prefix(end + 1);
  return rest;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view digits, int base) {
  Number value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<std::string> parse_mark(std::string_view digits) {
  if (digits.size() != 2 * kMarkBytes) return std::nullopt;
  std::string mark;
  for (std::size_t i = 0; i < kMarkBytes; ++i) {
    const auto byte = parse_number<unsigned char>(digits.substr(2 * i, 2), 16);
    if (!byte) return std::nullopt;
    mark.push_back(static_cast<char>(*byte));
  }
  return mark;
}

std::optional<KnownManifest> parse_manifest(std::string_view line) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const auto number = parse_number<std::uint64_t>(line.substr(0, blank), 10);
  const auto bytes = parse_number<std::uint64_t>(line.substr(std::min(blank + 1, line.size())), 10);
  if (!number || !bytes) return std::nullopt;
  return KnownManifest{*number, *bytes};
}

}  // namespace

std::string mark_in_batch(const StoreFile& file) {
  std::string bytes{kLogDataTag, static_cast<char>(kMarkBytes)};
  return bytes + file.mark;
}

domain::Result<StoreFile> new_store_file() {
  std::array<char, kMarkBytes> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return domain::Error{.message = "cannot get random bytes from the system"};
  }
  return StoreFile{
      .mark = {random.begin(), random.end()}, .durable_sequence = 0, .logs = {}, .manifest = {}};
}

std::string text_of(const StoreFile& file) {
  std::string text(kFirstLine);
  text += "mark ";
  for (const char c : file.mark) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  text += fmt::format("\ndurable {}\nlogs", file.durable_sequence);
  for (const ListedLog& log : file.logs) {
    text += fmt::format(" {}@{}", log.number, log.first_sequence);
  }
  text += fmt::format("\nmanifest {} {}\n", file.manifest.number, file.manifest.bytes);
  return text + checksum_line(text);
}

std::optional<StoreFile> parse_store_file(std::string_view text) {
  const std::size_t sum_at = text.rfind("crc32c ");
  if (sum_at == std::string_view::npos) return std::nullopt;
  std::string_view body = text.substr(0, sum_at);
  if (text.substr(sum_at) != checksum_line(body) || !body.starts_with(kFirstLine)) {
    return std::nullopt;
  }
  body.remove_prefix(kFirstLine.size());
  const auto mark_line = take_line(body, "mark ");
  const auto durable_line = take_line(body, "durable ");
  auto logs_line = take_line(body, "logs");
  const auto manifest_line = take_line(body, "manifest ");
  if (!mark_line || !durable_line || !logs_line || !manifest_line) return std::nullopt;
  auto mark = parse_mark(*mark_line);
  const auto durable = parse_number<std::uint64_t>(*durable_line, 10);
  if (!mark || !durable) return std::nullopt;
  const auto manifest = parse_manifest(*manifest_line);
  if (!manifest) return std::nullopt;
  StoreFile file{
      .mark = *std::move(mark), .durable_sequence = *durable, .logs = {}, .manifest = *manifest};
  while (!logs_line->empty()) {
    logs_line->remove_prefix(1);
    if (logs_line->empty()) return std::nullopt;
    const std::size_t end = std::min(logs_line->find(' '), logs_line->size());
    const std::string_view entry = logs_line->substr(0, end);
    const std::size_t at = std::min(entry.find('@'), entry.size() - 1);
    const auto number = parse_number<std::uint64_t>(entry.substr(0, at), 10);
    const auto first = parse_number<std::uint64_t>(entry.substr(at + 1), 10);
    if (!number || !first) return std::nullopt;
    file.logs.push_back({*number, *first});
    logs_line->remove_prefix(end);
  }
  return file;
}

domain::Result<StoreFileOnDisk> read_store_file(rocksdb::Env& env, const std::string& directory) {
  const std::string path = directory + "/" + kStoreFileName;
  if (env.FileExists(path).IsNotFound()) return StoreFileOnDisk{};
  OUTBOXD_ASSIGN_OR_RETURN(const std::string text, read_whole_file(env, path));
  return StoreFileOnDisk{.exists = true, .content = parse_store_file(text)};
}

domain::Status write_store_file(rocksdb::Env& env, const std::string& directory,
                                const StoreFile& file) {
  OUTBOXD_TRY(replace_whole_file(env, directory + "/" + kStoreFileName, text_of(file)));
  return sync_directory(env, directory);
}

}  // namespace outboxd::storage
