#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "geo/huge_array.hpp"

namespace edgeward::geo {

/// A value for every key of an unsigned type, constant over ranges: the value of the last range
/// that begins at or before the key.
///
/// A static B-tree in arrays (after Khuong and Morin, "Array layouts for comparison-based
/// searching", 2017): the sorted begins, cut into nodes of 16; above them the first begin of every
/// node, and so on. A look-up reads one node a level, without a branch that depends on the data;
/// four million ranges make six levels, of which the upper ones stay in the processor's cache.
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
    leaves_.resize((ranges.size() + kFanout - 1) / kFanout);
    for (Leaf& leaf : leaves_) {
      leaf.begins.fill(kPadding);
      leaf.values.fill(ranges.back().value);
    }
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      leaves_[i / kFanout].begins[i % kFanout] = ranges[i].begin;
      leaves_[i / kFanout].values[i % kFanout] = ranges[i].value;
    }
    std::vector<Key> firsts(leaves_.size());
    for (std::size_t i = 0; i < firsts.size(); ++i) firsts[i] = leaves_[i].begins[0];
    while (firsts.size() > 1) {
      Level level((firsts.size() + kFanout - 1) / kFanout);
      for (auto& node : level) node.fill(kPadding);
      std::vector<Key> above(level.size());
      for (std::size_t i = 0; i < firsts.size(); ++i) level[i / kFanout][i % kFanout] = firsts[i];
      for (std::size_t i = 0; i < above.size(); ++i) above[i] = level[i][0];
      levels_.push_back(std::move(level));
      firsts = std::move(above);
    }
    std::reverse(levels_.begin(), levels_.end());
  }

  [[nodiscard]] std::uint32_t find(Key key) const noexcept {
    std::size_t node = 0;
    for (const Level& level : levels_) {
      node = std::min(node, level.size() - 1) * kFanout;
      node += last_at_or_before(level[node / kFanout], key);
    }
    const Leaf& leaf = leaves_[std::min(node, leaves_.size() - 1)];
    __builtin_prefetch(leaf.values.data());
    return leaf.values[last_at_or_before(leaf.begins, key)];
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Calls visit(begin, value) for every range in order.
  template <class Visit>
  void visit(Visit visit_range) const {
    for (std::size_t i = 0; i < size_; ++i) {
      visit_range(leaves_[i / kFanout].begins[i % kFanout],
                  leaves_[i / kFanout].values[i % kFanout]);
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = leaves_.size() * sizeof(Leaf);
    for (const Level& level : levels_) bytes += level.size() * sizeof(Node);
    return bytes;
  }

 private:
  static constexpr std::size_t kFanout = 16;
  /// Fills the last node of a level. Only the greatest key reaches it, and that one belongs to the
  /// last range, whose value padding has and to whose node an index past the end is cut.
  static constexpr Key kPadding = std::numeric_limits<Key>::max();

  using Node = std::array<Key, kFanout>;
  using Level = HugeArray<Node>;
  struct alignas(64) Leaf {
    Node begins{};
    std::array<std::uint32_t, kFanout> values{};
  };

  /// The first begin of a node that is looked into is never past the key.
  static std::size_t last_at_or_before(const Node& begins, Key key) {
    // First which quarter, then where in it: six comparisons, none of which is a branch.
    constexpr std::size_t kQuarter = kFanout / 4;
    const auto is_past = [&](std::size_t i) { return static_cast<std::size_t>(begins[i] <= key); };
    const std::size_t from =
        kQuarter * (is_past(kQuarter) + is_past(2 * kQuarter) + is_past(3 * kQuarter));
    return from + is_past(from + 1) + is_past(from + 2) + is_past(from + 3);
  }

  std::vector<Level> levels_;  ///< the root first
  HugeArray<Leaf> leaves_;
  std::size_t size_ = 0;
};

}  // namespace edgeward::geo
