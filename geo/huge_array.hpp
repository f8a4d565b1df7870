#pragma once

#include <cstddef>
#include <new>
#include <vector>

#include "geo/huge_blocks.hpp"

namespace edgeward::geo {

/// Allocates arrays of two mebibytes and more on huge pages where the system has them: look-ups and
/// replays touch them at random, and with small pages the address translation alone misses its
/// cache.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  /// Smaller arrays lie on small pages.
  static constexpr std::size_t kHugePageBytes = HugeBlocks::kHugePageBytes;

  HugePageAllocator() = default;
  template <class Other>
  explicit HugePageAllocator(const HugePageAllocator<Other>&) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < kHugePageBytes) return static_cast<T*>(::operator new(bytes, kAlignment));
    return static_cast<T*>(HugeBlocks::allocate(bytes));
  }

  void deallocate(T* memory, std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < kHugePageBytes) return ::operator delete(memory, kAlignment);
    HugeBlocks::deallocate(memory, bytes);
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }

 private:
  static constexpr std::align_val_t kAlignment{128};  ///< pairs of lines
};

/// A vector on huge pages.
template <class T>
using HugeArray = std::vector<T, HugePageAllocator<T>>;

}  // namespace edgeward::geo
