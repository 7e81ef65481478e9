// One MessagePack-RPC method under load: requests as prepared bytes, and their replies as a count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include <msgpack.hpp>

#include "tests/bench/load_loop.h"
#include "tests/bench/sample_order.h"

namespace outboxd::bench {

using RpcPacker = msgpack::packer<std::stringstream>;

// The bytes of a call of `method` with `count` named arguments, which `pack_arguments` packs: name
// and value in turn. A kOrderNumber in them becomes the number of the request.
template <typename PackArguments>
std::string prepared_call(std::string_view method, std::uint32_t count,
                          const PackArguments& pack_arguments) {
  std::stringstream bytes;
  RpcPacker packer(bytes);
  packer.pack_array(4).pack(0).pack_fix_uint32(0).pack(method);
  packer.pack_array(1).pack_map(count);
  pack_arguments(packer);
  return bytes.str();
}

// A request's number is its msgid. An error reply ends the side with what the daemon said.
class RpcLoad : public LoadProtocol {
 public:
  // `request` is a prepared_call().
  explicit RpcLoad(std::string request);

  void append_request(std::uint64_t number, std::string& out) override;
  Replies count_replies(const char* data, std::size_t size) final;

 private:
  // Is told the bytes of each whole reply that is no error. Nobody reads them under load.
  virtual void note_reply(const char* /*data*/, std::size_t /*size*/) {}

  NumberedText request_;
};

}  // namespace outboxd::bench
