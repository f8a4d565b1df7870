#pragma once

#include <cstdint>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::sim {

/// Draws ranks 0 .. objects - 1 with probability (rank + 1)^-alpha / Σ k^-alpha: Zipf's law over a
/// finite catalogue; alpha 0 is uniform. An alias table (Walker 1977, built as by Vose 1991): one
/// random number and one look-up a draw, 8 bytes an object, 16 more while it is built.
///
/// Exactness: no approximation of the law but rounding. Thresholds have 32 bits, so probabilities
/// add up to one and differ from the exact ones by less than 2^-32 in total (2^-32 / objects for
/// any rank but the few popular ones that many columns share).
class ZipfTable {
 public:
  /// objects from 1 to 2^26, alpha from 0 to 100.
  ZipfTable(std::uint32_t objects, double alpha);

  [[nodiscard]] std::uint32_t draw(cache::Random& random) const {
    const Wide product = static_cast<Wide>(random.next()) * columns_.size();
    const auto column = static_cast<std::uint32_t>(product >> 64);
    const auto coin = static_cast<std::uint32_t>(product >> 32);  // where within the column
    const Column& entry = columns_[column];
    // No branch: it would be mispredicted half the time, and then wait for memory.
    const std::uint32_t own = 0U - static_cast<std::uint32_t>(coin < entry.threshold);
    return (column & own) | (entry.alias & ~own);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  /// All columns are equally likely; below the threshold (of 2^32) a column stands for itself.
  struct Column {
    std::uint32_t threshold = 0xFFFF'FFFF;
    std::uint32_t alias = 0;
  };

  std::vector<Column> columns_;
};

}  // namespace edgeward::sim
