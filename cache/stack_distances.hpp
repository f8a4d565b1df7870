#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

/// Exact LRU stack distances, in bytes: how much was asked for since an object last was, each
/// object once and itself included. LRU holds it if that is at most its capacity, whatever the
/// capacity is (Mattson, Gecsei, Slutz, Traiger 1970), as long as no object is larger than the
/// capacity.
///
/// Every object has a place in the order of last accesses, its size there as a weight; the distance
/// is a sum over later places (Bennett, Kruskal 1975). Sums are kept in a tree of fan-out 16, so
/// that a step up adds two cache lines and a million objects need six. O(log n) an access; memory:
/// about 29 bytes an object. Not thread-safe.
class StackDistances {
 public:
  static constexpr std::uint64_t kFirst = std::numeric_limits<std::uint64_t>::max();

  /// Sizes by ObjectIndex, of fewer than 2^31 objects, all together below 2^63; must outlive this.
  explicit StackDistances(std::span<const std::uint64_t> sizes_bytes);

  /// The distances of accesses that follow those before; kFirst where an object is asked for the
  /// first time. `distances` has room for as many.
  void measure(std::span<const ObjectIndex> accesses, std::uint64_t* distances);

 private:
  using Place = std::uint32_t;
  static constexpr Place kNowhere = std::numeric_limits<Place>::max();
  static constexpr std::size_t kFanOut = 16;

  [[nodiscard]] std::uint64_t take(Place place, std::uint64_t size_bytes);
  void put(Place place, std::uint64_t size_bytes);
  void close_up();
  void prefetch(std::span<const ObjectIndex> accesses, std::size_t next) const;

  std::span<const std::uint64_t> sizes_bytes_;
  std::vector<geo::HugeArray<std::uint64_t>> sums_;  ///< by level; the first: weights by place
  geo::HugeArray<Place> places_;                     ///< by object
  geo::HugeArray<ObjectIndex> objects_;              ///< by place; kNoObject where it has left
  std::size_t next_ = 0;                             ///< place
};

}  // namespace edgeward::cache
