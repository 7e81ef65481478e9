// Single MessagePack-RPC calls, for what a benchmark asks the daemon and the broker besides load.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include <msgpack.hpp>

#include "tests/bench/sockets.h"

namespace outboxd::bench {

class RpcClient {
 public:
  // Throws BenchError if nobody listens.
  explicit RpcClient(const std::filesystem::path& socket);

  // Calls `method` without arguments and returns its result; throws BenchError for an error reply.
  msgpack::object_handle call(std::string_view method);

 private:
  UniqueFd socket_;
  std::uint32_t next_msgid_ = 1;
  msgpack::unpacker unpacker_;
};

// The member `name` of a map; throws BenchError if there is none.
const msgpack::object& member(const msgpack::object& map, std::string_view name);

std::uint64_t unsigned_member(const msgpack::object& map, std::string_view name);

}  // namespace outboxd::bench
