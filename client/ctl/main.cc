#include <iostream>
#include <string>
#include <vector>

#include "client/ctl/command_line.h"

int main(int argc, char** argv) {
  return outboxd::ctl::run(std::vector<std::string>(argv + 1, argv + argc), std::cout, std::cerr);
}
