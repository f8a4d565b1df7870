#include "geo/cell_sites.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace edgeward::geo {

namespace {

/// Side of the squares, in degrees, in which sites are sought at once.
constexpr double kTileDeg = 1;

std::int32_t tile_of(const Cell& cell) {
  const auto row = static_cast<std::int32_t>(std::floor((cell.lat_deg + 90) / kTileDeg));
  const auto column = static_cast<std::int32_t>(std::floor((cell.lon_deg + 180) / kTileDeg));
  return row * static_cast<std::int32_t>(360 / kTileDeg + 1) + column;
}

/// Slack for positions in single precision.
constexpr double kRoundingKm = 0.01;

}  // namespace

CellSites::CellSites(std::span<const Cell> cells, std::span<const GeoPoint> sites,
                     std::span<const std::uint8_t> excluded) {
  std::vector<GeoPoint> points;
  std::vector<SiteIndex> numbers;
  std::vector<UnitVector> at;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (!excluded.empty() && excluded[i] != 0) continue;
    points.push_back(sites[i]);
    numbers.push_back(static_cast<SiteIndex>(i));
    at.push_back(unit_vector(sites[i]));
  }
  count_ = std::min(points.size(), kSitesMax);
  holds_all_ = points.size() <= kSitesMax;
  rows_.reserve(cells.size());
  for (const Cell& cell : cells) {
    rows_.push_back(
        {.country = cell.country, .zone = cell.zone, .area = cell.area, .source = cell.source});
  }
  if (count_ == 0) return;

  // Cells by tile, so that each tile's sites are sought once.
  std::vector<CellIndex> order(cells.size());
  std::iota(order.begin(), order.end(), CellIndex{0});
  std::sort(order.begin(), order.end(),
            [&](CellIndex a, CellIndex b) { return tile_of(cells[a]) < tile_of(cells[b]); });
  const SiteTree tree(points);
  std::vector<std::pair<float, SiteIndex>> near;
  for (std::size_t begin = 0; begin < order.size();) {
    const std::int32_t tile = tile_of(cells[order[begin]]);
    std::size_t end = begin;
    while (end < order.size() && tile_of(cells[order[end]]) == tile) ++end;
    const GeoPoint centre = cells[order[begin]].location().point;
    double radius_km = 0;
    for (std::size_t i = begin; i < end; ++i) {
      radius_km =
          std::max(radius_km, distance_km(centre, cells[order[i]].location().point) + kRoundingKm);
    }
    const std::vector<SiteIndex> candidates = tree.nearest_around(centre, radius_km, count_);
    for (std::size_t i = begin; i < end; ++i) {
      near.clear();
      for (const SiteIndex site : candidates) {
        near.emplace_back(chord_squared(cells[order[i]].at, at[site]), site);
      }
      const auto last = near.begin() + static_cast<std::ptrdiff_t>(count_);
      std::partial_sort(near.begin(), last, near.end());
      Row& row = rows_[order[i]];
      for (std::size_t k = 0; k < count_; ++k) {
        row.nearest[k] = numbers[near[k].second];
        row.distance_km[k] = km_of_chord_squared(near[k].first);
      }
    }
    begin = end;
  }
}

}  // namespace edgeward::geo
