#pragma once

#include <cmath>

namespace edgeward::geo {

/// Mean radius of the Earth (IUGG R1), on which all distances here are great circles. Against the
/// ellipsoid that errs by at most 0.6 %.
inline constexpr double kEarthRadiusKm = 6371.0088;
/// Half the way round: no two points are farther apart.
inline constexpr double kDistanceKmMax = 3.14159265358979323846 * kEarthRadiusKm;

/// A place on Earth in degrees (WGS 84): latitude -90..90, longitude -180..180.
struct GeoPoint {
  double lat_deg = 0;
  double lon_deg = 0;

  bool operator==(const GeoPoint&) const = default;
};

/// Finite and within range: what a database or a file may not be trusted to hold.
[[nodiscard]] bool is_valid(const GeoPoint& point);

/// Great-circle distance by the haversine formula. Relative error below 1e-12 but near antipodes.
[[nodiscard]] double distance_km(const GeoPoint& a, const GeoPoint& b);

/// A point as a direction from the Earth's centre, in single precision: comparing distances is
/// then three multiplications.
struct UnitVector {
  float x = 1;
  float y = 0;
  float z = 0;

  bool operator==(const UnitVector&) const = default;
};

[[nodiscard]] UnitVector unit_vector(const GeoPoint& point);

/// The squared straight line through the Earth between two unit vectors, 0..4: grows with their
/// distance, and is cheaper.
[[nodiscard]] inline float chord_squared(const UnitVector& a, const UnitVector& b) {
  const float x = a.x - b.x;
  const float y = a.y - b.y;
  const float z = a.z - b.z;
  return x * x + y * y + z * z;
}

/// The distance that belongs to a squared chord. No branch, so loops over it vectorise. Error below
/// 3 m up to 10,000 km, and below 6 km at the antipode, where single precision runs out.
[[nodiscard]] inline float km_of_chord_squared(float squared) {
  // asin after Cephes' asinf: a polynomial on [0, 1/2], and asin(s) = pi/2 - 2 asin(sqrt((1-s)/2))
  // beyond. s is half the chord.
  const float half_squared = squared * 0.25F < 1 ? squared * 0.25F : 1.0F;
  const float half = std::sqrt(half_squared);
  const bool is_far = half > 0.5F;
  const float z = is_far ? 0.5F * (1.0F - half) : half_squared;
  const float root = std::sqrt(z);
  const float x = is_far ? root : half;
  float p = 4.2163199048e-2F;
  p = p * z + 2.4181311049e-2F;
  p = p * z + 4.5470025998e-2F;
  p = p * z + 7.4953002686e-2F;
  p = p * z + 1.6666752422e-1F;
  const float near = p * z * x + x;
  const float angle = is_far ? 1.5707963268F - 2 * near : near;
  return static_cast<float>(2 * kEarthRadiusKm) * angle;
}

}  // namespace edgeward::geo
