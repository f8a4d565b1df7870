#include "geo/huge_blocks.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <new>
#include <utility>

namespace edgeward::geo {

namespace {

constexpr std::align_val_t kAlignment{HugeBlocks::kHugePageBytes};

struct Block {
  void* memory = nullptr;
  std::size_t bytes = 0;
};

/// More are given back to the system.
constexpr std::size_t kKeptMax = 64;

struct Keeping {
  std::mutex mutex;
  bool is_on = false;
  std::array<Block, kKeptMax> blocks;
};

Keeping& keeping() {
  static Keeping all;
  return all;
}

/// A power of two or three quarters of one, so that sizes that differ a little are served by the
/// same blocks. Of what is rounded up only addresses are used, no memory.
std::size_t rounded(std::size_t bytes) {
  const std::size_t power = std::bit_ceil(bytes);
  const std::size_t less = power / 4 * 3;
  return bytes <= less ? less : power;
}

}  // namespace

void* HugeBlocks::allocate(std::size_t bytes) {
  const std::size_t wanted = rounded(bytes);
  {
    Keeping& all = keeping();
    const std::lock_guard lock(all.mutex);
    const auto found = std::find_if(all.blocks.begin(), all.blocks.end(),
                                    [&](const Block& kept) { return kept.bytes == wanted; });
    if (found != all.blocks.end()) return std::exchange(*found, {}).memory;
  }
  void* const memory = ::operator new(wanted, kAlignment);
  ::madvise(memory, wanted, MADV_HUGEPAGE);  // only a hint: failing changes nothing
  return memory;
}

void HugeBlocks::deallocate(void* memory, std::size_t bytes) noexcept {
  const Block block{.memory = memory, .bytes = rounded(bytes)};
  {
    Keeping& all = keeping();
    const std::lock_guard lock(all.mutex);
    const auto free = std::find_if(all.blocks.begin(), all.blocks.end(),
                                   [](const Block& kept) { return kept.memory == nullptr; });
    if (all.is_on && free != all.blocks.end()) {
      ::madvise(block.memory, block.bytes, MADV_FREE);
      *free = block;
      return;
    }
  }
  ::operator delete(memory, kAlignment);
}

void HugeBlocks::keep(bool is_kept) {
  Keeping& all = keeping();
  const std::lock_guard lock(all.mutex);
  all.is_on = is_kept;
  if (is_kept) return;
  for (Block& block : all.blocks) ::operator delete(std::exchange(block, {}).memory, kAlignment);
}

}  // namespace edgeward::geo
