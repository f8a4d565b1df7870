#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "policy/plan_selection.hpp"

namespace edgeward::policy {

/// What of an edge's demand its cache will answer, if plans keep some contents and LRU has the rest
/// of the capacity: kept ones hit, others as Che's approximation has it, and what is asked for
/// beyond the candidates misses.
struct HitPrediction {
  std::span<const PlanCandidate> candidates;
  std::function<bool(std::size_t candidate)> is_kept;
  std::uint64_t capacity_bytes = 0;
  double requests = 0;  ///< expected over the horizon, of all contents
  std::int64_t horizon_ms = 86'400'000;
};
/// 0 to 1; 0 where nothing is expected.
[[nodiscard]] double predicted_hit_ratio(const HitPrediction& prediction);

}  // namespace edgeward::policy
