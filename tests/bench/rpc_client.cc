#include "tests/bench/rpc_client.h"

#include <span>
#include <sstream>
#include <string>

#include <unistd.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {

RpcClient::RpcClient(const std::filesystem::path& socket) : socket_(connect_unix(socket)) {}

msgpack::object_handle RpcClient::call(std::string_view method) {
  std::stringstream request;
  msgpack::packer<std::stringstream> packer(request);
  packer.pack_array(4).pack(0).pack(next_msgid_++).pack(method).pack_array(0);
  write_all(socket_.get(), request.str());
  msgpack::object_handle response;
  while (!unpacker_.next(response)) {
    constexpr std::size_t kChunk = std::size_t{64} * 1024;
    unpacker_.reserve_buffer(kChunk);
    const ssize_t got = ::read(socket_.get(), unpacker_.buffer(), kChunk);
    if (got <= 0) throw BenchError("the server closed the connection");
    unpacker_.buffer_consumed(static_cast<std::size_t>(got));
  }
  const msgpack::object& message = response.get();
  if (message.type != msgpack::type::ARRAY || message.via.array.size != 4) {
    throw BenchError("not a response");
  }
  const std::span parts(message.via.array.ptr, message.via.array.size);
  if (!parts[2].is_nil()) {
    std::stringstream text;
    text << method << ": " << parts[2];
    throw BenchError(text.str());
  }
  return {parts[3], std::move(response.zone())};
}

const msgpack::object& member(const msgpack::object& map, std::string_view name) {
  if (map.type == msgpack::type::MAP) {
    for (const msgpack::object_kv& entry : std::span(map.via.map.ptr, map.via.map.size)) {
      if (entry.key.type == msgpack::type::STR && entry.key.as<std::string_view>() == name) {
        return entry.val;
      }
    }
  }
  throw BenchError("the reply has no member " + std::string(name));
}

std::uint64_t unsigned_member(const msgpack::object& map, std::string_view name) {
  const msgpack::object& value = member(map, name);
  if (value.type != msgpack::type::POSITIVE_INTEGER) {
    throw BenchError("the reply's member " + std::string(name) + " is no number");
  }
  return value.via.u64;
}

}  // namespace outboxd::bench
