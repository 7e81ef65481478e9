#include "tests/fault/disk_model.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "domain/check.h"

namespace outboxd::fault {
namespace {

constexpr std::size_t kPageBytes = 4096;

std::size_t random_below(std::mt19937_64& random, std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

std::string child_of(const std::string& directory, const std::string& name) {
  return directory == "/" ? directory + name : directory + "/" + name;
}

}  // namespace

DiskImage empty_disk(const std::string& path) {
  DiskImage image;
  for (std::string at = path; at != "/"; at = parent_of(at)) image.directories.insert(at);
  image.directories.insert("/");
  return image;
}

Record record_of(const DiskImage& image) {
  Record record;
  for (const std::string& path : image.directories) {
    if (path != "/") record.push_back({.kind = Operation::Kind::kMakeDirectory, .path = path});
  }
  Inode inode = 0;
  for (const auto& [path, contents] : image.files) {
    record.push_back({.kind = Operation::Kind::kCreate, .inode = ++inode, .path = path});
    record.push_back(
        {.kind = Operation::Kind::kWrite, .inode = inode, .path = path, .bytes = *contents});
    record.push_back({.kind = Operation::Kind::kSync, .inode = inode, .path = path});
  }
  for (const std::string& path : image.directories) {
    record.push_back({.kind = Operation::Kind::kSyncDirectory, .path = path});
  }
  return record;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  OUTBOXD_CHECK(slash != std::string::npos);
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string leaf_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string describe(const Aftermath& aftermath) {
  std::string text = "unsynced data ";
  switch (aftermath.data) {
    case UnsyncedData::kDropped: text += "dropped"; break;
    case UnsyncedData::kPrefix: text += "kept up to a point"; break;
    case UnsyncedData::kMissingPage: text += "kept but for a page"; break;
    case UnsyncedData::kGarbageTail: text += "ending in garbage"; break;
  }
  text += ", unsynced names ";
  switch (aftermath.names) {
    case UnsyncedNames::kLost: text += "lost"; break;
    case UnsyncedNames::kPrefix: text += "kept up to a point"; break;
    case UnsyncedNames::kKept: text += "kept"; break;
  }
  return text;
}

DiskModel::DiskModel(const DiskImage& start) {
  for (const std::string& path : start.directories) {
    directories_[path];
    if (path != "/") directories_[parent_of(path)].durable[leaf_of(path)] = {.is_directory = true};
  }
  Inode inode = 0;
  for (const auto& [path, contents] : start.files) {
    files_[++inode].durable = contents;
    directories_[parent_of(path)].durable[leaf_of(path)] = {.inode = inode};
  }
}

void DiskModel::apply(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kCreate:
      files_[operation.inode];
      add_name(operation.path, {.inode = operation.inode});
      break;
    case Operation::Kind::kWrite:
      files_.at(operation.inode)
          .unsynced.push_back({.offset = operation.offset, .bytes = operation.bytes});
      break;
    case Operation::Kind::kTruncate: change_length(operation.inode, operation.offset); break;
    case Operation::Kind::kSync: sync(operation.inode); break;
    case Operation::Kind::kRename: rename(operation.path, operation.target); break;
    case Operation::Kind::kLink: add_name(operation.target, node_of(operation.path)); break;
    case Operation::Kind::kRemove:
    case Operation::Kind::kRemoveDirectory: remove_name(operation.path); break;
    case Operation::Kind::kMakeDirectory:
      directories_[operation.path];
      add_name(operation.path, {.is_directory = true});
      break;
    case Operation::Kind::kSyncDirectory: sync_directory(operation.path); break;
    case Operation::Kind::kClose:
    case Operation::Kind::kIgnored:
    case Operation::Kind::kAcknowledged: break;
  }
}

bool DiskModel::has_unsynced_data() const {
  return std::ranges::any_of(files_,
                             [](const auto& file) { return !file.second.unsynced.empty(); });
}

bool DiskModel::has_unsynced_names() const {
  return std::ranges::any_of(directories_,
                             [](const auto& entry) { return !entry.second.unsynced.empty(); });
}

void DiskModel::change_length(Inode inode, std::uint64_t length) {
  files_.at(inode).unsynced.push_back({.offset = length, .is_length = true});
}

void DiskModel::sync(Inode inode) {
  File& file = files_.at(inode);
  if (file.unsynced.empty()) return;
  std::string contents = *file.durable;
  for (const Change& change : file.unsynced) apply_change(change, contents);
  file.durable = std::make_shared<std::string>(std::move(contents));
  file.unsynced.clear();
  ++generation_;
}

void DiskModel::sync_directory(const std::string& path) {
  Directory& directory = directories_.at(path);
  if (directory.unsynced.empty()) return;
  for (const NameChange& change : directory.unsynced) apply_change(change, directory.durable);
  directory.unsynced.clear();
  ++generation_;
}

void DiskModel::add_name(const std::string& path, Node node) {
  directories_.at(parent_of(path)).unsynced.push_back({.added = leaf_of(path), .node = node});
}

void DiskModel::remove_name(const std::string& path) {
  directories_.at(parent_of(path)).unsynced.push_back({.removed = leaf_of(path)});
}

void DiskModel::rename(const std::string& from, const std::string& to) {
  const Node node = node_of(from);
  OUTBOXD_CHECK(!node.is_directory);
  if (parent_of(from) == parent_of(to)) {
    directories_.at(parent_of(to))
        .unsynced.push_back({.removed = leaf_of(from), .added = leaf_of(to), .node = node});
  } else {
    add_name(to, node);
    remove_name(from);
  }
}

DiskModel::Node DiskModel::node_of(const std::string& path) const {
  const Directory& directory = directories_.at(parent_of(path));
  Names names = directory.durable;
  for (const NameChange& change : directory.unsynced) apply_change(change, names);
  return names.at(leaf_of(path));
}

void DiskModel::apply_change(const NameChange& change, Names& names) {
  if (change.removed) names.erase(*change.removed);
  if (change.added) names[*change.added] = change.node;
}

void DiskModel::apply_change(const Change& change, std::string& contents) {
  if (change.is_length) {
    contents.resize(change.offset, '\0');
    return;
  }
  const std::size_t end = change.offset + change.bytes.size();
  if (contents.size() < end) contents.resize(end, '\0');
  contents.replace(change.offset, change.bytes.size(), change.bytes);
}

// The bytes of `file` after a power cut. Bytes that are durable are never touched.
std::shared_ptr<const std::string> DiskModel::survivor(const File& file, UnsyncedData fate,
                                                       std::mt19937_64& random) {
  if (file.unsynced.empty() || fate == UnsyncedData::kDropped) return file.durable;

  std::string all = *file.durable;
  for (const Change& change : file.unsynced) apply_change(change, all);
  if (fate == UnsyncedData::kMissingPage) {
    const std::size_t first_lost = std::min(file.durable->size(), all.size());
    if (first_lost == all.size()) return std::make_shared<std::string>(std::move(all));
    const std::size_t first_page = first_lost / kPageBytes;
    const std::size_t pages = (all.size() - 1) / kPageBytes - first_page + 1;
    const std::size_t page = first_page + random_below(random, pages);
    const std::size_t from = std::max(page * kPageBytes, first_lost);
    const std::size_t to = std::min((page + 1) * kPageBytes, all.size());
    std::fill(all.begin() + static_cast<std::ptrdiff_t>(from),
              all.begin() + static_cast<std::ptrdiff_t>(to), '\0');
    return std::make_shared<std::string>(std::move(all));
  }

  std::string kept = *file.durable;
  const std::size_t whole = random_below(random, file.unsynced.size());
  for (std::size_t i = 0; i < whole; ++i) apply_change(file.unsynced[i], kept);
  Change torn = file.unsynced[whole];
  if (!torn.is_length) {
    torn.bytes.resize(random_below(random, torn.bytes.size() + 1));
    apply_change(torn, kept);
  }
  if (fate == UnsyncedData::kGarbageTail) {
    while (kept.size() < all.size()) kept.push_back(static_cast<char>(random_below(random, 256)));
  }
  return std::make_shared<std::string>(std::move(kept));
}

DiskModel::Names DiskModel::names_after(const Directory& directory, UnsyncedNames fate,
                                        std::mt19937_64& random) const {
  std::size_t happened = 0;
  if (fate == UnsyncedNames::kKept) happened = directory.unsynced.size();
  if (fate == UnsyncedNames::kPrefix)
    happened = random_below(random, directory.unsynced.size() + 1);
  Names names = directory.durable;
  for (std::size_t i = 0; i < happened; ++i) apply_change(directory.unsynced[i], names);
  return names;
}

DiskImage DiskModel::after_cut(Aftermath aftermath, std::mt19937_64& random) const {
  DiskImage image;
  const std::function<void(const std::string&)> visit = [&](const std::string& path) {
    image.directories.insert(path);
    for (const auto& [name, node] : names_after(directories_.at(path), aftermath.names, random)) {
      const std::string child = child_of(path, name);
      if (node.is_directory) {
        visit(child);
      } else {
        image.files[child] = survivor(files_.at(node.inode), aftermath.data, random);
      }
    }
  };
  visit("/");
  return image;
}

DiskImage DiskModel::as_seen() const {
  std::mt19937_64 random;
  DiskModel synced = *this;
  for (auto& [inode, file] : synced.files_) synced.sync(inode);
  return synced.after_cut({.names = UnsyncedNames::kKept}, random);
}

}  // namespace outboxd::fault
