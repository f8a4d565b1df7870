#include "geo/point.hpp"

#include <algorithm>

namespace edgeward::geo {

namespace {

constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180;

}  // namespace

bool is_valid(const GeoPoint& point) {
  // NaN fails both comparisons.
  return std::abs(point.lat_deg) <= 90 && std::abs(point.lon_deg) <= 180;
}

double distance_km(const GeoPoint& a, const GeoPoint& b) {
  const double lat_sine = std::sin((b.lat_deg - a.lat_deg) * kRadiansPerDegree / 2);
  const double lon_sine = std::sin((b.lon_deg - a.lon_deg) * kRadiansPerDegree / 2);
  const double squared = lat_sine * lat_sine + std::cos(a.lat_deg * kRadiansPerDegree) *
                                                   std::cos(b.lat_deg * kRadiansPerDegree) *
                                                   lon_sine * lon_sine;
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(std::min(squared, 1.0)));
}

UnitVector unit_vector(const GeoPoint& point) {
  const double lat = point.lat_deg * kRadiansPerDegree;
  const double lon = point.lon_deg * kRadiansPerDegree;
  return {.x = static_cast<float>(std::cos(lat) * std::cos(lon)),
          .y = static_cast<float>(std::cos(lat) * std::sin(lon)),
          .z = static_cast<float>(std::sin(lat))};
}

}  // namespace edgeward::geo
