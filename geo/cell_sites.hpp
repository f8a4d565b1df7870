#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "geo/address_map.hpp"
#include "geo/huge_array.hpp"
#include "geo/point.hpp"
#include "geo/site_tree.hpp"

namespace edgeward::geo {

/// For each cell its nearest sites, in true order: what Router scores. Immutable;
/// compiled for one AddressMap and one list of sites, so that a change of sites leaves the
/// AddressMap as it is.
class CellSites {
 public:
  /// Sites kept a cell: what a row has room for.
  static constexpr std::size_t kSitesMax = 20;

  /// All that a decision reads of a cell. Two cache lines, which are waited for together.
  struct alignas(128) Row {
    Country country = Country::none;
    std::uint16_t zone = Cell::kNoZone;
    std::uint16_t area = 0;
    LocationSource source = LocationSource::none;
    std::array<SiteIndex, kSitesMax> nearest{};  ///< see CellSites::nearest
    std::array<float, kSitesMax> distance_km{};  ///< of each of them
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
  void prefetch(CellIndex cell) const noexcept {
    const Row& row = rows_[cell];
    __builtin_prefetch(&row);
    __builtin_prefetch(&row.distance_km.back());
  }
  [[nodiscard]] bool holds_all() const { return holds_all_; }
  [[nodiscard]] std::size_t memory_bytes() const { return rows_.size() * sizeof(Row); }

 private:
  static_assert(sizeof(Row) == 128);

  HugeArray<Row> rows_;
  std::size_t count_ = 0;
  bool holds_all_ = true;
};

}  // namespace edgeward::geo
