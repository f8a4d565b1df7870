#pragma once

#include <functional>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "policy/planner.hpp"

namespace edgeward::policy {

/// How long edges wait for what they do not hold, in ms, and which of their peers they ask.
struct FillTimes {
  std::function<double(cache::EdgeId edge)> origin_ms;
  std::function<double(cache::EdgeId from, cache::EdgeId to)> edge_ms;
  /// The nearest first; of an edge that fills from peers.
  std::function<std::span<const cache::EdgeId>(cache::EdgeId edge)> peers;
};

/// Edges as plans see them: where each fills from is what the fleet says, parent by parent.
[[nodiscard]] std::vector<PlannedEdge> planned_edges(const cache::Fleet& fleet,
                                                     const FillTimes& times);

}  // namespace edgeward::policy
