#pragma once

#include <algorithm>
#include <array>
#include <bit>
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
/// searching", 2017): the sorted begins, cut into leaves of up to 25; above them branches with the
/// begins of up to 15 leaves, and above those nodes of 16 whole keys, level on level. A look-up
/// reads one of each, without a branch that depends on the data; four million ranges make six
/// levels, of which those above the leaves mostly stay in the processor's cache. Leaves and
/// branches hold distances of 16 and 31 bits instead of keys (see Begins), so that wide keys take
/// no more lines than narrow ones. Immutable, so any number of threads may look up.
template <class Key>
class RangeMap {
 public:
  /// What a value can be at most: a leaf has 24 bits for each.
  static constexpr std::uint32_t kValueMax = 0xFF'FFFF;

  /// One range: from `begin` up to the next one's.
  struct Range {
    Key begin = 0;
    std::uint32_t value = 0;
  };

  RangeMap() : RangeMap(std::span<const Range>(std::array<Range, 1>{})) {}

  /// Ranges in ascending order of begin, no two the same, the first at 0; values up to kValueMax.
  explicit RangeMap(std::span<const Range> ranges) : size_(ranges.size()) {
    assert(!ranges.empty() && ranges.front().begin == 0);
    std::vector<Key> firsts;
    leaves_.reserve(ranges.size() / kLeaf * 9 / 8 + 1);  // some are not filled
    for (std::span<const Range> rest = ranges; !rest.empty();) {
      Leaf& leaf = leaves_.emplace_back();
      const std::size_t count =
          leaf.fill(rest.size(), [&](std::size_t i) { return rest[i].begin; });
      for (std::size_t i = 0; i < count; ++i) leaf.set_value(i, rest[i].value);
      firsts.push_back(rest[0].begin);
      rest = rest.subspan(count);
    }
    // Every look-up goes through them: worth a huge page before they fill one.
    if (leaves_.size() * sizeof(Branch) / kFanout >= kWorthHugePage) {
      branches_.reserve(HugePageAllocator<Branch>::kHugePageBytes / sizeof(Branch));
    }
    std::vector<Key> branch_firsts;
    for (std::span<const Key> rest(firsts); !rest.empty();) {
      Branch& branch = branches_.emplace_back();
      const std::size_t count = branch.fill(rest.size(), [&](std::size_t i) { return rest[i]; });
      branch.leaves = static_cast<std::uint32_t>(leaves_.size() - rest.size());
      branch_firsts.push_back(rest[0]);
      rest = rest.subspan(count);
    }
    std::size_t inner = 0;
    for (std::size_t below = branches_.size(); below > 1;) {
      below = (below + kFanout - 1) / kFanout;
      levels_.push_back({.begin = 0, .last = below - 1});
      inner += below;
    }
    nodes_.resize(inner);
    for (Node& node : nodes_) node.fill(kPadding);
    // From the level above the branches, which comes last, up to the root.
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      Level& level = levels_[i];
      inner -= level.last + 1;
      level.begin = inner;
      const std::size_t count = i == 0 ? branches_.size() : levels_[i - 1].last + 1;
      for (std::size_t k = 0; k < count; ++k) {
        const Key first = i == 0 ? branch_firsts[k] : nodes_[levels_[i - 1].begin + k][0];
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
      std::array<Place, kTogether> places;
      const std::size_t count = std::min(keys.size(), kTogether);
      for (std::size_t i = 0; i < count; ++i) places[i].rest = keys[i];
      for (std::size_t l = 0; l < levels_.size(); ++l) {
        const bool is_lowest = l + 1 == levels_.size();
        for (std::size_t i = 0; i < count; ++i) {
          descend(levels_[l], keys[i], places[i]);
          const std::size_t at = places[i].at;
          if (is_lowest) {
            __builtin_prefetch(&branches_[std::min(at, branches_.size() - 1)]);
          } else {
            const Level& next = levels_[l + 1];
            __builtin_prefetch(nodes_[next.begin + std::min(at, next.last)].data());
          }
        }
      }
      for (std::size_t i = 0; i < count; ++i) {
        leaves_[leaf_of(keys[i], places[i]).at].prefetch();
      }
      keys = keys.subspan(count);
    }
  }

