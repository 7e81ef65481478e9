// The methods of the local API by name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domain/result.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// What a caller must be allowed to do.
enum class Access : std::uint8_t { kRead, kWrite, kAdmin };

std::string_view name_of(Access access);

struct Method {
  Access access = Access::kRead;
  // Answers the request now or later, or returns the error to answer with. Core thread.
  std::function<domain::Status(const transport::Request&)> run;
};

class MethodTable {
 public:
  // A name that is added twice is a bug.
  void add(std::string name, Access access,
           std::function<domain::Status(const transport::Request&)> run);

  // The method, or nothing.
  [[nodiscard]] const Method* find(std::string_view name) const;

  // A name that resembles `name`, for error messages; empty when none does.
  [[nodiscard]] std::string_view nearest(std::string_view name) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, Method, Hash, std::equal_to<>> methods_;
};

}  // namespace outboxd::daemon
