#include "sim/replay/plan_loop.hpp"

#include <algorithm>
#include <utility>

#include "policy/planned_edges.hpp"

namespace edgeward::sim {

using cache::EdgeId;
using cache::ObjectIndex;

namespace {

/// Objects that shadow caches see: more make them slower, fewer make them guess.
constexpr std::size_t kSampledObjectsMax = 1'000'000;

EdgeId edge_at(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

std::uint64_t capacity_of(const RunSpec& spec, const cache::Edge& edge) {
  return spec.is_fleet_capacity ? edge.capacity_bytes : spec.capacity_bytes;
}

policy::Planner planner_of(const RunSpec& spec, const ReplayOptions& options,
                           const ObjectSample& sample) {
  const FleetModel& model = *options.fleet;
  policy::PlannerOptions planning = options.plans;
  planning.is_cooperative = spec.planning == Planning::cooperative;
  const auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1000; };
  std::vector<policy::PlannedEdge> edges = policy::planned_edges(
      model.fleet(),
      {.origin_ms = [&](EdgeId edge) { return ms(model.origin_us(edge)); },
       .edge_ms = [&](EdgeId from, EdgeId to) { return ms(model.edge_us(from, to)); },
       .peers = [&](EdgeId edge) { return model.peers(edge); }});
  std::vector<policy::ShadowCaches> shadows;
  for (std::size_t at = 0; at < model.edges(); ++at) {
    shadows.emplace_back(
        [&spec](const cache::CacheSpec& cache) { return make_planned_cache(spec, cache); },
        capacity_of(spec, model.fleet().edges[at]), options.seed + at,
        policy::ShadowSample{.sizes_bytes = sample.sizes_bytes(), .ratio = sample.ratio()});
  }
  return {planning, std::move(edges), std::move(shadows)};
}

/// The caches of a replay as a planner sees them; contents are the trace's object numbers.
class ReplayedHoldings final : public policy::PlannedHoldings {
 public:
  ReplayedHoldings(FleetCaches& caches, std::span<const std::uint64_t> sizes_bytes)
      : caches_(caches), sizes_bytes_(sizes_bytes) {}

  [[nodiscard]] std::uint64_t capacity_bytes(EdgeId edge) const override {
    return caches_.cache(cache::index(edge)).capacity_bytes();
  }
  void mark(EdgeId edge, std::span<policy::PlanCandidate> candidates) const override {
    const cache::PlannedCache& cache = caches_.cache(cache::index(edge));
    for (policy::PlanCandidate& candidate : candidates) {
      const auto object = static_cast<ObjectIndex>(candidate.content);
      candidate.is_held = cache.contains(object);
      candidate.is_kept = cache.keeps(object);
    }
  }
  void append_kept(EdgeId edge, std::vector<policy::PlanCandidate>& kept) const override {
    for (const ObjectIndex object : caches_.cache(cache::index(edge)).kept()) {
      kept.push_back({.content = cache::ContentId{object}, .size_bytes = sizes_bytes_[object]});
    }
  }
  void end_plans(EdgeId edge) override { caches_.end_plans(cache::index(edge)); }

