#include "cache/che.hpp"

#include <cmath>
#include <limits>

namespace edgeward::cache {

double hit_probability(double requests_per_second, double characteristic_time_s) {
  if (requests_per_second <= 0) return 0;
  return -std::expm1(-requests_per_second * characteristic_time_s);
}

double characteristic_time_s(std::span<const ContentDemand> contents,
                             std::uint64_t capacity_bytes) {
  double asked_bytes = 0;
  double bytes_per_second = 0;
  for (const ContentDemand& content : contents) {
    if (content.requests_per_second <= 0) continue;
    asked_bytes += static_cast<double>(content.size_bytes);
    bytes_per_second += content.requests_per_second * static_cast<double>(content.size_bytes);
  }
  const auto capacity = static_cast<double>(capacity_bytes);
  if (asked_bytes <= capacity) return std::numeric_limits<double>::infinity();
  const auto held_bytes = [&](double time_s) {
    double held = 0;
    for (const ContentDemand& content : contents) {
      held += static_cast<double>(content.size_bytes) *
              hit_probability(content.requests_per_second, time_s);
    }
    return held;
  };
  // No object is held longer than it was asked for, so T is at least capacity / demand.
  double low = capacity / bytes_per_second;
  double high = low > 0 ? low : std::numeric_limits<double>::min();
  while (held_bytes(high) < capacity) high *= 2;
  constexpr int kHalvings = 50;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (held_bytes(middle) < capacity ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace edgeward::cache
