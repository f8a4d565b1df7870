#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "geo/address_map.hpp"
#include "geo/huge_array.hpp"
#include "geo/point.hpp"
#include "geo/site_tree.hpp"

namespace edgeward::geo {

/// For each cell its nearest sites, in true order: what Router scores. Immutable; compiled for one
/// AddressMap and one list of sites, so that a change of sites leaves the AddressMap as it is.
class CellSites {
 public:
  /// Sites kept a cell: one cache line of numbers.
  static constexpr std::size_t kSitesMax = 32;

  /// O(cells · log sites): sites are sought once a square degree (SiteTree::nearest_around) and
  /// then ordered for each cell. Sites whose `excluded` entry is set are left out.
  CellSites(std::span<const Cell> cells, std::span<const GeoPoint> sites,
            std::span<const std::uint8_t> excluded = {});

  /// The nearest sites of a cell, nearest first; min(kSitesMax, sites that are not excluded).
  [[nodiscard]] std::span<const SiteIndex> nearest(CellIndex cell) const {
    return std::span(rows_[cell]).first(count_);
  }
  /// Starts to fetch a cell's sites into the processor's cache.
  void prefetch(CellIndex cell) const noexcept { __builtin_prefetch(&rows_[cell]); }
  [[nodiscard]] bool holds_all() const { return holds_all_; }
  [[nodiscard]] std::size_t memory_bytes() const { return rows_.size() * sizeof(Row); }

 private:
  struct alignas(64) Row : std::array<SiteIndex, kSitesMax> {};

  HugeArray<Row> rows_;
  std::size_t count_ = 0;
  bool holds_all_ = true;
};

}  // namespace edgeward::geo
