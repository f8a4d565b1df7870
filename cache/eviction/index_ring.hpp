#pragma once

#include <bit>
#include <cassert>
#include <cstdint>

#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

/// A queue of objects in a circular array, for queues that objects leave at the old end only.
/// Where a hand moves past many objects, reading the array beats following links: the next ones
/// are known, so their states can be fetched meanwhile. No object may be in it twice. Four bytes
/// for each object of the trace, rounded up to a power of two.
class IndexRing {
 public:
  explicit IndexRing(std::size_t universe)
      : slots_(std::bit_ceil(universe + 1)), mask_(slots_.size() - 1) {}

  [[nodiscard]] bool empty() const { return pushed_ == popped_; }
  [[nodiscard]] std::uint64_t size() const { return pushed_ - popped_; }
  [[nodiscard]] ObjectIndex oldest() const { return at(0); }

  /// The object that will be the oldest after `steps` pops; some object or 0 if there is none.
  [[nodiscard]] ObjectIndex at(std::uint64_t steps) const {
    return slots_[(popped_ + steps) & mask_];
  }

  void push(ObjectIndex object) {
    assert(size() < slots_.size());
    slots_[pushed_++ & mask_] = object;
  }

  ObjectIndex pop() {
    assert(!empty());
    return slots_[popped_++ & mask_];
  }

 private:
  geo::HugeArray<ObjectIndex> slots_;
  std::uint64_t mask_;
  std::uint64_t pushed_ = 0;
  std::uint64_t popped_ = 0;
};

}  // namespace edgeward::cache
