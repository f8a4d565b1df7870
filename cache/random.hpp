#pragma once

#include <cstdint>

namespace edgeward::cache {

/// A small seeded generator: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). The same seed gives the
/// same numbers on every platform, which the standard library's distributions do not promise.
/// Period 2^64; not for cryptography. Copying it forks the stream.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// Uniform over all 64-bit values.
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  /// Uniform over 0 .. bound - 1 (multiply-shift; bias below bound / 2^64). bound ≥ 1.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  /// Uniform over [0, 1), 53 bits.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  __extension__ using Wide = unsigned __int128;

  std::uint64_t state_;
};

}  // namespace edgeward::cache
