#include "sim/replay/plan_loop.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::sim {

using cache::EdgeId;
using policy::PlanBudget;
using policy::PlanCandidate;

namespace {

/// Objects that shadow caches see: more make them slower, fewer make them guess.
constexpr std::size_t kSampledObjectsMax = 1'000'000;

std::uint64_t capacity_of(const RunSpec& spec, const cache::Edge& edge) {
  return spec.is_fleet_capacity ? edge.capacity_bytes : spec.capacity_bytes;
}

/// Of all edges together, as many contents as a daemon tracks.
policy::ContentDemandOptions fleet_demand_options(policy::ContentDemandOptions options) {
  options.tracked_contents = 1'000'000;
  return options;
}

/// Where the edge gets what is not held `way_ms` before it, as FleetCaches fills.
void add_sources(const FleetModel& model, EdgeId edge, double way_ms, policy::PlacementEdge& to) {
  const auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1000; };
  const cache::Edge& described = model.fleet()[edge];
  if (described.fill == cache::FillSource::parent) {
    way_ms += ms(model.edge_us(edge, described.parent));
    to.sources.push_back({.edge = described.parent, .fill_ms = way_ms});
    add_sources(model, described.parent, way_ms, to);
    return;
  }
  for (const EdgeId peer : model.peers(edge)) {
    if (to.sources.size() >= policy::kPlacementSourcesMax) break;
    to.sources.push_back({.edge = peer, .fill_ms = way_ms + ms(model.edge_us(edge, peer))});
  }
  to.origin_ms = way_ms + ms(model.origin_us(edge));
}

/// A parent that fills from peers may ask the very edge that asks it: in vain.
policy::PlacementEdge placement_edge(const FleetModel& model, EdgeId edge) {
  policy::PlacementEdge result;
  add_sources(model, edge, 0, result);
  std::erase_if(result.sources, [edge](const auto& source) { return source.edge == edge; });
  return result;
}

}  // namespace

PlanLoop::PlanLoop(const Trace& trace, const RunSpec& spec, const ReplayOptions& options,
                   FleetCaches& caches)
    : trace_(trace),
      model_(*options.fleet),
      planning_(spec.planning),
      options_(options.plans),
      caches_(caches),
      sample_(trace.sizes_bytes, kSampledObjectsMax),
      fleet_demand_(fleet_demand_options(options_.demand)),
      client_budget_(options_.objective),
      parent_budget_(options_.objective),
      candidate_in_(trace.sizes_bytes.size()) {
  edges_.reserve(model_.edges());
  for (std::size_t at = 0; at < model_.edges(); ++at) {
    const std::uint64_t capacity_bytes = capacity_of(spec, model_.fleet().edges[at]);
    edges_.push_back({.profile = {},
                      .demand = policy::ContentDemand(options_.demand),
                      .blend = {},
                      .budget = PlanBudget(options_.objective),
                      .shadows = ShadowCaches(spec, capacity_bytes, options.seed + at, sample_),
                      .plan = {.edge = EdgeId(static_cast<std::uint16_t>(at))},
                      .candidates = {},
                      .placed = placement_edge(model_, EdgeId(static_cast<std::uint16_t>(at)))});
  }
}

void PlanLoop::begin(std::int64_t begin_ms, std::int64_t end_ms, const Counting& counting) {
  if (begin_ms >= next_plan_ms_) {
    const bool is_first = next_plan_ms_ == 0;
    next_plan_ms_ = (begin_ms / options_.interval_ms + 1) * options_.interval_ms;
    if (!is_first) {
      note_shadows();
      rank_fleet(*trace_.summary.first_at_ms + begin_ms);
      make_plans(*trace_.summary.first_at_ms + begin_ms);
      for (std::size_t at = 0; at < edges_.size(); ++at) {
        ++counting.edges[at].plans;
        counting.edges[at].plan_share = edges_[at].budget.share();
      }
    }
    carried_out_ms_ = begin_ms;
  }
  for (std::size_t at = 0; at < edges_.size(); ++at) carry_out(at, begin_ms, end_ms, counting);
  carried_out_ms_ = end_ms;
}

