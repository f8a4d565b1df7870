#include "geo/point.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "cache/random.hpp"

namespace edgeward::geo {

TEST_CASE("known cities lie as far apart as they do") {
  // Distances of the published city pairs (WonderProxy), rounded.
  const GeoPoint melbourne{-37.7833, 144.9667};
  CHECK(distance_km(melbourne, {43.6481, -79.4042}) == Approx(16264.7).epsilon(0.003));
  CHECK(distance_km(melbourne, {35.6833, 139.7667}) == Approx(8186.7).epsilon(0.003));
  CHECK(distance_km({0, 0}, {0, 180}) == Approx(kDistanceKmMax));
  CHECK(distance_km({90, 0}, {90, 77}) == Approx(0).margin(1e-6));
}

TEST_CASE("distances from unit vectors agree with the haversine formula") {
  cache::Random random(3);
  double worst_km = 0;
  for (int i = 0; i < 100'000; ++i) {
    const GeoPoint a{std::asin(2 * random.unit() - 1) * 57.29577951308232,
                     random.unit() * 360 - 180};
    // Half of the pairs near each other: there a coarse formula would show.
    const GeoPoint b = i % 2 == 0
                           ? GeoPoint{std::asin(2 * random.unit() - 1) * 57.29577951308232,
                                      random.unit() * 360 - 180}
                           : GeoPoint{std::fmax(-90, std::fmin(90, a.lat_deg + random.unit() - .5)),
                                      a.lon_deg * 0.999};
    const double exact = distance_km(a, b);
    const double fast = km_of_chord_squared(chord_squared(unit_vector(a), unit_vector(b)));
    worst_km = std::fmax(worst_km, exact < 10'000 ? std::abs(fast - exact) : 0);
    REQUIRE(std::abs(fast - exact) < 6);
  }
  CHECK(worst_km < 0.003);
}

TEST_CASE("what is no place is not valid") {
  CHECK(is_valid({90, -180}));
  CHECK_FALSE(is_valid({90.1, 0}));
  CHECK_FALSE(is_valid({0, 181}));
  CHECK_FALSE(is_valid({std::numeric_limits<double>::quiet_NaN(), 0}));
  CHECK_FALSE(is_valid({0, std::numeric_limits<double>::infinity()}));
}

}  // namespace edgeward::geo
