#include "domain/store_id.h"

#include <array>
#include <cstdint>
#include <random>

namespace outboxd::domain {

std::string new_store_id() {
  constexpr std::array<char, 16> kDigits = {'0', '1', '2', '3', '4', '5', '6', '7',
                                            '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  constexpr int kWords = 4;
  std::random_device device;
  std::string id;
  for (int word = 0; word < kWords; ++word) {
    const std::uint32_t bits = device();
    for (unsigned shift = 0; shift < 32; shift += 4) id.push_back(kDigits.at(bits >> shift & 0xfU));
  }
  return id;
}

}  // namespace outboxd::domain
