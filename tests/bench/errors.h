// How a side of a benchmark says that it has no figure.
//
// The benchmark is a program of its own, with one place that catches: the runner of a side
// (see sides.cc). Everything below it throws, so that destructors end the servers it started.
#pragma once

#include <stdexcept>
#include <string>

namespace outboxd::bench {

// The side was started and did not do what it should. The whole run then ends with status 1.
class BenchError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The side cannot run on this machine; it is skipped with this message and nothing fails.
class NotInstalled : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// BenchError with the text of errno behind `what`.
[[noreturn]] void throw_errno(const std::string& what);

}  // namespace outboxd::bench
