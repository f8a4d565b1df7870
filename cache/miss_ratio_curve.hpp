#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/ids.hpp"

namespace edgeward::cache {

/// What caches of different capacity hit, of the same requests.
struct MissRatioCurve {
  struct Point {
    std::uint64_t capacity_bytes = 0;
    std::uint64_t hits = 0;
    std::uint64_t hit_bytes = 0;

    bool operator==(const Point&) const = default;
  };

  std::vector<Point> points;  ///< by capacity
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};

/// Exactly what LRU hits at each of the capacities, which ascend: by stack distances, all at once;
/// and by one replay each where objects are larger than the capacity, which then go past the cache.
[[nodiscard]] MissRatioCurve lru_curve(std::span<const ObjectIndex> requests,
                                       std::span<const std::uint64_t> sizes_bytes,
                                       std::span<const std::uint64_t> capacities_bytes);

}  // namespace edgeward::cache
