#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::sim {

/// Gives each 64-bit id a dense number, in order of first appearance: 0, 1, 2 …
///
/// Open addressing with linear probing at a load of at most one half; 16 bytes a slot. Looking up a
/// batch prefetches ahead, which is what makes it several times faster than a general hash map on
/// tables that outgrow the caches (tests/bench/replay_bench measures it against one). The ids of
/// binary traces are not hashes, so they are mixed (multiplication by an odd constant, the high
/// bits index). Not thread-safe.
class ObjectTable {
 public:
  ObjectTable() { rehash(kSlotsMin); }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// The number of `id`, new or known.
  cache::ObjectIndex index(std::uint64_t id) {
    if (2 * (size_ + 1) > slots_.size()) rehash(2 * slots_.size());
    return find_or_add(id, 0).index;
  }

  /// What a table knows of an id: its number, and the size it had when it was first seen.
  struct Known {
    cache::ObjectIndex index = cache::kNoObject;
    std::uint32_t first_size_bytes = 0;
  };

  /// Each id's number and first size, in order; sizes_bytes has one entry an id.
  void index_all(std::span<const std::uint64_t> ids, const std::uint32_t* sizes_bytes, Known* out) {
    while (2 * (size_ + ids.size()) > slots_.size()) rehash(2 * slots_.size());
    const std::size_t count = ids.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kPrefetchDistance < count) {
        __builtin_prefetch(&slots_[home(ids[i + kPrefetchDistance])]);
      }
      out[i] = find_or_add(ids[i], sizes_bytes[i]);
    }
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    Known known;
  };

  static constexpr std::size_t kSlotsMin = std::size_t{1} << 14;
  static constexpr std::size_t kPrefetchDistance = 24;

  [[nodiscard]] std::size_t home(std::uint64_t id) const {
    return static_cast<std::size_t>(((id ^ (id >> 32)) * 0x9E3779B97F4A7C15) >> shift_);
  }

  Known find_or_add(std::uint64_t id, std::uint32_t size_bytes) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = home(id);; at = (at + 1) & mask) {
      Slot& slot = slots_[at];
      if (slot.known.index == cache::kNoObject) {
        assert(size_ < cache::kNoObject);
        const auto index = static_cast<cache::ObjectIndex>(size_++);
        slot = {.id = id, .known = {.index = index, .first_size_bytes = size_bytes}};
        return slot.known;
      }
      if (slot.id == id) return slot.known;
    }
  }

  void rehash(std::size_t slots) {
    geo::HugeArray<Slot> old(slots);
    old.swap(slots_);
    shift_ = 64 - std::countr_zero(slots);
    const std::size_t mask = slots - 1;
    for (const Slot& slot : old) {
      if (slot.known.index == cache::kNoObject) continue;
      std::size_t at = home(slot.id);
      while (slots_[at].known.index != cache::kNoObject) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  geo::HugeArray<Slot> slots_;
  int shift_ = 0;
  std::size_t size_ = 0;
};

}  // namespace edgeward::sim
