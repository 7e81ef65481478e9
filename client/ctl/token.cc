#include "client/ctl/token.h"

#include <cstddef>
#include <iostream>

namespace outboxd::ctl {
namespace {

constexpr std::size_t kMaxTokenBytes = 4096;  // the daemon's are far shorter

}  // namespace

void add_token_option(CLI::App& command, std::string& token) {
  command.add_option("--token", token, "What `token issue` gave the user; -: from standard input")
      ->required();
}

std::string read_token(const std::string& given) {
  if (given != "-") return given;
  std::string token;
  for (char c = 0; token.size() < kMaxTokenBytes && std::cin.get(c) && c != '\n';) token += c;
  return token;
}

}  // namespace outboxd::ctl
