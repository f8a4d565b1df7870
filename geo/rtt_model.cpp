#include "geo/rtt_model.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::geo {

namespace {

constexpr std::size_t kKnots = RttModel::kKnotsKm.size();

/// Least absolute deviations over 11,618 pairs of 153 cities, WonderProxy 2020, rows marked as
/// suspect left out: what `edgeward geo evaluate` prints for that file as "refitted".
constexpr RttModel::Knots kDefaultKnots{3.54,  16.36,  28.92,  50.09,  64.43,  90.58,
                                        98.89, 140.87, 187.64, 216.92, 270.04, 309.93};

/// Deviations below this weigh as if squared: measurements are not finer.
constexpr double kSmallMs = 0.5;
constexpr int kPasses = 60;
constexpr double kPriorSamples = 1;

/// Where a distance lies: between which knots, and how far along.
struct Place {
  std::size_t knot = 0;
  double share = 0;  ///< 0 at the knot, 1 at the next
};

Place place_of(double km) {
  std::size_t knot = 0;
  while (knot + 2 < kKnots && km >= RttModel::kKnotsKm[knot + 1]) ++knot;
  const double from = RttModel::kKnotsKm[knot];
  const double length = RttModel::kKnotsKm[knot + 1] - from;
  return {.knot = knot, .share = std::clamp((km - from) / length, 0.0, 1.0)};
}

double at(const RttModel::Knots& knots, const Place& place) {
  return knots[place.knot] + place.share * (knots[place.knot + 1] - knots[place.knot]);
}

double prior_ms(std::size_t knot) {
  return 10 + 2 * light_rtt_ms(RttModel::kKnotsKm[knot]);
}

double weight_of(double deviation_ms) {
  return 1 / std::max(kSmallMs, std::abs(deviation_ms));
}

/// The normal equations of a line through knots: each sample touches two neighbours, so the matrix
/// has one diagonal and one beside it.
struct NormalEquations {
  RttModel::Knots diagonal{};
  RttModel::Knots beside{};  ///< [i]: of knots i and i + 1
  RttModel::Knots right{};

  void add(const Place& place, double rtt_ms, double weight) {
    const double far = place.share;
    const double near = 1 - far;
    diagonal[place.knot] += weight * near * near;
    diagonal[place.knot + 1] += weight * far * far;
    beside[place.knot] += weight * near * far;
    right[place.knot] += weight * near * rtt_ms;
    right[place.knot + 1] += weight * far * rtt_ms;
  }

  [[nodiscard]] RttModel::Knots solved() && {
    for (std::size_t i = 1; i < kKnots; ++i) {
      const double factor = beside[i - 1] / diagonal[i - 1];
      diagonal[i] -= factor * beside[i - 1];
      right[i] -= factor * right[i - 1];
    }
    RttModel::Knots knots{};
    knots[kKnots - 1] = right[kKnots - 1] / diagonal[kKnots - 1];
    for (std::size_t i = kKnots - 1; i-- > 0;) {
      knots[i] = (right[i] - beside[i] * knots[i + 1]) / diagonal[i];
    }
    return knots;
  }
};

bool is_usable(const RttSample& sample) {
  return sample.km >= 0 && std::isfinite(sample.km) && sample.rtt_ms >= 0 &&
         sample.rtt_ms <= kRttMsMax;
}

}  // namespace

RttModel::RttModel() : RttModel(kDefaultKnots) {}

RttModel::RttModel(const Knots& knots_ms) : knots_ms_(knots_ms) {
  double lowest = 0;
  for (std::size_t i = 0; i < kKnots; ++i) {
    lowest = std::max(lowest, light_rtt_ms(kKnotsKm[i]));
    knots_ms_[i] = std::max(lowest, knots_ms_[i]);
    lowest = knots_ms_[i];
  }
}

RttModel RttModel::fit(std::span<const RttSample> samples) {
  // Iteratively reweighted least squares (Schlossmacher 1973): a sample weighs by the inverse of
  // its last deviation, so that the sum of squares becomes one of absolute values.
  Knots knots{};
  for (std::size_t i = 0; i < kKnots; ++i) knots[i] = prior_ms(i);
  for (int pass = 0; pass < kPasses; ++pass) {
    NormalEquations equations;
    for (std::size_t i = 0; i < kKnots; ++i) {
      const double weight = kPriorSamples * weight_of(prior_ms(i) - knots[i]);
      equations.diagonal[i] += weight;
      equations.right[i] += weight * prior_ms(i);
    }
    for (const RttSample& sample : samples) {
      if (!is_usable(sample)) continue;
      const Place place = place_of(sample.km);
      equations.add(place, sample.rtt_ms, weight_of(sample.rtt_ms - at(knots, place)));
    }
    knots = std::move(equations).solved();
  }
  return RttModel(knots);
}

double RttModel::estimate_ms(double km) const noexcept {
  return at(knots_ms_, place_of(km));
}

}  // namespace edgeward::geo
