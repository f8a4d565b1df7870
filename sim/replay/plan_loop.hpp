#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/plan.hpp"
#include "policy/content_demand.hpp"
#include "policy/demand_profile.hpp"
#include "policy/placement.hpp"
#include "policy/plan_budget.hpp"
#include "policy/share_blend.hpp"
#include "sim/replay/fleet_caches.hpp"
#include "sim/replay/replay.hpp"
#include "sim/replay/shadow_caches.hpp"

namespace edgeward::sim {

/// Forecasts, plans and what is left of them to do, for all edges of a fleet run: the replay's side
/// of what the controller does. For each tick: begin(), and when its requests are settled,
/// observe(). A plan is made from what was observed before it alone.
///
/// Planned together (cooperative), edges share the copies that they may fill from each other,
/// within budgets that are each edge's own: shadow caches see one edge, so they always plan for it
/// alone.
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
  struct EdgePlanning {
    policy::DemandProfile profile;
    policy::ContentDemand demand;
    policy::ShareBlend blend;
    policy::PlanBudget budget;
    ShadowCaches shadows;
    cache::Plan plan;
    std::size_t done = 0;  ///< of its actions
    double fetch_bytes_per_ms = 0;
    double fetch_credit_bytes = 0;
    std::uint64_t prefetched_bytes = 0;  ///< at the last plan
    std::uint64_t used_bytes = 0;        ///< of prefetched ones, when last counted
    // Of a parent: what its own clients asked, and what other edges did.
    std::uint64_t client_requests = 0;
    std::uint64_t fetches = 0;
    // Planned together: what is known of the edge when the others' turn comes.
    std::vector<policy::PlanCandidate> candidates;
    policy::PlacementEdge placed;
  };

  void note_shadows();
  void make_plans(std::int64_t now_ms);
  [[nodiscard]] policy::PlanLimits prepare(std::size_t edge, std::int64_t now_ms);
  void place_together();
  void set_plan(std::size_t edge, std::span<const policy::PlanCandidate> candidates,
                const policy::PlanSelection& selection);
  void rank_fleet(std::int64_t now_ms);
  void note_request(EdgePlanning& planning, cache::ObjectIndex object, std::int64_t at_ms);
  void find_candidates(const EdgePlanning& planning, std::size_t edge, std::int64_t now_ms);
  void add_candidate(cache::ContentId content, std::uint64_t size_bytes, double requests,
                     std::size_t edge);
  void add_kept(std::size_t edge);
  void mark_held(std::size_t edge);
  void carry_out(std::size_t edge, std::int64_t begin_ms, std::int64_t end_ms,
                 const Counting& counting);

  const Trace& trace_;
  const FleetModel& model_;
  Planning planning_;
  PlanLoopOptions options_;
  FleetCaches& caches_;
  ObjectSample sample_;
  std::vector<EdgePlanning> edges_;
  policy::ContentDemand fleet_demand_;  ///< of all edges that serve clients
  /// What of it is worth looking at, most asked for first.
  struct FleetContent {
    cache::ContentId content{};
    policy::ContentDemand::Known known;
  };
  std::vector<FleetContent> fleet_ranking_;
  std::uint64_t noted_ = 0;
  // Of all edges together: those that serve clients, and parents, whose requests are others'
  // misses.
  policy::PlanBudget client_budget_;
  policy::PlanBudget parent_budget_;
  std::int64_t next_plan_ms_ = 0;
  std::int64_t carried_out_ms_ = 0;

  std::vector<policy::PlanCandidate> candidates_;
  std::uint32_t plans_ = 0;
  std::vector<std::uint32_t> candidate_in_;  ///< by object: the last such plan
};

}  // namespace edgeward::sim
