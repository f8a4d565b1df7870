#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "geo/huge_array.hpp"

namespace edgeward::geo {

/// A value for every key of an unsigned type, constant over ranges: the value of the last range
/// that begins at or before the key.
///
/// A static B-tree in arrays (after Khuong and Morin, "Array layouts for comparison-based
/// searching", 2017): the sorted begins, cut into leaves of 32; above them the first begin of every
/// leaf, in nodes of 16, and so on. A look-up reads one node a level, without a branch that depends
/// on the data; four million ranges make six levels, of which those above the leaves mostly stay
/// in the processor's cache.
/// Immutable, so any number of threads may look up.
template <class Key>
class RangeMap {
 public:
  /// One range: from `begin` up to the next one's.
  struct Range {
    Key begin = 0;
    std::uint32_t value = 0;
  };

  RangeMap() : RangeMap(std::vector<Range>{{}}) {}

  /// Ranges in ascending order of begin, no two the same, the first at 0.
  explicit RangeMap(const std::vector<Range>& ranges) : size_(ranges.size()) {
    assert(!ranges.empty() && ranges.front().begin == 0);
    leaves_.resize((ranges.size() + kLeaf - 1) / kLeaf);
    for (Leaf& leaf : leaves_) {
      leaf.begins.fill(kPadding);
      leaf.values.fill(ranges.back().value);
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      leaves_[i / kLeaf].begins[i % kLeaf] = ranges[i].begin;
      leaves_[i / kLeaf].values[i % kLeaf] = ranges[i].value;
    }
    std::size_t inner = 0;
    for (std::size_t below = leaves_.size(); below > 1;) {
      below = (below + kFanout - 1) / kFanout;
      levels_.push_back({.begin = 0, .last = below - 1});
      inner += below;
    }
    // Every look-up goes through them: worth a huge page before they fill one.
    if (inner * sizeof(Node) >= kWorthHugePage) {
      nodes_.reserve(HugePageAllocator<Node>::kHugePageBytes / sizeof(Node));
    }
    nodes_.resize(inner);
    for (Node& node : nodes_) node.fill(kPadding);
    // From the level above the leaves, which comes last, up to the root.
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      Level& level = levels_[i];
      inner -= level.last + 1;
      level.begin = inner;
      const std::size_t count = i == 0 ? leaves_.size() : levels_[i - 1].last + 1;
      for (std::size_t k = 0; k < count; ++k) {
        const Key first = i == 0 ? leaves_[k].begins[0] : nodes_[levels_[i - 1].begin + k][0];
        nodes_[level.begin + k / kFanout][k % kFanout] = first;
      }
    }
    std::reverse(levels_.begin(), levels_.end());
  }

