#pragma once

#include <array>
#include <cstddef>

namespace edgeward::policy {

/// How far an edge's own counts are to be believed beside those of all other edges: with a strength
/// of k, the shares of the others count as much as k requests of its own would (the posterior mean
/// under a Dirichlet prior). Learns the k under which the edge's requests were likeliest before
/// they came (empirical Bayes): large where tastes are alike, small where they differ.
class ShareBlend {
 public:
  static constexpr std::array<double, 6> kStrengths{0, 300, 3'000, 30'000, 300'000, 3'000'000};

  /// A request came for a content that had these shares of the demand; `own_requests` of this edge
  /// (decayed) are what its share was made of.
  void note(double own_share, double others_share, double own_requests);

  [[nodiscard]] double strength() const;
  /// What part of a blended share is the edge's own.
  [[nodiscard]] double own_weight(double own_requests) const {
    return weight(strength(), own_requests);
  }

 private:
  [[nodiscard]] static double weight(double strength, double own_requests) {
    return own_requests <= 0 ? 0 : own_requests / (own_requests + strength);
  }

  std::array<double, kStrengths.size()> log_likelihoods_{};
  double noted_ = 0;
};

}  // namespace edgeward::policy
