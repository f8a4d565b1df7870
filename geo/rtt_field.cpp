#include "geo/rtt_field.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace edgeward::geo {

namespace {

// Chosen on half of the cities of WonderProxy's pairs and confirmed on the other half (README); the
// optimum is flat: halving or doubling any of them changes the result by less than 5 %.
constexpr double kOffset = 1;
constexpr double kOwn = 0.5;
constexpr double kNear = 2;
constexpr double kNearKm = 600;
constexpr double kRegion = 1.4;
constexpr double kRegionKm = 4000;
/// Of one client's measurement, over that of the product of two likenesses of 1.
constexpr double kNoiseVariance = 1;

constexpr int kReweightings = 2;
constexpr double kWeightMin = 1e-3;
constexpr int kStepsMax = 60;
/// Of what is left unsolved over the residuals: some tenths of a millisecond.
constexpr double kPrecision = 1e-2;

double likeness(double km, bool is_same) {
  return kOffset + (is_same ? kOwn : 0.0) + kNear * std::exp(-km / kNearKm) +
         kRegion * std::exp(-km / kRegionKm);
}

using Vector = std::vector<double>;

/// A square matrix of likenesses, row by row.
struct Likenesses {
  explicit Likenesses(std::span<const GeoPoint> points) : size(points.size()), values(size * size) {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const double value = likeness(distance_km(points[i], points[j]), i == j);
        values[i * size + j] = value;
        values[j * size + i] = value;
      }
    }
  }

  [[nodiscard]] const double* row(std::size_t i) const { return &values[i * size]; }

  std::size_t size;
  Vector values;
};

double dot(const double* a, const double* b, std::size_t size) {
  double sums[4] = {};  // four chains, so that additions overlap; always in this order
  std::size_t i = 0;
  for (; i + 4 <= size; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (; i < size; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// (covariance of the groups + noise) x = residuals, by conjugate gradients (Hestenes & Stiefel
/// 1952). The covariance, a product, is never written down: its sums run over sites, then places.
/// Groups are ordered by place.
class Solver {
 public:
  Solver(const Likenesses& places, const Likenesses& sites, std::span<const RttGroup> groups)
      : places_(places),
        sites_(sites),
        groups_(groups),
        noise_(groups.size()),
        row_(sites.size),
        spread_(sites.size * places.size) {}

  /// What each group adds to the field, per likeness.
  Vector solve() {
    Vector weights(groups_.size(), 1);
    Vector sources(groups_.size(), 0);
    for (int round = 0; round <= kReweightings; ++round) {
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        noise_[i] = kNoiseVariance / (groups_[i].clients * weights[i]);
      }
      descend(sources);
      for (std::size_t i = 0; i < groups_.size(); ++i) {
        const double unexplained = noise_[i] * sources[i] / RttField::kDoubtMs;
        weights[i] = std::max(kWeightMin, 1 / (1 + unexplained * unexplained));
      }
    }
    return sources;
  }

  /// [site][place]: the sources of that place, each by the likeness of its site to this one.
  const Vector& spread(const Vector& sources) {
    std::size_t i = 0;
    for (std::size_t p = 0; p < places_.size; ++p) {
      std::fill(row_.begin(), row_.end(), 0.0);
      for (; i < groups_.size() && groups_[i].place == p; ++i) {
        const double* const alike = sites_.row(groups_[i].site);
        for (std::size_t s = 0; s < row_.size(); ++s) row_[s] += sources[i] * alike[s];
      }
      for (std::size_t s = 0; s < row_.size(); ++s) spread_[s * places_.size + p] = row_[s];
    }
    return spread_;
  }

 private:
  Vector times(const Vector& x) {
    spread(x);
    Vector result(groups_.size());
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      result[i] = dot(places_.row(groups_[i].place), &spread_[groups_[i].site * places_.size],
                      places_.size) +
                  noise_[i] * x[i];
    }
    return result;
  }

  void descend(Vector& x) {
    const std::size_t n = groups_.size();
    Vector remainder = times(x);
    double target = 0;
    for (std::size_t i = 0; i < n; ++i) {
      remainder[i] = groups_[i].residual_ms - remainder[i];
      target += groups_[i].residual_ms * groups_[i].residual_ms;
    }
    target *= kPrecision * kPrecision;
    const auto preconditioned = [&](std::size_t i) {
      return remainder[i] / (places_.values[0] * sites_.values[0] + noise_[i]);
    };
    Vector direction(n);
    double slope = 0;
    for (std::size_t i = 0; i < n; ++i) {
      direction[i] = preconditioned(i);
      slope += remainder[i] * direction[i];
    }
    for (int step = 0; step < kStepsMax; ++step) {
      if (dot(remainder.data(), remainder.data(), n) <= target) break;
      const Vector bent = times(direction);
      const double length = slope / dot(direction.data(), bent.data(), n);
      for (std::size_t i = 0; i < n; ++i) {
        x[i] += length * direction[i];
        remainder[i] -= length * bent[i];
      }
      double next = 0;
      for (std::size_t i = 0; i < n; ++i) next += remainder[i] * preconditioned(i);
      for (std::size_t i = 0; i < n; ++i) {
        direction[i] = preconditioned(i) + next / slope * direction[i];
      }
      slope = next;
    }
  }

  const Likenesses& places_;
  const Likenesses& sites_;
  std::span<const RttGroup> groups_;
  Vector noise_;
  Vector row_;
  Vector spread_;
};

/// Solves a small symmetric positive definite system in place (Cholesky).
template <std::size_t N>
void solve_small(std::array<std::array<double, N>, N>& a, std::array<double, N>& b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(sum) : sum / a[j][j];
    }
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
}

}  // namespace

