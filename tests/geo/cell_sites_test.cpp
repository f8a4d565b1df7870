#include "geo/cell_sites.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "cache/random.hpp"
#include "geo/address_map_builder.hpp"

namespace edgeward::geo {

namespace {

GeoPoint random_point(cache::Random& random) {
  return {.lat_deg = std::asin(2 * random.unit() - 1) * 57.29577951308232,
          .lon_deg = random.unit() * 360 - 180};
}

std::vector<GeoPoint> random_points(cache::Random& random, std::size_t count) {
  std::vector<GeoPoint> points;
  for (std::size_t i = 0; i < count; ++i) points.push_back(random_point(random));
  return points;
}

/// Distances of all sites from a point, ascending.
std::vector<double> sorted_km(const GeoPoint& from, const std::vector<GeoPoint>& sites) {
  std::vector<double> km;
  for (const GeoPoint& site : sites) km.push_back(distance_km(from, site));
  std::sort(km.begin(), km.end());
  return km;
}

}  // namespace

TEST_CASE("the tree finds the nearest sites as a search through all does") {
  for (const std::size_t count : {1U, 2U, 5U, 64U, 1024U}) {
    cache::Random random(count);
    const auto sites = random_points(random, count);
    const SiteTree tree(sites);
    for (int i = 0; i < 300; ++i) {
      // Poles and the date line among them.
      const GeoPoint from = i == 0   ? GeoPoint{90, 0}
                            : i == 1 ? GeoPoint{-90, 50}
                            : i == 2 ? GeoPoint{0, 180}
                            : i == 3 ? GeoPoint{10, -180}
                                     : random_point(random);
      const auto found = tree.nearest(from, 32);
      const auto expected = sorted_km(from, sites);
      REQUIRE(found.size() == std::min<std::size_t>(count, 32));
      for (std::size_t k = 0; k < found.size(); ++k) {
        REQUIRE(distance_km(from, sites[found[k]]) == Approx(expected[k]).margin(1e-6));
      }
    }
  }
}

TEST_CASE("equal distances are ordered by number") {
  const std::vector<GeoPoint> sites(40, GeoPoint{10, 10});
  const auto found = SiteTree(sites).nearest({0, 0}, 8);
  CHECK(found == std::vector<SiteIndex>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("every cell has its nearest sites in true order") {
  for (const std::size_t count : {1U, 20U, 33U, 1024U}) {
    cache::Random random(count);
    const auto sites = random_points(random, count);
    NetworkLayer layer;
    for (std::uint32_t i = 0; i < 4000; ++i) {
      // Crowded tiles and lonely ones, a pole and the date line.
      const GeoPoint point = i % 3 == 0   ? random_point(random)
                             : i % 3 == 1 ? GeoPoint{89.5 + random.unit() / 2, random.unit() * 90}
                                          : GeoPoint{random.unit() * 3, 179 + random.unit()};
      layer.places.push_back({.point = point, .source = LocationSource::mmdb});
      layer.append(IpPrefix::around(IpAddress::v4(i << 8), 120), i);
    }
    AddressMapBuilder builder;
    builder.add(std::move(layer));
    const auto map = std::move(builder).build();
    const CellSites nearest(map->cells(), sites);
    CHECK(nearest.holds_all() == (count <= CellSites::kSitesMax));
    for (CellIndex cell = 0; cell < map->cells().size(); ++cell) {
      const GeoPoint from = (*map)[cell].location().point;
      const auto expected = sorted_km(from, sites);
      const auto found = nearest.nearest(cell);
      REQUIRE(found.size() == std::min(count, CellSites::kSitesMax));
      for (std::size_t k = 0; k < found.size(); ++k) {
        REQUIRE(distance_km(from, sites[found[k]]) == Approx(expected[k]).margin(0.02));
        REQUIRE(nearest[cell].distance_km[k] ==
                km_of_chord_squared(
                    chord_squared(map->cells()[cell].at, unit_vector(sites[found[k]]))));
      }
    }
  }
}

TEST_CASE("a site beyond a cell is found though most sites lie on its other side") {
  // As many sites as a cell lists at one end of a square; one site beyond its other end.
  std::vector<GeoPoint> sites(CellSites::kSitesMax, GeoPoint{0.5, 0.05});
  sites.push_back({0.5, 1.75});
  const auto cell = [](const GeoPoint& point) {
    return Cell{.lat_deg = static_cast<float>(point.lat_deg),
                .lon_deg = static_cast<float>(point.lon_deg),
                .at = unit_vector(point)};
  };
  const Cell among = cell({0.5, 0.05});
  const Cell apart = cell({0.5, 0.95});
  for (const std::vector<Cell>& cells : {std::vector{among, apart}, std::vector{apart, among}}) {
    const CellSites nearest(cells, sites);
    CHECK(nearest.nearest(cells[0] == apart ? 0 : 1)[0] == CellSites::kSitesMax);
    CHECK(nearest.nearest(cells[0] == apart ? 1 : 0)[0] == 0);
  }
}

TEST_CASE("excluded sites are in no cell") {
  const std::vector<GeoPoint> sites{{0, 0}, {1, 1}, {2, 2}};
  const std::vector<std::uint8_t> excluded{0, 1, 0};
  const std::vector<Cell> cells(1);
  const CellSites nearest(cells, sites, excluded);
  REQUIRE(nearest.nearest(0).size() == 2);
  CHECK(nearest.nearest(0)[0] == 0);
  CHECK(nearest.nearest(0)[1] == 2);
}

}  // namespace edgeward::geo
