#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/ids.hpp"
#include "policy/planner_options.hpp"

namespace edgeward::policy {

/// A content that an edge may be planned to keep.
struct PlanCandidate {
  cache::ContentId content{};
  std::uint64_t size_bytes = 0;
  double requests = 0;     ///< expected over the horizon
  double worth = 0;        ///< of keeping it over the horizon, in units of the objective
  bool is_held = false;    ///< in the edge's cache, whoever put it there
  bool is_kept = false;    ///< because a plan said so
  bool is_pinned = false;  ///< kept whatever it is worth, while there is room at all
};

struct PlanLimits {
  std::uint64_t budget_bytes = 0;  ///< what plans may keep of the capacity
  std::uint64_t fill_bytes = 0;    ///< what may be fetched until the next plan; 0: nothing
  /// A content that is kept is worth so much more than one that is not: no swap for a trifle.
  double hysteresis = 1.2;
  /// Requests that are expected of what is fetched ahead: the first pays for the fetch itself.
  double fetch_requests_min = 2;

  bool operator==(const PlanLimits&) const = default;
};

/// By position in the candidates; each in the order in which it is to be done.
struct PlanSelection {
  std::vector<std::uint32_t> evict;     ///< kept, and no longer worth it
  std::vector<std::uint32_t> stay;      ///< kept, and still worth it
  std::vector<std::uint32_t> keep;      ///< held, and to be kept from now on
  std::vector<std::uint32_t> prefetch;  ///< to be fetched and kept
  std::uint64_t kept_bytes = 0;         ///< when all is done
  std::uint64_t fetched_bytes = 0;
};

/// What one edge should keep, whatever others do: a knapsack by density (worth / size), the few
/// items around the one that does not fit any more chosen exactly. The optimum where few are worth
/// it, else short of it by less than one item's worth; never less than half, but for the fill
/// limit. Evictions come first, so no prefix of evict, keep, prefetch keeps more than the budget,
/// if what was kept before did not. Deterministic: ties go by ContentId. O(n log n).
[[nodiscard]] PlanSelection select(std::span<const PlanCandidate> candidates,
                                   const PlanLimits& limits);

}  // namespace edgeward::policy
