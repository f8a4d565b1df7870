#pragma once

#include <cstdint>
#include <functional>

#include "geo/cell_sites.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::geo {

/// Round-trip times between each cell and its nearest sites where measurements correct the distance
/// model: compiled off the path of decisions, so that a decision reads a number. Immutable; belongs
/// to one CellSites. Steps of 1/16 ms, up to 4 s.
class CellRtts {
 public:
  /// Milliseconds between a cell and a site that lie `distance_km` apart.
  using Estimate = std::function<double(CellIndex cell, SiteIndex site, double distance_km)>;

  CellRtts(std::span<const Cell> cells, std::span<const GeoPoint> sites, const CellSites& nearest,
           const Estimate& estimate);

  /// Of the k-th entry of CellSites::nearest(cell), in ms.
  [[nodiscard]] float rtt_ms(CellIndex cell, std::size_t k) const {
    return static_cast<float>(rows_[cell][k]) / kStepsPerMs;
  }
  [[nodiscard]] std::size_t memory_bytes() const { return rows_.size() * sizeof(Row); }

 private:
  static constexpr float kStepsPerMs = 16;
  struct alignas(64) Row : std::array<std::uint16_t, CellSites::kSitesMax> {};

  HugeArray<Row> rows_;
};

}  // namespace edgeward::geo