 private:
  FleetCaches& caches_;
  std::span<const std::uint64_t> sizes_bytes_;
};

}  // namespace

PlanLoop::PlanLoop(const Trace& trace, const RunSpec& spec, const ReplayOptions& options,
                   FleetCaches& caches)
    : trace_(trace),
      model_(*options.fleet),
      caches_(caches),
      sample_(trace.sizes_bytes, kSampledObjectsMax),
      planner_(planner_of(spec, options, sample_)),
      edges_(model_.edges()) {
  for (std::size_t at = 0; at < edges_.size(); ++at) edges_[at].plan.edge = edge_at(at);
}

void PlanLoop::begin(std::int64_t begin_ms, std::int64_t end_ms, const Counting& counting) {
  if (begin_ms >= next_plan_ms_) {
    const bool is_first = next_plan_ms_ == 0;
    const std::int64_t interval_ms = planner_.options().interval_ms;
    next_plan_ms_ = (begin_ms / interval_ms + 1) * interval_ms;
    if (!is_first) {
      judge_plans();
      ReplayedHoldings holdings(caches_, trace_.sizes_bytes);
      planner_.plan(
          *trace_.summary.first_at_ms + begin_ms, holdings,
          [this](cache::ContentId content) { return sample_[static_cast<ObjectIndex>(content)]; },
          [this](const policy::EdgePlan& made) { set_plan(made); });
      for (std::size_t at = 0; at < edges_.size(); ++at) {
        ++counting.edges[at].plans;
        counting.edges[at].plan_share = planner_.share(edge_at(at));
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
    const FleetCaches::Asked& asked = caches_.asked(at);
    if (asked.accesses.empty()) continue;
    planner_.count(edge_at(at), asked.requests, asked.fetches);
    numbers_.clear();
    for (const ObjectIndex object : asked.accesses) {
      planner_.note(edge_at(at), cache::ContentId{object}, trace_.sizes_bytes[object], at_ms);
      numbers_.push_back(sample_[object]);
    }
    planner_.shadows(edge_at(at)).replay(numbers_, caches_.answered(at));
  }
}

/// Only a sample of the requests is compared.
void PlanLoop::judge_plans() {
  std::vector<std::uint64_t> prefetched_bytes;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    const std::uint64_t bytes = caches_.cache(at).prefetched().bytes;
    prefetched_bytes.push_back(static_cast<std::uint64_t>(
        static_cast<double>(bytes - edges_[at].prefetched_bytes) * sample_.ratio()));
    edges_[at].prefetched_bytes = bytes;
  }
  planner_.judge(prefetched_bytes);
}

void PlanLoop::set_plan(const policy::EdgePlan& made) {
  EdgeProgress& progress = edges_[cache::index(made.edge)];
  progress.plan.actions.clear();
  progress.done = 0;
  const auto add = [&](cache::ActionKind kind, std::uint32_t position) {
    const policy::PlanCandidate& candidate = made.candidates[position];
    progress.plan.actions.push_back({.kind = kind,
                                     .content = candidate.content,
                                     .size_bytes = candidate.size_bytes,
                                     .gain = candidate.worth});
  };
  for (const std::uint32_t i : made.selection.evict) add(cache::ActionKind::evict, i);
  for (const std::uint32_t i : made.selection.keep) add(cache::ActionKind::prefetch, i);
  for (const std::uint32_t i : made.selection.prefetch) add(cache::ActionKind::prefetch, i);
  progress.fetch_credit_bytes = 0;
  progress.fetch_bytes_per_ms = static_cast<double>(made.selection.fetched_bytes) /
                                static_cast<double>(planner_.options().interval_ms);
}

void PlanLoop::carry_out(std::size_t edge, std::int64_t begin_ms, std::int64_t end_ms,
                         const Counting& counting) {
  EdgeProgress& progress = edges_[edge];
  const std::uint64_t used_bytes = caches_.cache(edge).prefetched().used_bytes;
  counting.cell.prefetch_used_bytes += used_bytes - progress.used_bytes;
  counting.edges[edge].prefetch_used_bytes += used_bytes - progress.used_bytes;
  progress.used_bytes = used_bytes;
  const std::vector<cache::Action>& actions = progress.plan.actions;
  if (progress.done == actions.size()) return;
  progress.fetch_credit_bytes +=
      progress.fetch_bytes_per_ms * static_cast<double>(end_ms - carried_out_ms_);
  const auto time = static_cast<std::uint32_t>(begin_ms / trace_.time_unit_ms);
  for (; progress.done < actions.size(); ++progress.done) {
    const cache::Action& action = actions[progress.done];
    const auto object = static_cast<cache::ObjectIndex>(action.content);
    const bool is_fetch =
        action.kind == cache::ActionKind::prefetch && !caches_.cache(edge).contains(object);
    if (is_fetch && progress.fetch_credit_bytes <= 0) break;
    if (is_fetch) progress.fetch_credit_bytes -= static_cast<double>(action.size_bytes);
    caches_.carry_out(progress.plan.edge, action, time, counting.cell, counting.edges);
  }
}

}  // namespace edgeward::sim
