#include "controller/planning/optimizing.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>
#include <variant>

#include "policy/json.hpp"
#include "policy/optimization_json.hpp"
#include "policy/strategy_json.hpp"

namespace edgeward::controller {

namespace json = boost::json;
using cache::EdgeId;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
/// Contents that are told of each action.
constexpr std::size_t kToldContents = 20;

EdgeId edge_id(std::size_t at) {
  return EdgeId{static_cast<std::uint16_t>(at)};
}

/// Keys of the contents that are told of a strategy, by which people know them.
void note_keys(const policy::Strategy& strategy, const PlanMaker& maker, OptimizingRun& run) {
  for (const policy::StrategyAction& action : strategy.actions) {
    std::visit(
        [&](const auto& one) {
          if constexpr (requires { one.contents.list; }) {
            const auto& list = one.contents.list;
            for (std::size_t i = 0; i < std::min(list.size(), kToldContents); ++i) {
              run.keys.emplace(list[i].content, maker.key_of(list[i].content));
            }
          }
        },
        action);
  }
}

}  // namespace

OptimizingRun begin_optimizing(const OptimizeRequest& request, std::uint64_t run,
                               std::int64_t now_ms, const cache::Fleet& fleet, const HeldSize& held,
                               PlanMaker& maker) {
  OptimizingRun begun{.run = run,
                      .at_ms = now_ms,
                      .measured_at_ms = now_ms + request.measure_after_ms,
                      .edges = {},
                      .keys = {}};
  std::vector<std::string> names;
  for (const cache::Edge& edge : fleet.edges) names.push_back(edge.name);
  std::vector<bool> is_chosen(names.size(), !request.canary);
  if (request.canary) {
    for (const std::size_t at : policy::canary_edges(names, *request.canary, "optimize")) {
      is_chosen[at] = true;
    }
  }
  for (std::size_t at = 0; at < names.size(); ++at) {
    OptimizingEdge edge{.edge = names[at],
                        .strategy = maker.strategy(edge_id(at), now_ms, held),
                        .is_applied = is_chosen[at],
                        .baseline = maker.hours(edge_id(at), now_ms - kDayMs, now_ms),
                        .later = {}};
    maker.enable(edge_id(at), is_chosen[at]);
    note_keys(edge.strategy, maker, begun);
    begun.edges.push_back(std::move(edge));
  }
  return begun;
}

void end_optimizing(const cache::Fleet& fleet, PlanMaker& maker, OptimizingRun& run) {
  std::vector<policy::EdgeTrial> trials;
  for (OptimizingEdge& edge : run.edges) {
    const auto found = fleet.find(edge.edge);
    if (found) edge.later = maker.hours(*found, run.at_ms, run.measured_at_ms);
    trials.push_back({.edge = edge.edge,
                      .strategy = edge.strategy.verdict,
                      .is_applied = edge.is_applied,
                      .baseline = edge.baseline,
                      .later = edge.later,
                      .predicted = edge.strategy.changed});
  }
  run.outcome = policy::optimization(trials);
  run.is_measured = true;
  if (!run.outcome->canary) return;
  const policy::CanaryVerdict verdict = run.outcome->canary->verdict;
  run.is_rolled_back = verdict == policy::CanaryVerdict::roll_back;
  if (verdict == policy::CanaryVerdict::undecided) return;
  for (std::size_t at = 0; at < fleet.edges.size(); ++at) {
    maker.enable(edge_id(at), !run.is_rolled_back);
  }
}

std::string optimizing_json(const OptimizingRun& run) {
  const auto key_of = [&run](cache::ContentId content) {
    const auto found = run.keys.find(content);
    return found == run.keys.end() ? std::string() : found->second;
  };
  json::array strategies;
  for (const OptimizingEdge& edge : run.edges) {
    json::object told =
        policy::strategy_json(edge.strategy, {.contents_max = kToldContents, .key_of = key_of});
    told["edge"] = edge.edge;
    told["applied"] = edge.is_applied;
    strategies.push_back(std::move(told));
  }
  const auto seconds_of = [](std::int64_t ms) { return static_cast<double>(ms) / 1000; };
  return policy::json_text(
      json::object{{"run", run.run},
                   {"at", seconds_of(run.at_ms)},
                   {"measured_at", seconds_of(run.measured_at_ms)},
                   {"status", run.is_measured ? "measured" : "measuring"},
                   {"rolled_back", run.is_rolled_back},
                   {"strategies", std::move(strategies)},
                   {"outcome", run.outcome ? json::value(policy::optimization_json(*run.outcome))
                                           : json::value()}});
}

}  // namespace edgeward::controller
