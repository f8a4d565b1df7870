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

/// The shares with those of edges that come back cut to what they may take by now.
std::shared_ptr<const AdmitShares> held_down(std::shared_ptr<const AdmitShares> shares,
                                             std::span<const cache::EdgeState> states,
                                             std::size_t areas) {
  const auto is_back = [](const cache::EdgeState& state) { return state.admit_ratio >= 1; };
  if (std::all_of(states.begin(), states.end(), is_back)) return shares;
  auto cut = std::make_shared<AdmitShares>(shares ? *shares : AdmitShares(areas, states.size()));
  for (std::size_t at = 0; at < states.size(); ++at) {
    if (is_back(states[at])) continue;
    const auto edge = static_cast<cache::EdgeId>(at);
    for (std::size_t area = 0; area < areas; ++area) {
      const auto number = static_cast<std::uint16_t>(area);
      cut->set(number, edge, std::min(cut->share(number, edge), states[at].admit_ratio));
    }
  }
  return cut;
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
  bool is_near = shares_ != nullptr;
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
    snapshot.shares = held_down(nullptr, tick.states, fleet.map().areas());
    return;
  }
  std::vector<double> capacity(states.size());
  std::vector<std::uint8_t> is_overloaded(states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    const bool may_take = takes_clients((*live)[i].exclusion) && !edges[i].is_shield;
    if (may_take) {
      capacity[i] = capacity_of(edges[i], tick.states[i], tick.requests_per_second[i]) *
                    tick.states[i].admit_ratio;
    }
    is_overloaded[i] = tick.states[i].load_ratio >= edges[i].max_load ? 1 : 0;
  }
  snapshot.live = live;
  snapshot.shares = shares_;
  const auto groups = demand_groups(tick.sample, tick.sampled_requests_per_second, snapshot);
  const std::size_t areas = fleet.map().areas();
  const WaterFill wanted = fill(groups, capacity, target, areas);
  fair_share_ = wanted.fair_share;
  const AdmitShares all(areas, states.size());
  const AdmitShares& present = shares_ ? *shares_ : all;
  // An edge that half the way would leave overloaded goes all of it.
  const AdmitShares half = damped(present, wanted.shares, is_overloaded);
  const std::vector<double> coming = load_under(half, groups, states.size());
  std::vector<std::uint8_t> at_once = is_overloaded;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (coming[i] >= capacity[i] * edges[i].max_load) at_once[i] = 1;
  }
  AdmitShares next = damped(present, wanted.shares, at_once);
  shares_ = next == all ? nullptr : std::make_shared<const AdmitShares>(std::move(next));
  snapshot.shares = held_down(shares_, tick.states, areas);

  for (std::size_t i = 0; i < states.size(); ++i) {
    if (is_overloaded[i] == 0 || is_telling(edges[i], tick.requests_per_second[i])) continue;
    if ((*live)[i].exclusion == Exclusion::none) (*live)[i].exclusion = Exclusion::overloaded;
  }
}

}  // namespace edgeward::policy
