#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "cache/ids.hpp"

namespace edgeward::sim {

/// For each object a bitmap of the edges that hold it. Caches do not tell what they evict, so a row
/// may name edges that have evicted the object since: whoever needs a row true refreshes it first,
/// at the cost of one look into each cache that it names. Memory: objects × edges bits.
class Holders {
 public:
  Holders(std::size_t objects, std::size_t edges)
      : words_((edges + 63) / 64), objects_(objects), rows_(objects * words_) {}

  [[nodiscard]] std::size_t objects() const { return objects_; }

  void add(cache::ObjectIndex object, cache::EdgeId edge) {
    const std::size_t at = cache::index(edge);
    rows_[object * words_ + at / 64] |= std::uint64_t{1} << (at % 64);
  }
  [[nodiscard]] bool holds(cache::EdgeId edge, cache::ObjectIndex object) const {
    const std::size_t at = cache::index(edge);
    return ((rows_[object * words_ + at / 64] >> (at % 64)) & 1) != 0;
  }
  [[nodiscard]] std::span<const std::uint64_t> row(cache::ObjectIndex object) const {
    return std::span(rows_).subspan(object * words_, words_);
  }

  /// Drops the edges for which contains(edge) is false.
  template <class Contains>
  void refresh(cache::ObjectIndex object, Contains contains) {
    for (std::size_t word = 0; word < words_; ++word) {
      std::uint64_t& bits = rows_[object * words_ + word];
      for (std::uint64_t left = bits; left != 0; left &= left - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(left));
        if (!contains(cache::EdgeId(static_cast<std::uint16_t>(64 * word + bit)))) {
          bits &= ~(std::uint64_t{1} << bit);
        }
      }
    }
  }

  /// Makes the row equal to `row` and calls changed(edge, is_held) for what differed.
  template <class Changed>
  void take_over(cache::ObjectIndex object, std::span<const std::uint64_t> row, Changed changed) {
    for (std::size_t word = 0; word < words_; ++word) {
      std::uint64_t& bits = rows_[object * words_ + word];
      for (std::uint64_t left = bits ^ row[word]; left != 0; left &= left - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(left));
        changed(cache::EdgeId(static_cast<std::uint16_t>(64 * word + bit)),
                ((row[word] >> bit) & 1) != 0);
      }
      bits = row[word];
    }
  }

 private:
  std::size_t words_;
  std::size_t objects_;
  std::vector<std::uint64_t> rows_;
};

}  // namespace edgeward::sim
