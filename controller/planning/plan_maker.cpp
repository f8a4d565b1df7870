#include "controller/planning/plan_maker.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "cache/eviction/registry.hpp"
#include "geo/point.hpp"
#include "geo/rtt_model.hpp"
#include "policy/plan_prediction.hpp"
#include "policy/planned_edges.hpp"

namespace edgeward::controller {

using cache::EdgeId;
using policy::PlanCandidate;

namespace {

constexpr std::array<std::string_view, 3> kModes{"none", "independent", "cooperative"};

/// Actions that are told one by one, of each kind.
constexpr std::size_t kForemostMax = 20;
/// Missed contents that are counted at each edge.
constexpr std::size_t kMissedContents = 2000;
/// Where a sample's numbers last so long, they are given anew without making it smaller.
constexpr std::int64_t kSampleAgeMs = 86'400'000;

EdgeId edge_of(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

std::uint64_t number_of(cache::ContentId content) {
  return static_cast<std::uint64_t>(content);
}

/// Edges as they are described: by distance, as a router without measurements has them.
std::vector<policy::PlannedEdge> edges_of(const cache::Fleet& fleet) {
  const geo::RttModel rtt;
  const auto ms = [&](const geo::GeoPoint& a, const geo::GeoPoint& b) {
    return rtt.estimate_ms(geo::distance_km(a, b));
  };
  std::vector<EdgeId> peers;
  return policy::planned_edges(
      fleet, {.origin_ms =
                  [&](EdgeId edge) {
                    return ms(fleet[edge].point, fleet.origin.point) + fleet.origin.service_ms;
                  },
              .edge_ms =
                  [&](EdgeId from, EdgeId to) {
                    return ms(fleet[from].point, fleet[to].point) + fleet[to].service_ms;
                  },
              .peers = [&](EdgeId edge) -> std::span<const EdgeId> {
                peers.clear();
                for (std::size_t at = 0; at < fleet.edges.size(); ++at) {
                  if (edge_of(at) != edge) peers.push_back(edge_of(at));
                }
                std::stable_sort(peers.begin(), peers.end(), [&](EdgeId a, EdgeId b) {
                  return geo::distance_km(fleet[edge].point, fleet[a].point) <
                         geo::distance_km(fleet[edge].point, fleet[b].point);
                });
                return peers;
              }});
}

void add(ActionSum& sum, std::uint64_t bytes) {
  ++sum.contents;
  sum.bytes += bytes;
}

}  // namespace

std::string_view name(PlanMode mode) {
  return kModes[static_cast<std::size_t>(mode)];
}

std::optional<PlanMode> parse_plan_mode(std::string_view text) {
  const auto found = std::find(kModes.begin(), kModes.end(), text);
  if (found == kModes.end()) return std::nullopt;
  return static_cast<PlanMode>(found - kModes.begin());
}

/// What edges hold, and which of it because the plan before said so.
class PlanMaker::Holdings final : public policy::PlannedHoldings {
 public:
  Holdings(PlanMaker& maker, const HeldSize& held, bool is_dry)
      : maker_(maker), held_(held), is_dry_(is_dry) {}

  [[nodiscard]] std::uint64_t capacity_bytes(EdgeId edge) const override {
    return maker_.edges_[cache::index(edge)].capacity_bytes;
  }
  void mark(EdgeId edge, std::span<PlanCandidate> candidates) const override {
    const KeptContents& kept = maker_.edges_[cache::index(edge)].kept;
    for (PlanCandidate& candidate : candidates) {
      candidate.is_held = held_(edge, candidate.content).has_value();
      candidate.is_kept = candidate.is_held && kept.sizes.contains(number_of(candidate.content));
      if (maker_.keys_.contains(number_of(candidate.content))) continue;
      // It cannot be asked for.
      candidate.worth = 0;
      candidate.requests = 0;
    }
  }
  void append_kept(EdgeId edge, std::vector<PlanCandidate>& kept) const override {
    for (const auto& [content, size_bytes] : maker_.edges_[cache::index(edge)].kept.sizes) {
      kept.push_back({.content = cache::ContentId{content}, .size_bytes = size_bytes});
    }
  }
  void end_plans(EdgeId edge) override {
    if (!is_dry_) maker_.edges_[cache::index(edge)].kept = {};
  }

 private:
  PlanMaker& maker_;
  const HeldSize& held_;
  bool is_dry_;
};

PlanMaker::PlanMaker(const PlanningOptions& options, std::shared_ptr<const cache::Fleet> fleet)
    : options_(options),
      fleet_(std::move(fleet)),
      sample_(options.sampled_contents),
      edges_(fleet_->edges.size()) {
  options_.planner.is_cooperative = options.mode == PlanMode::cooperative;
  options_.planner.judges_by_shadows = true;
  std::vector<policy::ShadowCaches> shadows;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    edges_[at].capacity_bytes = fleet_->edges[at].capacity_bytes;
    edges_[at].window = policy::EdgeWindow({.tracked_contents = kMissedContents});
    shadows.push_back(make_shadows(at));
  }
  planner_ =
      std::make_unique<policy::Planner>(options_.planner, edges_of(*fleet_), std::move(shadows));
  // Edges were warm before: what they do is not to be held against what begins empty.
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    planner_->restart(edge_of(at), make_shadows(at));
  }
}

