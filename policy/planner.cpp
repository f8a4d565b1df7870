#include "policy/planner.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

namespace edgeward::policy {

using cache::EdgeId;

namespace {

/// Intervals for which new shadow caches fill.
constexpr unsigned kSettlingIntervals = 2;

EdgeId edge_at(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

std::vector<bool> parents_of(std::span<const PlannedEdge> edges) {
  std::vector<bool> result;
  for (const PlannedEdge& edge : edges) result.push_back(edge.is_parent);
  return result;
}

ContentDemandOptions fleet_options(const PlannerOptions& options) {
  ContentDemandOptions result = options.demand;
  result.tracked_contents = options.fleet_contents;
  return result;
}

/// What a plan kept that is no candidate any more is worth nothing: it goes.
void append_forgotten(std::span<const PlanCandidate> kept, std::vector<PlanCandidate>& candidates) {
  if (kept.empty()) return;
  boost::unordered_flat_set<std::uint64_t> forgotten;
  for (const PlanCandidate& one : kept) forgotten.insert(static_cast<std::uint64_t>(one.content));
  for (const PlanCandidate& one : candidates) {
    forgotten.erase(static_cast<std::uint64_t>(one.content));
  }
  for (const PlanCandidate& one : kept) {
    if (forgotten.contains(static_cast<std::uint64_t>(one.content))) candidates.push_back(one);
  }
}

}  // namespace

Planner::Planner(const PlannerOptions& options, std::vector<PlannedEdge> edges,
                 std::vector<ShadowCaches> shadows)
    : options_(options),
      demand_(parents_of(edges), options.demand, fleet_options(options)),
      client_budget_(options.objective),
      parent_budget_(options.objective) {
  edges_.reserve(edges.size());
  for (std::size_t at = 0; at < edges.size(); ++at) {
    edges_.push_back({.described = std::move(edges[at]),
                      .budget = PlanBudget(options.objective),
                      .shadows = std::move(shadows[at]),
                      .candidates = {},
                      .limits = {}});
  }
}

void Planner::count(EdgeId edge, std::uint64_t client_requests, std::uint64_t fetches) {
  Edge& counted = edges_[cache::index(edge)];
  counted.client_requests += client_requests;
  counted.fetches += fetches;
}

void Planner::restart(EdgeId edge, ShadowCaches shadows) {
  Edge& restarted = edges_[cache::index(edge)];
  restarted.shadows = std::move(shadows);
  restarted.settling = kSettlingIntervals;
}

void Planner::judge(std::span<const std::uint64_t> prefetched_bytes) {
  std::vector<PlanBudget::Interval> intervals;
  PlanBudget::Interval clients;
  PlanBudget::Interval parents;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    Edge& edge = edges_[at];
    PlanBudget::Interval interval = edge.shadows.take();
    if (options_.judges_by_shadows) interval.realised = interval.outcomes[edge.budget.level()];
    interval.realised.prefetched_bytes = prefetched_bytes[at];
    if (edge.settling > 0) {
      --edge.settling;
      interval.realised = interval.outcomes.front();
    }
    (edge.described.is_parent ? parents : clients) += interval;
    intervals.push_back(interval);
  }
  client_budget_.note(clients);
  parent_budget_.note(parents);
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    Edge& edge = edges_[at];
    edge.budget.note(intervals[at], edge.described.is_parent ? &parent_budget_ : &client_budget_);
  }
}

void Planner::plan(std::int64_t now_ms, PlannedHoldings& holdings, const NumberOf& number_of,
                   const Take& take) {
  demand_.advance(now_ms);
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    const PlanLimits limits = prepare(edge_at(at), now_ms, holdings, number_of, candidates_);
    if (options_.is_cooperative) {
      edges_[at].limits = limits;
      edges_[at].candidates.assign(candidates_.begin(), candidates_.end());
    } else {
      take({.edge = edge_at(at),
            .candidates = candidates_,
            .selection = select(candidates_, limits),
            .share = share(edge_at(at)),
            .limits = limits});
    }
  }
  if (options_.is_cooperative) place_together(take);
}

std::uint64_t Planner::fill_bytes(EdgeId edge, std::int64_t now_ms) const {
  constexpr double kBytesMax = 0x1p62;
  constexpr int kHoursADay = 24;
  const PlannedEdge& described = edges_[cache::index(edge)].described;
  double part = 0;
  if (described.fill_window) {
    part = described.fill_window->part_of(now_ms, now_ms + options_.interval_ms);
  } else if (options_.off_peak_hours >= kHoursADay ||
             demand_.profile(edge).is_off_peak(now_ms, options_.off_peak_hours).value_or(false)) {
    part = 1;
  }
  const double bytes = options_.fill_ratio * static_cast<double>(described.bandwidth_bps) / 8 *
                       static_cast<double>(options_.interval_ms) / 1000;
  return static_cast<std::uint64_t>(part * std::min(bytes, kBytesMax));
}

/// Finds an edge's candidates, lets its shadows plan with them, and says how much it may keep.
PlanLimits Planner::prepare(EdgeId edge, std::int64_t now_ms, PlannedHoldings& holdings,
                            const NumberOf& number_of, std::vector<PlanCandidate>& candidates) {
  Edge& planned = edges_[cache::index(edge)];
  candidates.clear();
  demand_.find_candidates(edge, options_.horizon_ms, candidates);
  numbers_.clear();
  for (PlanCandidate& candidate : candidates) {
    candidate.worth = candidate.requests;
    if (options_.objective == PlanObjective::bytes) {
      candidate.worth *= static_cast<double>(candidate.size_bytes);
    } else if (options_.objective == PlanObjective::milliseconds) {
      candidate.worth *= planned.described.origin_ms;
    }
    numbers_.push_back(number_of(candidate.content));
  }
  PlanLimits limits{.budget_bytes = 0, .fill_bytes = fill_bytes(edge, now_ms)};
  planned.shadows.plan(candidates, numbers_, limits);

  if (share(edge) == 0) holdings.end_plans(edge);
  limits.budget_bytes =
      static_cast<std::uint64_t>(share(edge) * static_cast<double>(holdings.capacity_bytes(edge)));
  kept_.clear();
  holdings.append_kept(edge, kept_);
  append_forgotten(kept_, candidates);
  holdings.mark(edge, candidates);
  return limits;
}

void Planner::place_together(const Take& take) {
  std::vector<PlacementEdge> placed;
  for (Edge& edge : edges_) {
    // What others fetch from it follows from what their clients ask: only its own count here.
    const std::uint64_t asked = edge.client_requests + edge.fetches;
    const double client_ratio = static_cast<double>(edge.client_requests) /
                                static_cast<double>(std::max<std::uint64_t>(asked, 1));
    for (PlanCandidate& candidate : edge.candidates) candidate.requests *= client_ratio;
    placed.push_back({.limits = edge.limits,
                      .candidates = edge.candidates,
                      .sources = edge.described.sources,
                      .origin_ms = edge.described.origin_ms});
  }
  const std::vector<Placement> placements = place(placed, {.objective = options_.objective});
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    std::vector<PlanCandidate>& candidates = edges_[at].candidates;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      candidates[i].worth = placements[at].worth[i];
    }
    take({.edge = edge_at(at),
          .candidates = candidates,
          .selection = placements[at].selection,
          .share = share(edge_at(at)),
          .limits = edges_[at].limits});
  }
}

}  // namespace edgeward::policy
