#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "geo/point.hpp"

namespace edgeward::geo {

/// Where clients are measured, at most so many: what 1,024 sites still solve in seconds.
inline constexpr std::size_t kRttPlacesMax = 512;
/// Sites of which a place's measurements are used.
inline constexpr std::size_t kRttSitesPerPlaceMax = 128;
inline constexpr std::size_t kRttGroupsMax = kRttPlacesMax * kRttSitesPerPlaceMax;

/// What was measured between a place and a site, beyond what the distance explains.
struct RttGroup {
  std::uint16_t place = 0;
  std::uint16_t site = 0;
  double residual_ms = 0;  ///< measured - model
  double clients = 1;      ///< how many measured it, each on its own; > 0
};

/// A residual for every pair (place, site), and for every point on Earth, from those measured.
///
/// The residuals are taken as a Gaussian process (Rasmussen & Williams 2006, ch. 2) whose
/// covariance is a product, of the two places' and of the two sites' likeness:
///   likeness(a, b) = 1 + 1/2 [a is b] + 2 e^(-km/600) + 1.4 e^(-km/4000).
/// Multiplied out, that is all one would write down term by term: an offset of everything; a height
/// of each place and each site (network coordinates' "height": its access network); heights of
/// regions; a region's detours to another region; a place's own detours to a region. Measurements
/// have noise, and Student-like tails: a group that its neighbourhood does not explain counts less
/// (iteratively reweighted; half its weight at kDoubtMs), so one liar moves little.
///
/// Deterministic; immutable. fit costs about groups × (places + sites) × 100 operations.
class RttField {
 public:
  /// How far off a group is from the field where it has half its weight.
  static constexpr double kDoubtMs = 30;

  /// A point seen from the places around it: the correction there is a weighted sum of theirs.
  struct Anchor {
    static constexpr std::size_t kPlacesMax = 8;
    std::array<std::uint16_t, kPlacesMax> places{};
    std::array<float, kPlacesMax> weights{};
    std::size_t count = 0;
  };

  RttField() = default;
  /// Places and sites of the groups are indices into the points given. Groups are ordered by place.
  [[nodiscard]] static RttField fit(std::vector<GeoPoint> places, std::vector<GeoPoint> sites,
                                    std::span<const RttGroup> groups);

  /// The place itself.
  [[nodiscard]] static Anchor anchor_of(std::uint16_t place);
  /// Any point: its nearest places with their kriging weights. About 2 µs.
  [[nodiscard]] Anchor anchor_at(const GeoPoint& point) const;

  /// Residual in ms; about 10 ns.
  [[nodiscard]] double at(const Anchor& anchor, std::uint16_t site) const noexcept {
    if (site >= sites_) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < anchor.count; ++i) {
      sum += static_cast<double>(anchor.weights[i]) *
             static_cast<double>(residuals_ms_[anchor.places[i] * sites_ + site]);
    }
    return sum;
  }

  [[nodiscard]] std::span<const GeoPoint> places() const { return places_; }

 private:
  std::vector<GeoPoint> places_;
  std::vector<UnitVector> directions_;  ///< of the places
  std::size_t sites_ = 0;
  std::vector<float> residuals_ms_;  ///< places × sites, row by row
  std::vector<float> likenesses_;    ///< places × places
};

}  // namespace edgeward::geo