PlanMaker::~PlanMaker() = default;

policy::ShadowCaches PlanMaker::make_shadows(std::size_t edge) const {
  // As the edges' agents evict.
  return {[](const cache::CacheSpec& spec) {
            return std::make_unique<cache::PlannedCache>(cache::make_policy({.name = "lru"}, spec),
                                                         nullptr, spec.sizes_bytes);
          },
          edges_[edge].capacity_bytes, edge, sample_.shadow_sample()};
}

void PlanMaker::note(const cache::CacheEvent& event, std::string_view key) {
  constexpr std::size_t kReplayedAtOnce = 4096;
  Edge& edge = edges_[cache::index(event.edge)];
  ++edge.realised.requests;
  edge.realised.hits += event.is_hit ? 1 : 0;
  edge.window.note(event);
  planner_->note(event.edge, event.content, event.size_bytes, event.at_ms);
  const bool is_shield = (*fleet_)[event.edge].is_shield;
  planner_->count(event.edge, is_shield ? 0 : 1, is_shield ? 1 : 0);
  if (!key.empty()) keys_.try_emplace(number_of(event.content), key);
  edge.asked.push_back(sample_.add(event.content, event.size_bytes));
  edge.answered.push_back(event.is_hit ? 1 : 0);
  if (edge.asked.size() >= kReplayedAtOnce) replay_asked(cache::index(event.edge));
}

void PlanMaker::replay_asked(std::size_t edge) {
  planner_->shadows(edge_of(edge)).replay(edges_[edge].asked, edges_[edge].answered);
  edges_[edge].asked.clear();
  edges_[edge].answered.clear();
}

void PlanMaker::set_capacity(EdgeId edge, std::uint64_t bytes) {
  Edge& known = edges_[cache::index(edge)];
  if (bytes == 0 || known.capacity_bytes == bytes) return;
  replay_asked(cache::index(edge));
  known.capacity_bytes = bytes;
  planner_->restart(edge, make_shadows(cache::index(edge)));
}

PlanMaker::Realised PlanMaker::take_realised(EdgeId edge) {
  return std::exchange(edges_[cache::index(edge)].realised, {});
}

std::string PlanMaker::key_of(cache::ContentId content) const {
  const auto found = keys_.find(number_of(content));
  return found == keys_.end() ? std::string() : found->second;
}

policy::Strategy PlanMaker::strategy(EdgeId edge, std::int64_t now_ms, const HeldSize& held) const {
  const Edge& known = edges_[cache::index(edge)];
  const policy::StrategyOptions& options = options_.strategy;
  const std::int64_t horizon_ms = options_.planner.horizon_ms;
  policy::ObservedEdge observed{.counts = known.window.counts(now_ms),
                                .capacity_bytes = known.capacity_bytes,
                                .storage_bytes = (*fleet_)[edge].storage_bytes,
                                .missed = known.window.missed(now_ms, options.misses_min),
                                .contents = {},
                                .predicted = {}};
  std::uint64_t used_bytes = 0;
  planner_->demand().contents(edge).visit(
      now_ms, [&](cache::ContentId content, const policy::ContentDemand::Known& asked) {
        const bool is_held = held(edge, content).has_value();
        if (is_held) used_bytes += asked.size_bytes;
        observed.contents.push_back({.content = content,
                                     .size_bytes = asked.size_bytes,
                                     .expected_requests = asked.per_second * asked.trend *
                                                          static_cast<double>(horizon_ms) / 1000,
                                     .is_held = is_held});
      });
  observed.used_bytes = used_bytes;
  return policy::strategy(observed, options);
}

void PlanMaker::judge(std::int64_t now_ms, const HeldSize& held) {
  std::vector<std::uint64_t> prefetched_bytes;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    replay_asked(at);
    std::uint64_t bytes = 0;
    for (const std::uint64_t content : edges_[at].kept.fetched) {
      bytes += held(edge_of(at), cache::ContentId{content}).value_or(0);
    }
    edges_[at].kept.fetched.clear();
    prefetched_bytes.push_back(bytes);
  }
  planner_->judge(prefetched_bytes);
  if (sample_.is_full()) restart_shadows(now_ms);
  forget_keys(now_ms);
}

void PlanMaker::restart_shadows(std::int64_t now_ms) {
  sample_.restart(now_ms - sample_begun_ms_ < kSampleAgeMs);
  sample_begun_ms_ = now_ms;
  for (std::size_t at = 0; at < edges_.size(); ++at) {
    planner_->restart(edge_of(at), make_shadows(at));
  }
}

