#include "geo/cell_rtts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgeward::geo {

CellRtts::CellRtts(std::span<const Cell> cells, std::span<const GeoPoint> sites,
                   const CellSites& nearest, const Estimate& estimate) {
  constexpr double kStepsMax = std::numeric_limits<std::uint16_t>::max();
  rows_.resize(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto cell = static_cast<CellIndex>(i);
    const auto near = nearest.nearest(cell);
    const GeoPoint at = cells[i].location().point;
    for (std::size_t k = 0; k < near.size(); ++k) {
      const double ms = estimate(cell, near[k], distance_km(at, sites[near[k]]));
      rows_[i][k] =
          static_cast<std::uint16_t>(std::clamp(std::round(ms * kStepsPerMs), 0.0, kStepsMax));
    }
  }
}

}  // namespace edgeward::geo
