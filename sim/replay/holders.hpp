#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "cache/edge.hpp"
#include "cache/ids.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::sim {

/// For each object a bitmap of the edges that hold it. Caches do not tell what they evict, so a row
/// may name edges that have evicted the object since: whoever needs a row true refreshes it first,
/// at the cost of one look into each cache that it names. Memory: a bit an edge and a
/// word for each object.
class Holders {
 public:
  Holders(std::size_t objects, std::size_t edges)
      : words_((edges + 63) / 64), stride_(words_ + 1), rows_(objects * stride_) {}

  /// Whether this is the object's first mark with that stamp, which is not 0.
  bool mark(cache::ObjectIndex object, std::uint64_t stamp) {
    return std::exchange(rows_[object * stride_ + words_], stamp) != stamp;
  }

  void add(cache::ObjectIndex object, cache::EdgeId edge) {
    const std::size_t at = cache::index(edge);
    rows_[object * stride_ + at / 64] |= std::uint64_t{1} << (at % 64);
  }
  [[nodiscard]] bool holds(cache::EdgeId edge, cache::ObjectIndex object) const {
    const std::size_t at = cache::index(edge);
    return ((rows_[object * stride_ + at / 64] >> (at % 64)) & 1) != 0;
  }
  [[nodiscard]] std::span<const std::uint64_t> row(cache::ObjectIndex object) const {
    return std::span(rows_).subspan(object * stride_, words_);
  }

  void prefetch(cache::ObjectIndex object) const {
    __builtin_prefetch(&rows_[object * stride_], 1);
  }

  /// Calls visit(edge) for each edge that may hold the object.
  template <class Visit>
  void visit(cache::ObjectIndex object, Visit visit_edge) const {
    for (std::size_t word = 0; word < words_; ++word) {
      for (std::uint64_t left = rows_[object * stride_ + word]; left != 0; left &= left - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(left));
        visit_edge(cache::EdgeId(static_cast<std::uint16_t>(64 * word + bit)));
      }
    }
  }
  /// Drops the edges for which contains(edge) is false.
  template <class Contains>
  void refresh(cache::ObjectIndex object, Contains contains) {
    visit(object, [&](cache::EdgeId edge) {
      const std::size_t at = cache::index(edge);
      if (contains(edge)) return;
      rows_[object * stride_ + at / 64] &= ~(std::uint64_t{1} << (at % 64));
    });
  }

 private:
  std::size_t words_;
  std::size_t stride_;
  geo::HugeArray<std::uint64_t> rows_;  ///< an object's bits, then its stamp
};

}  // namespace edgeward::sim
