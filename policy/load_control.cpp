#include "policy/load_control.hpp"

#include <algorithm>

namespace edgeward::policy {

namespace {

/// How much of a change of load a score sees at once.
constexpr double kSmoothing = 0.125;
/// An edge that had fewer requests than this part of its maximum says nothing of its capacity.
constexpr double kRateMinRatio = 0.05;
/// Below this part of target_load, and without shares in force, demand need not be looked at.
constexpr double kNearTarget = 0.5;

bool is_telling(const cache::Edge& edge, double rate) {
  return rate > kRateMinRatio * edge.requests_per_second_max;
}

/// Requests a second an edge can take: its maximum, or less where its load says so (large answers,
/// a slow disk).
double capacity_of(const cache::Edge& edge, const cache::EdgeState& state, double rate) {
  if (!is_telling(edge, rate) || state.load_ratio <= 0) return edge.requests_per_second_max;
  return std::min(edge.requests_per_second_max, rate / state.load_ratio);
}

bool takes_clients(Exclusion exclusion) {
  return exclusion == Exclusion::none || exclusion == Exclusion::overloaded;
}

}  // namespace

void LoadControl::update(const LoadTick& tick, Snapshot& snapshot) {
  const FleetPart& fleet = *snapshot.fleet;
  const std::vector<cache::Edge>& edges = fleet.fleet().edges;
  const double target = fleet.options().target_load;
  std::vector<cache::EdgeState> states(tick.states.begin(), tick.states.end());
  bool is_near = snapshot.shares != nullptr;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const double load = states[i].load_ratio;
    is_near = is_near || load > kNearTarget * target;
    double& smoothed = smoothed_[i];
    smoothed = smoothed == kUnset ? load : smoothed + kSmoothing * (load - smoothed);
    // Full edges count as candidates while demand is looked at.
    states[i].load_ratio = std::min(smoothed, edges[i].max_load * 0.999);
  }
  auto live = std::make_shared<std::vector<LiveEdge>>(live_edges(fleet, states, tick.at_ms));
  if (!is_near) {
    for (std::size_t i = 0; i < edges.size(); ++i)
      fair_share_[i] = target * edges[i].requests_per_second_max;
    snapshot.live = std::move(live);
    return;
  }
  std::vector<double> capacity(states.size());
  std::vector<std::uint8_t> is_overloaded(states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    const bool may_take = takes_clients((*live)[i].exclusion) && !edges[i].is_shield;
    if (may_take) capacity[i] = capacity_of(edges[i], tick.states[i], tick.requests_per_second[i]);
    is_overloaded[i] = tick.states[i].load_ratio >= edges[i].max_load ? 1 : 0;
  }
  snapshot.live = live;
  const auto groups = demand_groups(tick.sample, tick.sampled_requests_per_second, snapshot);
  const std::size_t areas = fleet.map().areas();
  const WaterFill wanted = fill(groups, capacity, target, areas);
  fair_share_ = wanted.fair_share;
  const AdmitShares all(areas, states.size());
  const AdmitShares& present = snapshot.shares ? *snapshot.shares : all;
  // An edge that half the way would leave overloaded goes all of it.
  const AdmitShares half = damped(present, wanted.shares, is_overloaded);
  const std::vector<double> coming = load_under(half, groups, states.size());
  std::vector<std::uint8_t> at_once = is_overloaded;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (coming[i] >= capacity[i] * edges[i].max_load) at_once[i] = 1;
  }
  AdmitShares next = damped(present, wanted.shares, at_once);
  snapshot.shares = next == all ? nullptr : std::make_shared<const AdmitShares>(std::move(next));

  for (std::size_t i = 0; i < states.size(); ++i) {
    if (is_overloaded[i] == 0 || is_telling(edges[i], tick.requests_per_second[i])) continue;
    if ((*live)[i].exclusion == Exclusion::none) (*live)[i].exclusion = Exclusion::overloaded;
  }
}

}  // namespace edgeward::policy