void PlanLoop::observe(std::int64_t begin_ms) {
  const std::int64_t at_ms = *trace_.summary.first_at_ms + begin_ms;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    const std::vector<cache::ObjectIndex>& accesses = caches_.asked(at).accesses;
    if (accesses.empty()) continue;
    EdgePlanning& planning = edges_[at];
    planning.client_requests += caches_.asked(at).requests;
    planning.fetches += caches_.asked(at).fetches;
    planning.profile.note(at_ms, static_cast<double>(accesses.size()));
    const bool is_parent = model_.is_parent(planning.plan.edge);
    for (const cache::ObjectIndex object : accesses) {
      note_request(planning, object, at_ms);
      // Others' misses are counted where clients asked.
      if (!is_parent) {
        fleet_demand_.note(cache::ContentId{object}, trace_.sizes_bytes[object], at_ms);
      }
    }
    planning.shadows.replay(accesses, caches_.answered(at));
  }
}

void PlanLoop::note_shadows() {
  std::vector<PlanBudget::Interval> intervals;
  PlanBudget::Interval clients;
  PlanBudget::Interval parents;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    intervals.push_back(edges_[at].shadows.take());
    // Only a sample of the requests is compared.
    const std::uint64_t bytes = caches_.cache(at).prefetched().bytes;
    intervals.back().realised.prefetched_bytes = static_cast<std::uint64_t>(
        static_cast<double>(bytes - edges_[at].prefetched_bytes) * sample_.ratio());
    edges_[at].prefetched_bytes = bytes;
    const bool is_parent = model_.is_parent(EdgeId(static_cast<std::uint16_t>(at)));
    (is_parent ? parents : clients) += intervals.back();
  }
  client_budget_.note(clients);
  parent_budget_.note(parents);
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    const bool is_parent = model_.is_parent(EdgeId(static_cast<std::uint16_t>(at)));
    edges_[at].budget.note(intervals[at], is_parent ? &parent_budget_ : &client_budget_);
  }
}

void PlanLoop::make_plans(std::int64_t now_ms) {
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    const policy::PlanLimits limits = prepare(at, now_ms);
    if (planning_ == Planning::independent) {
      set_plan(at, candidates_, policy::select(candidates_, limits));
      continue;
    }
    edges_[at].placed.limits = limits;
    edges_[at].candidates.assign(candidates_.begin(), candidates_.end());
  }
  if (planning_ == Planning::cooperative) place_together();
}

/// Finds the edge's candidates_, lets its shadows plan with them, and says how much it may keep.
policy::PlanLimits PlanLoop::prepare(std::size_t edge, std::int64_t now_ms) {
  EdgePlanning& planning = edges_[edge];
  planning.profile.advance(now_ms);
  ++plans_;
  candidates_.clear();
  find_candidates(planning, edge, now_ms);
  const cache::Edge& described = model_.fleet().edges[edge];
  constexpr double kFillBytesMax = 0x1p62;
  const double fill_bytes =
      std::min(options_.fill_ratio * static_cast<double>(described.bandwidth_bps) / 8 *
                   static_cast<double>(options_.interval_ms) / 1000,
               kFillBytesMax);
  const bool is_off_peak =
      planning.profile.is_off_peak(now_ms, options_.off_peak_hours).value_or(false);
  policy::PlanLimits limits{.budget_bytes = 0,
                            .fill_bytes = is_off_peak ? static_cast<std::uint64_t>(fill_bytes) : 0};
  planning.shadows.plan(candidates_, limits);

  if (planning.budget.share() == 0) caches_.end_plans(edge);
  limits.budget_bytes = static_cast<std::uint64_t>(
      planning.budget.share() * static_cast<double>(caches_.cache(edge).capacity_bytes()));
  add_kept(edge);
  mark_held(edge);
  return limits;
}

