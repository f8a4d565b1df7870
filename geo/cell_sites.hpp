#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "geo/address_map.hpp"
#include "geo/huge_array.hpp"
#include "geo/point.hpp"
#include "geo/site_tree.hpp"

namespace edgeward::geo {

/// For each cell where it is and its nearest sites, in true order: what Router scores. Immutable;
/// compiled for one AddressMap and one list of sites, so that a change of sites leaves the
/// AddressMap as it is.
class CellSites {
 public:
  /// Sites kept a cell: what a row has room for.
  static constexpr std::size_t kSitesMax = 22;

  /// All that a decision reads of a cell. One cache line: it waits for memory once.
  struct alignas(64) Row {
    UnitVector at;
    Country country = Country::none;
    std::uint16_t zone = Cell::kNoZone;
    std::uint16_t area = 0;
    LocationSource source = LocationSource::none;
    std::array<SiteIndex, kSitesMax> nearest{};  ///< see CellSites::nearest
  };

  /// O(cells · log sites): sites are sought once a square degree (SiteTree::nearest_around) and
  /// then ordered for each cell. Sites whose `excluded` entry is set are left out.
  CellSites(std::span<const Cell> cells, std::span<const GeoPoint> sites,
            std::span<const std::uint8_t> excluded = {});

  [[nodiscard]] const Row& operator[](CellIndex cell) const { return rows_[cell]; }
  /// The nearest sites of a cell, nearest first; min(kSitesMax, sites that are not excluded).
  [[nodiscard]] std::span<const SiteIndex> nearest(CellIndex cell) const {
    return std::span(rows_[cell].nearest).first(count_);
  }
  /// Starts to fetch a cell's row into the processor's cache.
  void prefetch(CellIndex cell) const noexcept { __builtin_prefetch(&rows_[cell]); }
  [[nodiscard]] bool holds_all() const { return holds_all_; }
  [[nodiscard]] std::size_t memory_bytes() const { return rows_.size() * sizeof(Row); }

 private:
  static_assert(sizeof(Row) == 64);

  HugeArray<Row> rows_;
  std::size_t count_ = 0;
  bool holds_all_ = true;
};

}  // namespace edgeward::geo
