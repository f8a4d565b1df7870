#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cache/parameters.hpp"
#include "policy/planner_options.hpp"
#include "sim/progress.hpp"
#include "sim/replay/accountant.hpp"
#include "sim/replay/cells.hpp"
#include "sim/replay/fleet_counts.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

class FleetModel;

/// One cache to replay the trace through, or a fleet of them that are alike.
struct RunSpec {
  cache::NamedSettings policy;
  cache::NamedSettings admission{.name = "none", .settings = {}};
  std::uint64_t capacity_bytes = 0;    ///< of each edge, with a fleet
  std::optional<Routing> routing;      ///< with a fleet
  Planning planning = Planning::none;  ///< with a fleet
  bool is_fleet_capacity = false;      ///< every edge has its own; capacity_bytes is not used

  bool operator==(const RunSpec&) const = default;
};

struct ReplayOptions {
  Freshness freshness;
  std::uint64_t seed = 0;
  unsigned threads = 1;
  /// Seconds on any steady clock, for requests_per_second; null: no rates. The simulation itself
  /// reads no clock.
  std::function<double()> clock;
  /// Every policy re-derives its counts at the end (EvictionPolicy::check_invariants).
  bool check_invariants = false;
  const FleetModel* fleet = nullptr;  ///< for runs with a routing
  policy::PlannerOptions plans;       ///< for runs with plans
};

/// What one run counted, cell by cell.
struct RunResult {
  RunSpec spec;
  std::vector<HitCounts> cells;   ///< as many as were replayed: all, unless stopped
  std::uint64_t evictions = 0;    ///< after the warm-up
  std::optional<double> seconds;  ///< of this run alone, reading not included
  std::optional<FleetCounts> fleet;
};

/// Replays the trace through every run, in parallel threads; each run is one thread's, so the
/// results do not depend on their number. Stops early if progress says so: unfinished runs then
/// have fewer cells. Throws cache::ParameterError for settings that a policy refuses.
[[nodiscard]] std::vector<RunResult> replay(const Trace& trace, const std::vector<Cell>& cells,
                                            const std::vector<RunSpec>& runs,
                                            const ReplayOptions& options, Progress& progress);

}  // namespace edgeward::sim