void PlanLoop::place_together() {
  std::vector<policy::PlacementEdge> placed;
  for (EdgePlanning& planning : edges_) {
    // What others fetch from it follows from what their clients ask: only its own count here.
    const std::uint64_t asked = planning.client_requests + planning.fetches;
    const double client_ratio = static_cast<double>(planning.client_requests) /
                                static_cast<double>(std::max<std::uint64_t>(asked, 1));
    for (PlanCandidate& candidate : planning.candidates) candidate.requests *= client_ratio;
    placed.push_back(planning.placed);
    placed.back().candidates = planning.candidates;
  }
  const std::vector<policy::Placement> placements =
      policy::place(placed, {.objective = options_.objective});
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    std::vector<PlanCandidate>& candidates = edges_[at].candidates;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      candidates[i].worth = placements[at].worth[i];
    }
    set_plan(at, candidates, placements[at].selection);
  }
}

void PlanLoop::set_plan(std::size_t edge, std::span<const PlanCandidate> candidates,
                        const policy::PlanSelection& selection) {
  EdgePlanning& planning = edges_[edge];
  planning.plan.actions.clear();
  planning.done = 0;
  const auto add = [&](cache::ActionKind kind, std::uint32_t position) {
    const PlanCandidate& candidate = candidates[position];
    planning.plan.actions.push_back({.kind = kind,
                                     .content = candidate.content,
                                     .size_bytes = candidate.size_bytes,
                                     .gain = candidate.worth});
  };
  for (const std::uint32_t i : selection.evict) add(cache::ActionKind::evict, i);
  for (const std::uint32_t i : selection.keep) add(cache::ActionKind::prefetch, i);
  for (const std::uint32_t i : selection.prefetch) add(cache::ActionKind::prefetch, i);
  planning.fetch_credit_bytes = 0;
  planning.fetch_bytes_per_ms =
      static_cast<double>(selection.fetched_bytes) / static_cast<double>(options_.interval_ms);
}

void PlanLoop::note_request(EdgePlanning& planning, cache::ObjectIndex object, std::int64_t at_ms) {
  const cache::ContentId content{object};
  // Some are enough to learn from.
  constexpr std::uint64_t kOneOf = 8;
  const bool is_parent = model_.is_parent(planning.plan.edge);
  if (!is_parent && ++noted_ % kOneOf == 0) {
    const double own_all = planning.demand.per_second(at_ms);
    const double others_all = fleet_demand_.per_second(at_ms) - own_all;
    const auto own = planning.demand.find(content, at_ms);
    const auto fleet = fleet_demand_.find(content, at_ms);
    const double own_rate = own ? own->per_second : 0;
    const double others_rate = fleet ? std::max(fleet->per_second - own_rate, 0.0) : 0;
    if (own_all > 0 && others_all > 0) {
      planning.blend.note(own_rate / own_all, others_rate / others_all,
                          planning.demand.total(at_ms));
    }
  }
  planning.demand.note(content, trace_.sizes_bytes[object], at_ms);
}

void PlanLoop::rank_fleet(std::int64_t now_ms) {
  fleet_ranking_.clear();
  fleet_demand_.visit(now_ms,
                      [&](cache::ContentId content, const policy::ContentDemand::Known& known) {
                        fleet_ranking_.push_back({.content = content, .known = known});
                      });
  std::sort(fleet_ranking_.begin(), fleet_ranking_.end(),
            [](const FleetContent& a, const FleetContent& b) {
              if (a.known.per_second != b.known.per_second) {
                return a.known.per_second > b.known.per_second;
              }
              return a.content < b.content;
            });
}

