#pragma once

#include <cstddef>

namespace edgeward::geo {

/// Blocks of memory on huge pages where the system has them: what HugePageAllocator has large
/// arrays from. Any thread may call.
class HugeBlocks {
 public:
  static constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

  /// At least that many bytes; throws std::bad_alloc.
  [[nodiscard]] static void* allocate(std::size_t bytes);
  /// `bytes` as they were asked for.
  static void deallocate(void* memory, std::size_t bytes) noexcept;

  /// Whether blocks that are given back are kept for those of about their size that are asked for
  /// next; not at first. For a service that compiles again and again beside its requests: pages new
  /// to a process cost time, on a virtual machine up to milliseconds each, in which its processor
  /// does nothing else. What is kept counts as the process's memory, but the system takes it when
  /// it is short (MADV_FREE).
  static void keep(bool is_kept);
};

}  // namespace edgeward::geo