  [[nodiscard]] std::uint32_t find(Key key) const noexcept {
    const Place place = leaf_of(key, branch_of(key));
    const Leaf& leaf = leaves_[place.at];
    leaf.prefetch();
    return leaf.value(leaf.last_within(place.rest));
  }

  /// The range that a key is in, with its last key.
  struct Found {
    Key begin = 0;
    Key last = 0;
    std::uint32_t value = 0;
  };
  [[nodiscard]] Found find_range(Key key) const noexcept {
    const Place branch_place = branch_of(key);
    const Place place = leaf_of(key, branch_place);
    const std::size_t n = std::min(branch_place.at, branches_.size() - 1);
    const Branch& branch = branches_[n];
    const Leaf& leaf = leaves_[place.at];
    const std::size_t i = leaf.last_within(place.rest);
    const Key leaf_begin = key - place.rest;
    Key last = std::numeric_limits<Key>::max();
    if (i + 1 < leaf.count()) {
      last = leaf_begin + leaf.begin(i + 1) - 1;
    } else if (place.at + 1 < branch.leaves + branch.count()) {
      last = first_of(n) + branch.begin(place.at + 1 - branch.leaves) - 1;
    } else if (n + 1 < branches_.size()) {
      last = first_of(n + 1) - 1;
    }
    return {.begin = static_cast<Key>(leaf_begin + leaf.begin(i)),
            .last = last,
            .value = leaf.value(i)};
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Calls visit(begin, value) for every range in order.
  template <class Visit>
  void visit(Visit visit_range) const {
    for (std::size_t n = 0; n < branches_.size(); ++n) {
      const Branch& branch = branches_[n];
      for (std::size_t k = 0; k < branch.count(); ++k) {
        const Leaf& leaf = leaves_[branch.leaves + k];
        const Key first = first_of(n) + branch.begin(k);
        for (std::size_t i = 0; i < leaf.count(); ++i) {
          visit_range(static_cast<Key>(first + leaf.begin(i)), leaf.value(i));
        }
      }
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return leaves_.size() * sizeof(Leaf) + branches_.size() * sizeof(Branch) +
           nodes_.size() * sizeof(Node);
  }

 private:
  static constexpr std::size_t kFanout = 16;
  /// As many ranges as two lines have room for: they are waited for together.
  static constexpr std::size_t kLeaf = 25;
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

  /// Begins of neighbours, as distances from the first of them, without the low bits that all
  /// distances lack (a frame of reference: Goldstein et al., "Compressing relations and indexes",
  /// 1998). The first one's own distance is always 0, and not kept.
  template <class Word, std::size_t kMost>
  class Begins {
   public:
    /// Takes the first few of `count` begins, as many as it can, at least one; returns how many.
    template <class BeginOf>
    std::size_t fill(std::size_t count, const BeginOf& begin_of) {
      Key all = 0;  // bits that distances have
      std::size_t fitting = 1;
      for (; fitting < std::min(count, kMost); ++fitting) {
        const Key distance = begin_of(fitting) - begin_of(0);
        const Key with = all | distance;
        // What the farthest is shifted by no nearer one may need.
        if (distance >> std::countr_zero(with) > static_cast<Key>(kFarthest)) break;
        all = with;
      }
      shift_ = static_cast<std::uint8_t>(all == 0 ? 0 : std::countr_zero(all));
      count_ = static_cast<std::uint8_t>(fitting);
      distances_.fill(kFarthest);
      for (std::size_t i = 1; i < fitting; ++i) {
        distances_[i - 1] = static_cast<Word>((begin_of(i) - begin_of(0)) >> shift_);
      }
      return fitting;
    }

    [[nodiscard]] std::size_t count() const { return count_; }
    /// From the first.
    [[nodiscard]] Key begin(std::size_t i) const {
      return i == 0 ? 0 : static_cast<Key>(static_cast<Key>(distances_[i - 1]) << shift_);
    }
    /// The last that is not farther from the first than `distance`.
    [[nodiscard]] std::size_t last_within(Key distance) const noexcept {
      // What is farther than words can say is past all of them.
      const auto wanted =
          static_cast<Word>(std::min(distance >> shift_, static_cast<Key>(kFarthest)));
      Word within = 0;
      for (const Word word : distances_) within = static_cast<Word>(within + (word <= wanted));
      return std::min(static_cast<std::size_t>(within), count() - 1);
    }

   private:
    static constexpr Word kFarthest = std::numeric_limits<Word>::max();

    std::array<Word, kMost - 1> distances_{};  ///< past the last begin the farthest
    std::uint8_t count_ = 0;
    std::uint8_t shift_ = 0;
  };
  /// Values are in two parts, so that each lies straight.
  class alignas(2 * kLineBytes) Leaf : public Begins<std::uint16_t, kLeaf> {
   public:
    [[nodiscard]] std::uint32_t value(std::size_t i) const {
      return std::uint32_t{high_[i]} << 16 | low_[i];
    }
    void set_value(std::size_t i, std::uint32_t value) {
      assert(value <= kValueMax);
      high_[i] = static_cast<std::uint8_t>(value >> 16);
      low_[i] = static_cast<std::uint16_t>(value);
    }
    void prefetch() const noexcept {
      for (std::size_t at = 0; at < sizeof *this; at += kLineBytes) {
        __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
      }
    }

   private:
    std::array<std::uint16_t, kLeaf> low_{};
    std::array<std::uint8_t, kLeaf> high_{};
  };
  static_assert(sizeof(Leaf) == 2 * kLineBytes);
  struct alignas(kLineBytes) Branch : Begins<std::int32_t, kFanout - 1> {
    std::uint32_t leaves = 0;  ///< the first of them
  };
  static_assert(sizeof(Branch) == kLineBytes);
  /// Where a descent has come to.
  struct Place {
    std::size_t at = 0;
    Key rest = 0;  ///< how far the key is from where that begins
  };

  void descend(const Level& level, Key key, Place& place) const noexcept {
    const std::size_t node = level.begin + std::min(place.at, level.last);
    const std::size_t i = last_at_or_before(nodes_[node], key);
    place = {.at = (node - level.begin) * kFanout + i, .rest = key - nodes_[node][i]};
  }
  [[nodiscard]] Place branch_of(Key key) const noexcept {
    Place place{.at = 0, .rest = key};
    for (const Level& level : levels_) descend(level, key, place);
    return place;
  }
  /// `branch` as from branch_of(), which padding may have led past the last.
  [[nodiscard]] Place leaf_of(Key key, Place branch) const noexcept {
    if (branch.at >= branches_.size()) {
      branch.at = branches_.size() - 1;
      branch.rest = key - first_of(branch.at);
    }
    const Branch& leaves = branches_[branch.at];
    const std::size_t i = leaves.last_within(branch.rest);
    return {.at = leaves.leaves + i, .rest = branch.rest - leaves.begin(i)};
  }
  [[nodiscard]] Key first_of(std::size_t branch) const noexcept {
    if (levels_.empty()) return 0;
    return nodes_[levels_.back().begin + branch / kFanout][branch % kFanout];
  }

  /// The first begin of a node that is looked into is never past the key.
  static std::size_t last_at_or_before(const Node& begins, Key key) {
    // First which part, then where in it: no comparison is a branch.
    constexpr std::size_t kPart = 4;
    const auto is_past = [&](std::size_t i) { return static_cast<std::size_t>(begins[i] <= key); };
    std::size_t from = 0;
    for (std::size_t i = kPart; i < kFanout; i += kPart) from += is_past(i);
    from *= kPart;
    std::size_t at = from;
    for (std::size_t i = 1; i < kPart; ++i) at += is_past(from + i);
    return at;
  }

  std::vector<Level> levels_;  ///< the root first
  HugeArray<Node> nodes_;      ///< of these levels, in the same order
  HugeArray<Branch> branches_;
  HugeArray<Leaf> leaves_;
  std::size_t size_ = 0;
};

}  // namespace edgeward::geo
