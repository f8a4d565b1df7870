#include "policy/plan_prediction.hpp"

#include <algorithm>
#include <vector>

#include "cache/che.hpp"

namespace edgeward::policy {

double predicted_hit_ratio(const HitPrediction& prediction) {
  const double horizon_s = static_cast<double>(prediction.horizon_ms) / 1000;
  double hits = 0;
  double asked = 0;
  std::uint64_t kept_bytes = 0;
  std::vector<cache::ContentDemand> others;
  for (std::size_t i = 0; i < prediction.candidates.size(); ++i) {
    const PlanCandidate& candidate = prediction.candidates[i];
    asked += candidate.requests;
    if (prediction.is_kept(i)) {
      hits += candidate.requests;
      kept_bytes += candidate.size_bytes;
    } else if (candidate.requests > 0 && candidate.size_bytes <= prediction.capacity_bytes) {
      others.push_back({.requests_per_second = candidate.requests / horizon_s,
                        .size_bytes = candidate.size_bytes});
    }
  }
  const std::uint64_t left_bytes =
      prediction.capacity_bytes - std::min(prediction.capacity_bytes, kept_bytes);
  if (left_bytes > 0) {
    const double time_s = cache::characteristic_time_s(others, left_bytes);
    for (const cache::ContentDemand& other : others) {
      hits += other.requests_per_second * horizon_s *
              cache::hit_probability(other.requests_per_second, time_s);
    }
  }
  const double all = std::max(prediction.requests, asked);
  return all > 0 ? std::clamp(hits / all, 0.0, 1.0) : 0;
}

}  // namespace edgeward::policy
