#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeward::cache {

/// How many bytes a schedule holds in each of a row of slots, all 0 at first: a segment tree whose
/// node holds the maximum under it, with what was added to the whole node kept there rather than
/// passed down. most() and add() climb from both ends of their range to the root, O(log slots).
/// Memory: 24 bytes a slot, slots rounded up to a power of two.
class Occupancy {
 public:
  explicit Occupancy(std::size_t slots)
      : leaves_(std::bit_ceil(std::max<std::size_t>(slots, 1))),
        most_(2 * leaves_),
        whole_(leaves_) {}

  /// The maximum over slots first .. last - 1; first < last.
  [[nodiscard]] std::uint64_t most(std::size_t first, std::size_t last) const {
    std::size_t a = first + leaves_;
    std::size_t b = last - 1 + leaves_;
    std::uint64_t left = most_[a];  // of what lies under a and in the range
    std::uint64_t right = most_[b];
    while (a / 2 != b / 2) {
      if (a % 2 == 0) left = std::max(left, most_[a + 1]);
      if (b % 2 == 1) right = std::max(right, most_[b - 1]);
      a /= 2;
      b /= 2;
      left += whole_[a];
      right += whole_[b];
    }
    std::uint64_t result = std::max(left, right);
    while ((a /= 2) > 0) result += whole_[a];
    return result;
  }

  /// Adds to slots first .. last - 1; first < last.
  void add(std::size_t first, std::size_t last, std::uint64_t bytes) {
    const std::size_t leaf_a = first + leaves_;
    const std::size_t leaf_b = last - 1 + leaves_;
    for (std::size_t a = leaf_a, b = leaf_b + 1; a < b; a /= 2, b /= 2) {
      if (a % 2 == 1) add_to(a++, bytes);
      if (b % 2 == 1) add_to(--b, bytes);
    }
    update_above(leaf_a);
    update_above(leaf_b);
  }

 private:
  void add_to(std::size_t node, std::uint64_t bytes) {
    most_[node] += bytes;
    if (node < leaves_) whole_[node] += bytes;
  }

  void update_above(std::size_t node) {
    while ((node /= 2) > 0) {
      most_[node] = std::max(most_[2 * node], most_[2 * node + 1]) + whole_[node];
    }
  }

  std::size_t leaves_;
  std::vector<std::uint64_t> most_;   ///< by node: 1 the root, 2n and 2n + 1 under n
  std::vector<std::uint64_t> whole_;  ///< added to all under an inner node
};

}  // namespace edgeward::cache
