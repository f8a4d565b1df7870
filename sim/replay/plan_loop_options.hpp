#pragma once

#include <cstdint>

#include "policy/content_demand.hpp"
#include "policy/plan_selection.hpp"

namespace edgeward::sim {

/// How plans are made in a replay.
struct PlanLoopOptions {
  std::int64_t interval_ms = 3'600'000;  ///< of trace time, from one plan to the next
  std::int64_t horizon_ms = 86'400'000;  ///< what a plan looks ahead
  policy::PlanObjective objective = policy::PlanObjective::bytes;
  /// Hours of the day, those of the least forecast demand, in which contents are fetched ahead.
  int off_peak_hours = 8;
  /// Of an edge's bandwidth, what fetching ahead may take.
  double fill_ratio = 0.1;
  policy::ContentDemandOptions demand;

  bool operator==(const PlanLoopOptions&) const = default;
};

}  // namespace edgeward::sim
