// Runs outboxctl's commands against a server that answers as a test tells it.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "client/ctl/command_line.h"
#include "tests/unit/client/fake_daemon.h"

namespace outboxd::ctl {

struct Ended {
  int status = 0;
  std::string out;
  std::string err;
};

// Daemon and broker are both looked for at path("s").
class CommandLineTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path(name); }

  Ended ctl(std::vector<std::string> arguments) {
    for (const char* option : {"--socket", "--broker-socket"}) {
      arguments.insert(arguments.begin(), {option, path("s")});
    }
    std::ostringstream out;
    std::ostringstream err;
    const int status = run(arguments, out, err);
    return {status, out.str(), err.str()};
  }

 private:
  client::testing::TempDir dir_;
};

}  // namespace outboxd::ctl