  /// Starts to fetch what find() will wait for into the processor's cache, level by level for all
  /// keys, so that they wait together.
  void prefetch(std::span<const Key> keys) const noexcept {
    // GCC takes a function that does nothing but prefetch for one without effect, and drops it.
    asm volatile("");
    constexpr std::size_t kTogether = 16;
    while (!keys.empty()) {
      std::array<std::size_t, kTogether> at{};
      const std::size_t count = std::min(keys.size(), kTogether);
      for (std::size_t l = 0; l < levels_.size(); ++l) {
        const bool is_lowest = l + 1 == levels_.size();
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t node = std::min(at[i], levels_[l].last);
          at[i] = node * kFanout + last_at_or_before(nodes_[levels_[l].begin + node], keys[i]);
          if (is_lowest) {
            const Leaf& leaf = leaves_[std::min(at[i], leaves_.size() - 1)];
            for (std::size_t line = 0; line < sizeof leaf; line += kLineBytes) {
              __builtin_prefetch(reinterpret_cast<const char*>(&leaf) + line);
            }
          } else {
            const Level& next = levels_[l + 1];
            __builtin_prefetch(nodes_[next.begin + std::min(at[i], next.last)].data());
          }
        }
      }
      keys = keys.subspan(count);
    }
  }

  [[nodiscard]] std::uint32_t find(Key key) const noexcept {
    const Leaf& leaf = leaves_[leaf_of(key)];
    for (std::size_t i = 0; i < kLeaf; i += kLineBytes / sizeof(std::uint32_t)) {
      __builtin_prefetch(&leaf.values[i]);
    }
    return leaf.values[last_at_or_before(leaf.begins, key)];
  }

  /// The range that a key is in, with its last key.
  struct Found {
    Key begin = 0;
    Key last = 0;
    std::uint32_t value = 0;
  };
  [[nodiscard]] Found find_range(Key key) const noexcept {
    const std::size_t at = leaf_of(key);
    const std::size_t i =
        std::min(kLeaf * at + last_at_or_before(leaves_[at].begins, key), size_ - 1);
    const Key last =
        i + 1 < size_ ? static_cast<Key>(begin_of(i + 1) - 1) : std::numeric_limits<Key>::max();
    return {.begin = begin_of(i), .last = last, .value = leaves_[i / kLeaf].values[i % kLeaf]};
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Calls visit(begin, value) for every range in order.
  template <class Visit>
  void visit(Visit visit_range) const {
    for (std::size_t i = 0; i < size_; ++i) {
      visit_range(leaves_[i / kLeaf].begins[i % kLeaf], leaves_[i / kLeaf].values[i % kLeaf]);
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return leaves_.size() * sizeof(Leaf) + nodes_.size() * sizeof(Node);
  }

 private:
  static constexpr std::size_t kFanout = 16;
  /// Ranges a leaf: its lines are waited for together, and the levels above are half as large as
  /// with 16, so that more of them stays in the cache.
  static constexpr std::size_t kLeaf = 32;
  static constexpr std::size_t kLineBytes = 64;
  static constexpr std::size_t kWorthHugePage = std::size_t{256} << 10;
  /// Fills the last node of a level. Only the greatest key reaches it, and that one belongs to the
  /// last range, whose value padding has and to whose node an index past the end is cut.
  static constexpr Key kPadding = std::numeric_limits<Key>::max();

  using Node = std::array<Key, kFanout>;
  struct Level {
    std::size_t begin = 0;  ///< in nodes_
    std::size_t last = 0;   ///< its last node, from there
  };
  struct alignas(64) Leaf {
    std::array<Key, kLeaf> begins{};
    std::array<std::uint32_t, kLeaf> values{};
  };

  [[nodiscard]] std::size_t leaf_of(Key key) const noexcept {
    std::size_t node = 0;
    for (const Level& level : levels_) {
      node = std::min(node, level.last);
      node = node * kFanout + last_at_or_before(nodes_[level.begin + node], key);
    }
    return std::min(node, leaves_.size() - 1);
  }
  [[nodiscard]] Key begin_of(std::size_t range) const {
    return leaves_[range / kLeaf].begins[range % kLeaf];
  }

  /// The first begin of a node that is looked into is never past the key.
  template <std::size_t kSize>
  static std::size_t last_at_or_before(const std::array<Key, kSize>& begins, Key key) {
    // First which part, then where in it: no comparison is a branch.
    constexpr std::size_t kPart = kSize == 16 ? 4 : 8;
    const auto is_past = [&](std::size_t i) { return static_cast<std::size_t>(begins[i] <= key); };
    std::size_t from = 0;
    for (std::size_t i = kPart; i < kSize; i += kPart) from += is_past(i);
    from *= kPart;
    std::size_t at = from;
    for (std::size_t i = 1; i < kPart; ++i) at += is_past(from + i);
    return at;
  }

  std::vector<Level> levels_;  ///< the root first
  HugeArray<Node> nodes_;      ///< of all levels but the leaves, in the same order
  HugeArray<Leaf> leaves_;
  std::size_t size_ = 0;
};

}  // namespace edgeward::geo