/// Keys of contents that nobody asks for any more.
void PlanMaker::forget_keys(std::int64_t now_ms) {
  if (keys_.size() <= 2 * options_.planner.fleet_contents) return;
  boost::unordered::erase_if(keys_, [&](const auto& key) {
    return !planner_->demand().fleet().find(cache::ContentId{key.first}, now_ms);
  });
}

std::vector<MadePlan> PlanMaker::make(std::int64_t now_ms, std::int64_t valid_until_ms,
                                      const HeldSize& held, bool is_dry) {
  for (std::size_t at = 0; at < edges_.size(); ++at) replay_asked(at);
  Holdings holdings(*this, held, is_dry);
  std::vector<MadePlan> plans;
  planner_->plan(
      now_ms, holdings, [this](cache::ContentId content) { return sample_.find(content); },
      [&](const policy::EdgePlan& made) {
        plans.push_back(plan_of(made, now_ms, valid_until_ms));
      });
  return plans;
}

MadePlan PlanMaker::plan_of(const policy::EdgePlan& made, std::int64_t now_ms,
                            std::int64_t valid_until_ms) const {
  const Edge& edge = edges_[cache::index(made.edge)];
  const std::string& name = (*fleet_)[made.edge].name;
  MadePlan result;
  result.plan = {.edge = made.edge, .valid_until_ms = valid_until_ms, .actions = {}};
  EdgePlanReport& report = result.report;
  report.edge = name;
  report.valid_until_ms = valid_until_ms;
  report.capacity_bytes = edge.capacity_bytes;
  report.share = made.share;
  report.budget_bytes = made.limits.budget_bytes;
  report.fill_bytes = made.limits.fill_bytes;
  const auto append = [&](cache::ActionKind kind, std::span<const std::uint32_t> positions,
                          ActionSum& sum) {
    for (const std::uint32_t position : positions) {
      const PlanCandidate& candidate = made.candidates[position];
      const auto key = keys_.find(number_of(candidate.content));
      const bool is_evict = kind == cache::ActionKind::evict;
      if (result.plan.actions.size() >= cache::kActionsAPlanMax ||
          (key == keys_.end() && !is_evict)) {
        ++report.omitted;
        continue;
      }
      add(sum, candidate.size_bytes);
      result.plan.actions.push_back({.kind = kind,
                                     .content = candidate.content,
                                     .key = key == keys_.end() ? std::string() : key->second,
                                     .size_bytes = candidate.size_bytes,
                                     .gain = candidate.worth});
      const bool is_fetch = !is_evict && !candidate.is_held;
      if (is_fetch) result.fetched.push_back(candidate.content);
      const bool is_told = is_evict ? report.evict.contents <= kForemostMax
                                    : is_fetch && report.prefetch.contents <= kForemostMax;
      if (is_told) {
        report.foremost.push_back({.action = result.plan.actions.back(),
                                   .is_held = candidate.is_held,
                                   .requests = candidate.requests});
      }
    }
  };
  append(cache::ActionKind::evict, made.selection.evict, report.evict);
  append(cache::ActionKind::prefetch, made.selection.stay, report.keep);
  append(cache::ActionKind::prefetch, made.selection.keep, report.keep);
  append(cache::ActionKind::prefetch, made.selection.prefetch, report.prefetch);
  result.plan.id = cache::id_of(result.plan, name);
  report.plan = result.plan.id;

  std::vector<bool> will_be_kept(made.candidates.size());
  for (const auto* part : {&made.selection.stay, &made.selection.keep, &made.selection.prefetch}) {
    for (const std::uint32_t position : *part) will_be_kept[position] = true;
  }
  const std::int64_t horizon_ms = options_.planner.horizon_ms;
  report.expected_requests =
      planner_->demand().profile(made.edge).expected(now_ms, now_ms + horizon_ms).value_or(0);
  policy::HitPrediction prediction{
      .candidates = made.candidates,
      .is_kept = [&](std::size_t i) { return made.candidates[i].is_kept; },
      .capacity_bytes = edge.capacity_bytes,
      .requests = report.expected_requests,
      .horizon_ms = horizon_ms};
  report.hit_ratio_before = predicted_hit_ratio(prediction);
  prediction.is_kept = [&](std::size_t i) { return will_be_kept[i]; };
  report.hit_ratio_after = predicted_hit_ratio(prediction);
  return result;
}

void PlanMaker::adopt(const MadePlan& made) {
  KeptContents next;
  for (const cache::Action& action : made.plan.actions) {
    if (action.kind != cache::ActionKind::prefetch) continue;
    next.sizes.emplace(number_of(action.content), action.size_bytes);
  }
  for (const cache::ContentId content : made.fetched) {
    if (sample_.find(content) != cache::kNoObject) next.fetched.insert(number_of(content));
  }
  edges_[cache::index(made.plan.edge)].kept = std::move(next);
}

}  // namespace edgeward::controller
