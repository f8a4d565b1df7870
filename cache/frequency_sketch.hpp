#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "cache/ids.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

/// How many objects a cache can be expected to hold: capacity / mean size, rounded up, from 1 to
/// the number of objects there are. What sketches and filters are sized by, never by bytes.
[[nodiscard]] inline std::uint64_t objects_that_fit(std::span<const std::uint64_t> sizes_bytes,
                                                    std::uint64_t capacity_bytes) {
  double footprint = 0;
  for (const std::uint64_t size : sizes_bytes) footprint += static_cast<double>(size);
  const auto objects = static_cast<double>(sizes_bytes.size());
  const double fitting =
      std::ceil(static_cast<double>(capacity_bytes) * objects / std::max(footprint, 1.0));
  return static_cast<std::uint64_t>(std::clamp(fitting, 1.0, std::max(objects, 1.0)));
}

/// Estimates how often an object was seen lately: a count-min sketch (Cormode, Muthukrishnan,
/// J. Algorithms 55(1), 2005) of 4-bit counters aged by halving, as TinyLFU keeps it (Einziger,
/// Friedman, Manes, "TinyLFU: a highly efficient cache admission policy", ACM ToS 13(4), 2017), but
/// with all four counters of an object in one 64-byte block: an access is one cache line, and
/// prefetch() hides it.
///
/// With h = Random(object).next(): block (h >> 32) * blocks / 2^32; in it, row r (r = 0 .. 3) holds
/// 32 counters, of which the object owns number (h >> 5r) mod 32. The estimate is the least of the
/// four. add() raises those that equal the estimate, unless it is 15, the most a counter holds
/// (conservative update: Estan, Varghese, SIGCOMM 2002). Between halvings an estimate is never too
/// low below 15.
///
/// Sized by the number of objects n: one block for each 8, rounded up. After every 15 n additions
/// all counters are halved, rounding down: O(1) an addition in the mean.
class FrequencySketch {
 public:
  static constexpr std::uint32_t kMax = 15;

  explicit FrequencySketch(std::uint64_t objects)
      : blocks_(std::max<std::uint64_t>(1, (objects + kObjectsPerBlock - 1) / kObjectsPerBlock)),
        period_(kPeriod * std::max<std::uint64_t>(1, objects)) {}

  [[nodiscard]] std::uint64_t blocks() const { return blocks_.size(); }

  void prefetch(ObjectIndex object) const {
    __builtin_prefetch(&blocks_[block_of(hash(object))], 1);
  }

  void add(ObjectIndex object) {
    const std::uint64_t h = hash(object);
    Block& block = blocks_[block_of(h)];
    const std::uint64_t least = least_counter(block, h);
    const std::uint64_t grows = least < kMax;
    for (unsigned row = 0; row < kRows; ++row) {
      const Counter counter = counter_of(h, row);
      std::uint64_t& word = block.words[counter.word];
      const std::uint64_t is_least = (word >> counter.shift & kMax) == least;
      word += (is_least & grows) << counter.shift;
    }
    if (++additions_ == period_) halve();
  }

  [[nodiscard]] std::uint32_t frequency(ObjectIndex object) const {
    const std::uint64_t h = hash(object);
    return static_cast<std::uint32_t>(least_counter(blocks_[block_of(h)], h));
  }

 private:
  static constexpr unsigned kRows = 4;
  static constexpr std::uint64_t kPeriod = 15;  ///< additions for each object between halvings
  static constexpr std::uint64_t kObjectsPerBlock = 8;

  struct alignas(64) Block {
    std::array<std::uint64_t, 8> words{};  ///< two a row
  };
  struct Counter {
    unsigned word = 0;
    unsigned shift = 0;
  };

  static std::uint64_t hash(ObjectIndex object) { return Random(object).next(); }

  [[nodiscard]] std::uint64_t block_of(std::uint64_t h) const {
    return (h >> 32) * blocks_.size() >> 32;
  }

  static Counter counter_of(std::uint64_t h, unsigned row) {
    const auto number = static_cast<unsigned>(h >> (5 * row)) & 31;
    return {.word = 2 * row + number / 16, .shift = number % 16 * 4};
  }

  static std::uint64_t least_counter(const Block& block, std::uint64_t h) {
    std::uint64_t least = kMax;
    for (unsigned row = 0; row < kRows; ++row) {
      const Counter counter = counter_of(h, row);
      least = std::min(least, block.words[counter.word] >> counter.shift & kMax);
    }
    return least;
  }

  void halve() {
    for (Block& block : blocks_) {
      for (std::uint64_t& word : block.words) word = word >> 1 & 0x7777'7777'7777'7777;
    }
    additions_ = 0;
  }

  std::vector<Block> blocks_;
  std::uint64_t period_;
  std::uint64_t additions_ = 0;
};

}  // namespace edgeward::cache
