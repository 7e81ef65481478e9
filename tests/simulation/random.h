// Where all chance of a schedule comes from.
#pragma once

#include <cstdint>
#include <random>

namespace outboxd::simulation {

// One seed, one sequence: a schedule that failed fails again.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t bits() { return engine_(); }

  // 0 … bound - 1.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

  // From [0, 1).
  double fraction() {
    constexpr int kMantissaBits = 53;
    return static_cast<double>(engine_() >> (64 - kMantissaBits)) * 0x1p-53;
  }

  bool chance(double probability) { return probability > 0 && fraction() < probability; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace outboxd::simulation
