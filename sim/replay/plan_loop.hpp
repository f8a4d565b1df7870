#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/plan.hpp"
#include "policy/planner.hpp"
#include "sim/replay/fleet_caches.hpp"
#include "sim/replay/object_sample.hpp"
#include "sim/replay/replay.hpp"

namespace edgeward::sim {

/// Plans of a fleet run, made and carried out: the replay's side of what the controller does. For
/// each tick: begin(), and when its requests are settled, observe(). A plan is made from what was
/// observed before it alone.
///
/// What a plan evicts and keeps of what is there is done at once; what it fetches, evenly until the
/// next plan, so that no plan is a burst at the origin.
class PlanLoop {
 public:
  /// What carrying out counts into.
  struct Counting {
    HitCounts& cell;
    std::vector<EdgeCounts>& edges;
  };

  PlanLoop(const Trace& trace, const RunSpec& spec, const ReplayOptions& options,
           FleetCaches& caches);

  /// Makes plans if it is time, and carries out what is to be done by then. Times in ms since the
  /// trace's first request.
  void begin(std::int64_t begin_ms, std::int64_t end_ms, const Counting& counting);
  /// Learns from what the edges were asked.
  void observe(std::int64_t begin_ms);

 private:
  struct EdgeProgress {
    cache::Plan plan;
    std::size_t done = 0;  ///< of its actions
    double fetch_bytes_per_ms = 0;
    double fetch_credit_bytes = 0;
    std::uint64_t prefetched_bytes = 0;  ///< at the last plan
    std::uint64_t used_bytes = 0;        ///< of prefetched ones, when last counted
  };

  void judge_plans();
  void set_plan(const policy::EdgePlan& made);
  void carry_out(std::size_t edge, std::int64_t begin_ms, std::int64_t end_ms,
                 const Counting& counting);

  const Trace& trace_;
  const FleetModel& model_;
  FleetCaches& caches_;
  ObjectSample sample_;
  policy::Planner planner_;
  std::vector<EdgeProgress> edges_;
  std::int64_t next_plan_ms_ = 0;
  std::int64_t carried_out_ms_ = 0;
  std::vector<cache::ObjectIndex> numbers_;
};

}  // namespace edgeward::sim
