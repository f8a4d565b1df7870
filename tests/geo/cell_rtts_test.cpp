#include "geo/cell_rtts.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::geo {

namespace {

GeoPoint random_point(cache::Random& random) {
  return {.lat_deg = random.unit() * 160 - 80, .lon_deg = random.unit() * 360 - 180};
}

}  // namespace

TEST_CASE("each cell has the times to its own nearest sites, in sixteenths of a millisecond") {
  cache::Random random(11);
  std::vector<GeoPoint> sites;
  for (int i = 0; i < 100; ++i) sites.push_back(random_point(random));
  std::vector<std::uint8_t> excluded(sites.size());
  for (std::size_t i = 0; i < sites.size(); i += 9) excluded[i] = 1;
  std::vector<Cell> cells;
  for (int i = 0; i < 50; ++i) {
    const GeoPoint point = random_point(random);
    cells.push_back({.lat_deg = static_cast<float>(point.lat_deg),
                     .lon_deg = static_cast<float>(point.lon_deg),
                     .at = unit_vector(point)});
  }
  const CellSites nearest(cells, sites, excluded);
  const auto estimate = [](CellIndex cell, SiteIndex site, double km) {
    return cell * 10.0 + site * 0.3 + km / 100;
  };
  const CellRtts rtts(cells, sites, nearest, estimate);
  for (CellIndex cell = 0; cell < cells.size(); ++cell) {
    const auto near = nearest.nearest(cell);
    for (std::size_t k = 0; k < near.size(); ++k) {
      const double km = distance_km(cells[cell].location().point, sites[near[k]]);
      REQUIRE(rtts.rtt_ms(cell, k) == Approx(estimate(cell, near[k], km)).margin(1.0 / 32 + 1e-9));
    }
  }
}

TEST_CASE("a time beyond four seconds counts as four, one below none as none") {
  const std::vector<Cell> cells(1);
  const std::vector<GeoPoint> sites{{0, 0}, {1, 1}, {2, 2}};
  const CellSites nearest(cells, sites, {});
  const std::vector<double> times_ms{5000, -3, 4000};
  const CellRtts rtts(cells, sites, nearest,
                      [&](CellIndex, SiteIndex site, double) { return times_ms[site]; });
  CHECK(rtts.rtt_ms(0, 0) == Approx(4096).margin(0.1));
  CHECK(rtts.rtt_ms(0, 1) == 0);
  CHECK(rtts.rtt_ms(0, 2) == 4000);
}

}  // namespace edgeward::geo
