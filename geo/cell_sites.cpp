#include "geo/cell_sites.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace edgeward::geo {

namespace {

/// Side of the squares, in degrees, in which sites are sought at once.
constexpr double kTileDeg = 1;

constexpr std::size_t kTileRows = static_cast<std::size_t>(180 / kTileDeg) + 1;
constexpr std::size_t kTileColumns = static_cast<std::size_t>(360 / kTileDeg) + 1;

std::size_t tile_of(const Cell& cell) {
  const auto row = static_cast<std::size_t>((cell.lat_deg + 90) / kTileDeg);
  const auto column = static_cast<std::size_t>((cell.lon_deg + 180) / kTileDeg);
  return row * kTileColumns + column;
}

/// Cells in the order of their tiles (a counting sort), and where each tile's begin among them.
struct CellsByTile {
  explicit CellsByTile(std::span<const Cell> cells)
      : begins(kTileRows * kTileColumns + 1), order(cells.size()) {
    for (const Cell& cell : cells) ++begins[tile_of(cell) + 1];
    std::partial_sum(begins.begin(), begins.end(), begins.begin());
    std::vector<std::uint32_t> next(begins.begin(), std::prev(begins.end()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      order[next[tile_of(cells[i])]++] = static_cast<CellIndex>(i);
    }
  }

  std::vector<std::uint32_t> begins;
  HugeArray<CellIndex> order;
};

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

  // Each tile's sites are sought once.
  const CellsByTile tiles(cells);
  const SiteTree tree(points);
  std::vector<std::pair<float, SiteIndex>> near;
  for (std::size_t tile = 0; tile + 1 < tiles.begins.size(); ++tile) {
    const auto within =
        std::span(tiles.order)
            .subspan(tiles.begins[tile], tiles.begins[tile + 1] - tiles.begins[tile]);
    if (within.empty()) continue;
    const GeoPoint centre = cells[within.front()].location().point;
    double radius_km = 0;
    for (const CellIndex cell : within) {
      radius_km =
          std::max(radius_km, distance_km(centre, cells[cell].location().point) + kRoundingKm);
    }
    const std::vector<SiteIndex> candidates = tree.nearest_around(centre, radius_km, count_);
    for (const CellIndex cell : within) {
      near.clear();
      for (const SiteIndex site : candidates) {
        near.emplace_back(chord_squared(cells[cell].at, at[site]), site);
      }
      const auto last = near.begin() + static_cast<std::ptrdiff_t>(count_);
      std::partial_sort(near.begin(), last, near.end());
      Row& row = rows_[cell];
      for (std::size_t k = 0; k < count_; ++k) {
        row.nearest[k] = numbers[near[k].second];
        row.distance_km[k] = km_of_chord_squared(near[k].first);
      }
    }
  }
}

}  // namespace edgeward::geo
