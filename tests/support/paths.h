// Where the tests find what they work with. Not as macros, so that only one file depends on where
// the checkout is: compiled tests are found again by ccache from any other.
#pragma once

#include <string>

namespace outboxd::support {

std::string source_dir();   // the project's root
std::string program_dir();  // where the build puts its programs

}  // namespace outboxd::support
