#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace edgeward::geo {

/// Allocates arrays of two mebibytes and more on huge pages where the system has them: look-ups and
/// replays touch them at random, and with small pages the address translation alone misses its
/// cache.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  /// Smaller arrays lie on small pages.
  static constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

  HugePageAllocator() = default;
  template <class Other>
  explicit HugePageAllocator(const HugePageAllocator<Other>&) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < kHugePageBytes) return static_cast<T*>(::operator new(bytes, kAlignment));
    void* const memory = ::operator new (bytes, std::align_val_t{kHugePageBytes});
    ::madvise(memory, bytes, MADV_HUGEPAGE);  // only a hint: failing changes nothing
    return static_cast<T*>(memory);
  }

  void deallocate(T* memory, std::size_t count) {
    const bool is_large = count * sizeof(T) >= kHugePageBytes;
    ::operator delete(memory, is_large ? std::align_val_t{kHugePageBytes} : kAlignment);
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) { return true; }

 private:
  static constexpr std::align_val_t kAlignment{128};  ///< pairs of lines
};

/// A vector on huge pages.
template <class T>
using HugeArray = std::vector<T, HugePageAllocator<T>>;

}  // namespace edgeward::geo
