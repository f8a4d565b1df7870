#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cache/ids.hpp"

namespace edgeward::sim {

/// Which of a trace's objects shadow caches see: those whose hash falls into a part of 2^-k, so
/// that whole objects are in or out (SHARDS: Waldspurger, Park, Garthwaite, Ahmad, FAST 2015), and
/// their sizes under dense numbers of their own. Immutable, shared by all edges of a run.
class ObjectSample {
 public:
  /// All objects where there are no more than `objects_max`, else about that many or half.
  ObjectSample(std::span<const std::uint64_t> sizes_bytes, std::size_t objects_max);

  /// The object's number in the sample; kNoObject if it is not in it.
  [[nodiscard]] cache::ObjectIndex operator[](cache::ObjectIndex object) const {
    return numbers_[object];
  }
  [[nodiscard]] std::span<const std::uint64_t> sizes_bytes() const { return sizes_bytes_; }
  /// Of the objects, what part is in the sample.
  [[nodiscard]] double ratio() const { return ratio_; }

 private:
  std::vector<cache::ObjectIndex> numbers_;
  std::vector<std::uint64_t> sizes_bytes_;
  double ratio_ = 1;
};

}  // namespace edgeward::sim
