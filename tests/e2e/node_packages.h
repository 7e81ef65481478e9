// The packages of the npm registry that tests run Node.js with.
#pragma once

#include <filesystem>

namespace outboxd::e2e {

// False where Debian's nodejs and npm are not installed.
bool has_node();

// The directory in which the locked packages are (for NODE_PATH), fetched when they are not there.
std::filesystem::path node_packages();

}  // namespace outboxd::e2e
