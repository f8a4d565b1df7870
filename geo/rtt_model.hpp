#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace edgeward::geo {

/// Light in fibre: vacuum speed over a group index of 1.468 (ITU-T G.652 fibre at 1550 nm).
inline constexpr double kFibreKmPerMs = 299.792458 / 1.468;
/// Nothing that answers takes longer; a greater value is a fault of the measurement.
inline constexpr double kRttMsMax = 10'000;

/// The round trip that no network can beat: there and back along the great circle, in fibre.
[[nodiscard]] constexpr double light_rtt_ms(double km) {
  return 2 * km / kFibreKmPerMs;
}

/// One measurement: how far, how long.
struct RttSample {
  double km = 0;
  double rtt_ms = 0;
};

/// Distance to round-trip time: the MEDIAN of what is measured over a distance, as a line through
/// knots. Invariant: the knots' times never fall and none is below light_rtt_ms, hence no estimate
/// is either. An immutable value of 96 bytes; an estimate is some ten comparisons and takes below
/// 10 ns.
///
/// A median, not a mean: detours make times at a distance skewed (their mean lies up to 17 ms above
/// their median), and a client wants to know what most likely happens. Who sums times over many
/// clients adds that skew himself.
class RttModel {
 public:
  /// Closer together where the stretch of short hauls bends the line.
  static constexpr std::array<double, 12> kKnotsKm{0,     500,   1'000,  2'000,  3'000,  4'000,
                                                   6'000, 8'000, 10'000, 12'000, 16'000, 20'038};
  using Knots = std::array<double, kKnotsKm.size()>;  ///< ms, at kKnotsKm

  /// Fitted once; see kDefaultKnots in the source.
  RttModel();
  /// Times that fall or lie below light are raised until they do not.
  explicit RttModel(const Knots& knots_ms);

  /// The line with the least absolute deviations from the samples (Koenker & Bassett 1978, at the
  /// median). Where samples are few the line leans on 10 ms + twice the time of light, which
  /// weighs as one sample a knot. Samples that are not finite, negative, or above kRttMsMax are
  /// left out. Cost: 60 passes over the samples.
  [[nodiscard]] static RttModel fit(std::span<const RttSample> samples);

  /// For 0 <= km <= half the way round; anything beyond counts as the nearer end.
  [[nodiscard]] double estimate_ms(double km) const noexcept;

  [[nodiscard]] const Knots& knots_ms() const noexcept { return knots_ms_; }

  bool operator==(const RttModel&) const = default;

 private:
  Knots knots_ms_;
};

}  // namespace edgeward::geo
