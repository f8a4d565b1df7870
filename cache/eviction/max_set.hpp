#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgeward::cache {

/// A set of whole numbers below a fixed limit that knows its greatest member: a tree of 64-bit
/// words, in which a bit of a word says that the word below it is not zero. Insertion, removal and
/// maximum touch one word a level (four levels for 16 M numbers); memory: 1.02 bits a number.
class MaxSet {
 public:
  /// What max() and below() answer where there is none.
  static constexpr std::size_t kNone = ~std::size_t{0};

  explicit MaxSet(std::size_t limit) {
    do {
      limit = (limit + 63) / 64;
      levels_.emplace_back(limit);
    } while (limit > 1);
  }

  void prefetch(std::size_t number) const { __builtin_prefetch(&levels_[0][number / 64], 1); }

  [[nodiscard]] bool contains(std::size_t number) const {
    return (levels_[0][number / 64] >> (number % 64) & 1) != 0;
  }

  void insert(std::size_t number) {
    for (auto& words : levels_) {
      std::uint64_t& word = words[number / 64];
      const bool was_empty = word == 0;
      word |= std::uint64_t{1} << (number % 64);
      if (!was_empty) return;
      number /= 64;
    }
  }

  void erase(std::size_t number) {
    for (auto& words : levels_) {
      std::uint64_t& word = words[number / 64];
      word &= ~(std::uint64_t{1} << (number % 64));
      if (word != 0) return;
      number /= 64;
    }
  }

  [[nodiscard]] std::size_t max() const {
    const auto& root = levels_.back();
    return root.empty() || root[0] == 0 ? kNone : descend(levels_.size(), 0);
  }

  /// The greatest member less than `number`.
  [[nodiscard]] std::size_t below(std::size_t number) const {
    for (std::size_t level = 0; level < levels_.size(); ++level, number /= 64) {
      const std::uint64_t word = levels_[level][number / 64];
      const std::uint64_t lower = word & ((std::uint64_t{1} << (number % 64)) - 1);
      if (lower != 0) return descend(level, with_top_bit(number / 64, lower));
    }
    return kNone;
  }

 private:
  static std::size_t with_top_bit(std::size_t index, std::uint64_t word) {
    return index * 64 + static_cast<std::size_t>(63 - std::countl_zero(word));
  }

  /// The greatest member under word `index` of level `level - 1` (of `level` 0: the number itself).
  [[nodiscard]] std::size_t descend(std::size_t level, std::size_t index) const {
    while (level-- > 0) index = with_top_bit(index, levels_[level][index]);
    return index;
  }

  std::vector<std::vector<std::uint64_t>> levels_;
};

}  // namespace edgeward::cache
