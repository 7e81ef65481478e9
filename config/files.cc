#include <algorithm>
#include <filesystem>
#include <system_error>

#include "config/reader.h"

namespace outboxd::config {

std::vector<std::string> files_to_read(const std::string& chosen, const std::string& main_file) {
  if (!chosen.empty()) return {chosen};
  std::vector<std::string> files;
  std::error_code error;
  // A file that is there but cannot be looked at is read, so that the reading says why.
  if (std::filesystem::exists(main_file, error) || error) files.push_back(main_file);

  const std::string directory = main_file + ".d";
  std::vector<std::string> fragments;
  std::filesystem::directory_iterator entries(directory, error);
  if (error) {
    if (error != std::errc::no_such_file_or_directory) files.push_back(directory);
    return files;
  }
  while (entries != std::filesystem::directory_iterator()) {
    if (entries->path().extension() == ".toml") fragments.push_back(entries->path().string());
    if (entries.increment(error); error) {
      files.push_back(directory);
      return files;
    }
  }
  std::sort(fragments.begin(), fragments.end());
  files.insert(files.end(), fragments.begin(), fragments.end());
  return files;
}

}  // namespace outboxd::config
