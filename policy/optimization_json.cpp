#include "policy/optimization_json.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "policy/strategy_json.hpp"

namespace edgeward::policy {

namespace {

boost::json::value part_json(const std::optional<double>& ratio) {
  if (!ratio) return nullptr;
  return std::round(*ratio * 1e9) / 1e9 + 0.0;  // no zero has a sign
}

boost::json::value canary_json(const std::optional<CanaryComparison>& canary) {
  if (!canary) return nullptr;
  return boost::json::object{{"edges", canary->edges},
                             {"rest", canary->rest},
                             {"effect", part_json(canary->effect)},
                             {"low", part_json(canary->low)},
                             {"high", part_json(canary->high)},
                             {"basis", name(canary->basis)},
                             {"verdict", name(canary->verdict)}};
}

}  // namespace

boost::json::object optimization_json(const Optimization& optimization) {
  boost::json::array edges;
  for (const OptimizedEdge& edge : optimization.edges) {
    edges.push_back(
        boost::json::object{{"edge", edge.edge},
                            {"strategy", name(edge.strategy)},
                            {"applied", edge.is_applied},
                            {"baseline_requests", edge.baseline.requests},
                            {"baseline_hit_ratio", part_json(edge.baseline.hit_ratio())},
                            {"requests", edge.later.requests},
                            {"optimized_hit_ratio", part_json(edge.later.hit_ratio())},
                            {"improvement", part_json(edge.improvement())},
                            {"predicted", estimate_json(edge.predicted)}});
  }
  return {{"edges", std::move(edges)},
          {"edges_optimized", optimization.edges_optimized},
          {"average_improvement", part_json(optimization.average_improvement)},
          {"average_improvement_weighted", part_json(optimization.average_improvement_weighted)},
          {"canary", canary_json(optimization.canary)}};
}

}  // namespace edgeward::policy