RttField RttField::fit(std::vector<GeoPoint> places, std::vector<GeoPoint> sites,
                       std::span<const RttGroup> groups) {
  assert(places.size() <= kRttPlacesMax && groups.size() <= kRttGroupsMax);
  assert(std::is_sorted(groups.begin(), groups.end(),
                        [](const RttGroup& a, const RttGroup& b) { return a.place < b.place; }));
  RttField field;
  if (groups.empty() || places.empty() || sites.empty()) return field;
  const Likenesses place_likeness(places);
  const Likenesses site_likeness(sites);
  Solver solver(place_likeness, site_likeness, groups);
  const Vector sources = solver.solve();

  field.sites_ = sites.size();
  field.residuals_ms_.resize(places.size() * sites.size());
  const Vector& spread = solver.spread(sources);
  for (std::size_t p = 0; p < places.size(); ++p) {
    for (std::size_t s = 0; s < sites.size(); ++s) {
      field.residuals_ms_[p * sites.size() + s] =
          static_cast<float>(dot(place_likeness.row(p), &spread[s * places.size()], places.size()));
    }
  }
  field.likenesses_.assign(place_likeness.values.begin(), place_likeness.values.end());
  for (const GeoPoint& place : places) field.directions_.push_back(unit_vector(place));
  field.places_ = std::move(places);
  return field;
}

RttField::Anchor RttField::anchor_of(std::uint16_t place) {
  Anchor anchor{.count = 1};
  anchor.places[0] = place;
  anchor.weights[0] = 1;
  return anchor;
}

RttField::Anchor RttField::anchor_at(const GeoPoint& point) const {
  Anchor anchor;
  const UnitVector direction = unit_vector(point);
  std::array<float, Anchor::kPlacesMax> chords{};
  for (std::size_t p = 0; p < directions_.size(); ++p) {  // insertion into a short sorted list
    const float chord = chord_squared(direction, directions_[p]);
    if (anchor.count == Anchor::kPlacesMax && chord >= chords.back()) continue;
    std::size_t at = anchor.count < Anchor::kPlacesMax ? anchor.count++ : anchor.count - 1;
    for (; at > 0 && chords[at - 1] > chord; --at) {
      chords[at] = chords[at - 1];
      anchor.places[at] = anchor.places[at - 1];
    }
    chords[at] = chord;
    anchor.places[at] = static_cast<std::uint16_t>(p);
  }

  std::array<std::array<double, Anchor::kPlacesMax>, Anchor::kPlacesMax> covariance{};
  std::array<double, Anchor::kPlacesMax> weights{};
  for (std::size_t i = 0; i < anchor.count; ++i) {
    const float* const alike = &likenesses_[anchor.places[i] * places_.size()];
    for (std::size_t j = 0; j <= i; ++j) {
      covariance[i][j] = static_cast<double>(alike[anchor.places[j]]);
    }
    weights[i] = likeness(static_cast<double>(km_of_chord_squared(chords[i])), false);
  }
  solve_small(covariance, weights, anchor.count);
  for (std::size_t i = 0; i < anchor.count; ++i) anchor.weights[i] = static_cast<float>(weights[i]);
  return anchor;
}

}  // namespace edgeward::geo
