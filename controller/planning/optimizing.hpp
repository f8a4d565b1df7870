#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/planning/plan_maker.hpp"
#include "policy/optimization.hpp"

namespace edgeward::controller {

/// What is asked for by `POST /v1/optimize`.
struct OptimizeRequest {
  std::int64_t measure_after_ms = 86'400'000;  ///< an hour to a day
  std::optional<double> canary;  ///< part of the edges that begin; nothing: all of them
};

/// An edge while its fleet is optimized.
struct OptimizingEdge {
  std::string edge;
  policy::Strategy strategy;
  bool is_applied = false;
  std::vector<policy::HourCounts> baseline;
  std::vector<policy::HourCounts> later;  ///< once it was measured
};

/// A fleet that is being optimized, or was: baseline, strategies and plans applied, measured again.
struct OptimizingRun {
  std::uint64_t run = 0;
  std::int64_t at_ms = 0;
  std::int64_t measured_at_ms = 0;  ///< when it is to be, or was
  bool is_measured = false;
  bool is_rolled_back = false;  ///< plans lost against the rest, and have ended
  std::vector<OptimizingEdge> edges;
  std::map<cache::ContentId, std::string> keys;  ///< of contents that are told, as far as known
  std::optional<policy::Optimization> outcome;
};

/// Begins: strategies of all edges by the last day; plans go to all, or to the canaries alone.
[[nodiscard]] OptimizingRun begin_optimizing(const OptimizeRequest& request, std::uint64_t run,
                                             std::int64_t now_ms, const cache::Fleet& fleet,
                                             const HeldSize& held, PlanMaker& maker);
/// Measures what came of it. Where canaries lost against the rest beyond doubt they have no plans
/// any more; where they gained, all have.
void end_optimizing(const cache::Fleet& fleet, PlanMaker& maker, OptimizingRun& run);

/// The answer to `GET /v1/optimize`.
[[nodiscard]] std::string optimizing_json(const OptimizingRun& run);

}  // namespace edgeward::controller
