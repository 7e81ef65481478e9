#include "tests/fault/io_record.h"

#include <cstring>
#include <utility>

#include <unistd.h>

#include "domain/check.h"

namespace outboxd::fault {
namespace {

// The journal is read by the machine that wrote it, in the same test: native numbers do.
void append_number(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out.append(text);
}

std::string encode(const Operation& operation) {
  std::string out;
  append_number(out, static_cast<std::uint64_t>(operation.kind));
  append_number(out, operation.inode);
  append_number(out, operation.offset);
  append_text(out, operation.path);
  append_text(out, operation.target);
  append_text(out, operation.bytes);
  return out;
}

// Takes pieces off the front of a journal.
class JournalCursor {
 public:
  explicit JournalCursor(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  std::string text() { return std::string(take(number())); }

 private:
  std::string_view take(std::size_t size) {
    OUTBOXD_CHECK(size <= rest_.size());
    const std::string_view piece = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return piece;
  }

  std::string_view rest_;
};

}  // namespace

std::string_view name_of(Operation::Kind kind) {
  switch (kind) {
    case Operation::Kind::kCreate: return "create";
    case Operation::Kind::kWrite: return "write";
    case Operation::Kind::kTruncate: return "truncate";
    case Operation::Kind::kSync: return "sync";
    case Operation::Kind::kClose: return "close";
    case Operation::Kind::kRename: return "rename";
    case Operation::Kind::kLink: return "link";
    case Operation::Kind::kRemove: return "remove";
    case Operation::Kind::kMakeDirectory: return "make directory";
    case Operation::Kind::kRemoveDirectory: return "remove directory";
    case Operation::Kind::kSyncDirectory: return "sync directory";
    case Operation::Kind::kIgnored: return "ignored sync";
    case Operation::Kind::kAcknowledged: return "acknowledged";
  }
  return "?";
}

std::string describe(const Operation& operation) {
  std::string text(name_of(operation.kind));
  switch (operation.kind) {
    case Operation::Kind::kWrite:
      return text + " of " + std::to_string(operation.bytes.size()) + " bytes at " +
             std::to_string(operation.offset) + " of " + operation.path;
    case Operation::Kind::kTruncate:
      return text + " to " + std::to_string(operation.offset) + " of " + operation.path;
    case Operation::Kind::kRename:
    case Operation::Kind::kLink: return text + " " + operation.path + " as " + operation.target;
    case Operation::Kind::kAcknowledged: return text + " group " + std::to_string(operation.offset);
    default: return text + " " + operation.path;
  }
}

void Recorder::add(Operation operation) {
  const std::lock_guard lock(mutex_);
  if (journal_fd_ >= 0) {
    const std::string bytes = encode(operation);
    const ssize_t written = ::write(journal_fd_, bytes.data(), bytes.size());
    OUTBOXD_CHECK(written == static_cast<ssize_t>(bytes.size()));
  }
  record_.push_back(std::move(operation));
}

Record Recorder::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(record_, {});
}

Record read_journal(int journal_fd) {
  const off_t size = ::lseek(journal_fd, 0, SEEK_END);
  OUTBOXD_CHECK(size >= 0);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  OUTBOXD_CHECK(::pread(journal_fd, bytes.data(), bytes.size(), 0) == size);

  Record record;
  JournalCursor cursor(bytes);
  while (!cursor.at_end()) {
    Operation operation;
    operation.kind = static_cast<Operation::Kind>(cursor.number());
    operation.inode = cursor.number();
    operation.offset = cursor.number();
    operation.path = cursor.text();
    operation.target = cursor.text();
    operation.bytes = cursor.text();
    record.push_back(std::move(operation));
  }
  return record;
}

}  // namespace outboxd::fault
