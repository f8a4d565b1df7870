#include "policy/share_blend.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::policy {

namespace {

/// What a content that nobody asked for before is given, so that a first request is no proof
/// against everything.
constexpr double kShareMin = 1e-7;
/// A likelihood halves its say after so many requests: tastes change.
constexpr double kHalfLifeRequests = 20'000;
constexpr double kNotedMin = 100;

}  // namespace

void ShareBlend::note(double own_share, double others_share, double own_requests) {
  static const double kKept = std::exp2(-1 / kHalfLifeRequests);
  noted_ = noted_ * kKept + 1;
  for (std::size_t i = 0; i < kStrengths.size(); ++i) {
    const double own = weight(kStrengths[i], own_requests);
    const double share = own * own_share + (1 - own) * others_share;
    log_likelihoods_[i] = log_likelihoods_[i] * kKept + std::log(share + kShareMin);
  }
}

double ShareBlend::strength() const {
  // Until there is evidence: nobody's taste but its own.
  if (noted_ < kNotedMin) return kStrengths.front();
  const auto best = std::max_element(log_likelihoods_.begin(), log_likelihoods_.end());
  return kStrengths[static_cast<std::size_t>(best - log_likelihoods_.begin())];
}

}  // namespace edgeward::policy