/// What is expected of the edge over the horizon, content by content: the edge's forecast, times
/// shares that are its own as far as it has seen enough, else those of all other edges.
void PlanLoop::find_candidates(const EdgePlanning& planning, std::size_t edge,
                               std::int64_t now_ms) {
  const double own_all = planning.demand.per_second(now_ms);
  const auto expected = planning.profile.expected(now_ms, now_ms + options_.horizon_ms);
  if (!expected || own_all <= 0) return;
  const bool is_parent = model_.is_parent(planning.plan.edge);
  const double others_all =
      is_parent ? 0 : std::max(fleet_demand_.per_second(now_ms) - own_all, 0.0);
  const double own_weight =
      others_all > 0 ? planning.blend.own_weight(planning.demand.total(now_ms)) : 1;
  const double others_weight = others_all > 0 ? (1 - own_weight) / others_all : 0;
  planning.demand.visit(
      now_ms, [&](cache::ContentId content, const policy::ContentDemand::Known& known) {
        double share = own_weight * known.per_second / own_all;
        double trend = known.trend;
        if (others_weight > 0) {
          if (const auto fleet = fleet_demand_.find(content, now_ms)) {
            share += others_weight * std::max(fleet->per_second - known.per_second, 0.0);
            trend = own_weight * trend + (1 - own_weight) * fleet->trend;
          }
        }
        add_candidate(content, known.size_bytes, share * trend * *expected, edge);
      });
  // What others are asked for, and this edge was not yet.
  constexpr double kRequestsMin = 0.5;
  for (const FleetContent& fleet : fleet_ranking_) {
    const double share = others_weight * fleet.known.per_second;
    if (share * *expected < kRequestsMin) break;
    if (candidate_in_[static_cast<cache::ObjectIndex>(fleet.content)] == plans_) continue;
    add_candidate(fleet.content, fleet.known.size_bytes, share * fleet.known.trend * *expected,
                  edge);
  }
}

void PlanLoop::add_candidate(cache::ContentId content, std::uint64_t size_bytes, double requests,
                             std::size_t edge) {
  PlanCandidate candidate{.content = content, .size_bytes = size_bytes, .requests = requests};
  candidate.worth = requests;
  if (options_.objective == policy::PlanObjective::bytes) {
    candidate.worth *= static_cast<double>(size_bytes);
  } else if (options_.objective == policy::PlanObjective::milliseconds) {
    const auto id = static_cast<EdgeId>(edge);
    candidate.worth *= static_cast<double>(model_.origin_us(id)) / 1000;
  }
  candidate_in_[static_cast<cache::ObjectIndex>(content)] = plans_;
  candidates_.push_back(candidate);
}

/// What is kept and was forgotten since is worth nothing: it goes.
void PlanLoop::add_kept(std::size_t edge) {
  for (const cache::ObjectIndex object : caches_.cache(edge).kept()) {
    if (candidate_in_[object] == plans_) continue;
    candidates_.push_back(
        {.content = cache::ContentId{object}, .size_bytes = trace_.sizes_bytes[object]});
  }
}

void PlanLoop::mark_held(std::size_t edge) {
  const cache::PlannedCache& cache = caches_.cache(edge);
  for (PlanCandidate& candidate : candidates_) {
    const auto object = static_cast<cache::ObjectIndex>(candidate.content);
    candidate.is_held = cache.contains(object);
    candidate.is_kept = cache.keeps(object);
  }
}

void PlanLoop::carry_out(std::size_t edge, std::int64_t begin_ms, std::int64_t end_ms,
                         const Counting& counting) {
  EdgePlanning& planning = edges_[edge];
  const std::uint64_t used_bytes = caches_.cache(edge).prefetched().used_bytes;
  counting.cell.prefetch_used_bytes += used_bytes - planning.used_bytes;
  counting.edges[edge].prefetch_used_bytes += used_bytes - planning.used_bytes;
  planning.used_bytes = used_bytes;
  const std::vector<cache::Action>& actions = planning.plan.actions;
  if (planning.done == actions.size()) return;
  planning.fetch_credit_bytes +=
      planning.fetch_bytes_per_ms * static_cast<double>(end_ms - carried_out_ms_);
  const auto time = static_cast<std::uint32_t>(begin_ms / trace_.time_unit_ms);
  for (; planning.done < actions.size(); ++planning.done) {
    const cache::Action& action = actions[planning.done];
    const auto object = static_cast<cache::ObjectIndex>(action.content);
    const bool is_fetch =
        action.kind == cache::ActionKind::prefetch && !caches_.cache(edge).contains(object);
    if (is_fetch && planning.fetch_credit_bytes <= 0) break;
    if (is_fetch) planning.fetch_credit_bytes -= static_cast<double>(action.size_bytes);
    caches_.carry_out(planning.plan.edge, action, time, counting.cell, counting.edges);
  }
}

}  // namespace edgeward::sim
