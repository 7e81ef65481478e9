#include "storage/chain.h"

#include <array>

#include <xxhash.h>

namespace outboxd::storage {
namespace {

void put_u64be(std::uint64_t number, unsigned char* out) {
  for (std::size_t i = 8; i-- > 0; number >>= 8) out[i] = static_cast<unsigned char>(number);
}

}  // namespace

std::uint64_t chain_after(std::uint64_t before, domain::Seq seq, std::string_view envelope) {
  std::array<unsigned char, 16> head;
  put_u64be(before, head.data());
  put_u64be(seq, head.data() + 8);
  const std::uint64_t seed = XXH3_64bits(head.data(), head.size());
  const std::uint64_t chain = XXH3_64bits_withSeed(envelope.data(), envelope.size(), seed);
  return chain == kNoChain ? 1 : chain;
}

}  // namespace outboxd::storage
