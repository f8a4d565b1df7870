#pragma once

#include <array>
#include <vector>

#include "cache/random.hpp"
#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

/// How many objects fit, if they are all of the mean size.
inline std::uint64_t objects_that_fit(const World& world) {
  std::uint64_t footprint = 0;
  for (const std::uint64_t size : world.sizes_bytes) footprint += size;
  const std::uint64_t objects = world.sizes_bytes.size();
  const std::uint64_t product = world.capacity_bytes * objects;
  const std::uint64_t fit = footprint == 0 ? objects : (product + footprint - 1) / footprint;
  return std::clamp<std::uint64_t>(fit, 1, objects);
}

/// Approximate counts, halved now and then.
class Sketch {
 public:
  explicit Sketch(std::uint64_t objects) : objects_(objects), blocks_((objects + 7) / 8) {}

  [[nodiscard]] std::uint64_t objects() const { return objects_; }
  [[nodiscard]] std::uint64_t frequency(ObjectIndex object) const {
    std::uint64_t least = kMost;
    for (std::size_t row = 0; row < kRows; ++row) {
      least = std::min(least, blocks_[block(object)][row][column(object, row)]);
    }
    return least;
  }
  void add(ObjectIndex object) {
    const std::uint64_t least = frequency(object);
    for (std::size_t row = 0; row < kRows; ++row) {
      std::uint64_t& counter = blocks_[block(object)][row][column(object, row)];
      if (counter == least && least < kMost) ++counter;
    }
    if (++additions_ % (15 * objects_) != 0) return;
    for (auto& rows : blocks_) {
      for (auto& counters : rows) {
        for (std::uint64_t& counter : counters) counter /= 2;
      }
    }
  }

 private:
  static constexpr std::size_t kRows = 4;
  static constexpr std::uint64_t kMost = 15;

  static std::uint64_t hash(ObjectIndex object) { return Random(object).next(); }
  [[nodiscard]] std::size_t block(ObjectIndex object) const {
    return ((hash(object) >> 32) * blocks_.size()) >> 32;
  }
  static std::size_t column(ObjectIndex object, std::size_t row) {
    return (hash(object) >> (5 * row)) % 32;
  }

  std::uint64_t objects_;
  std::vector<std::array<std::array<std::uint64_t, 32>, kRows>> blocks_;
  std::uint64_t additions_ = 0;
};

}  // namespace edgeward::cache::oracle
