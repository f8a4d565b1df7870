#include "policy/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "cache/ids.hpp"

namespace edgeward::policy {

namespace {

constexpr double kWeightsSlack = 1e-6;
constexpr double kLoadMax = 0.999;
/// Chances of waiting below this are none.
constexpr double kNoWait = 1e-18;
/// A full link still moves something: this part of its bandwidth.
constexpr double kFreeBandwidthMin = 0.01;

void check(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

void check_options(const RoutingOptions& options, std::size_t edges) {
  const ScoreWeights& w = options.weights;
  check(w.distance >= 0 && w.hit >= 0 && w.load >= 0 && w.bandwidth >= 0 &&
            std::abs(w.distance + w.hit + w.load + w.bandwidth - 1) <= kWeightsSlack,
        "weights: expected four numbers, none negative, with the sum 1");
  check(options.radius_km > 0, "radius_km: expected more than 0");
  check(options.candidates_max >= 1 && options.candidates_max <= kCandidatesMax,
        "candidates_max: expected 1 to 16");
  check(options.candidates_min <= options.candidates_max,
        "candidates_min: expected at most candidates_max");
  check(options.distance_scale_km > 0, "distance_scale_km: expected more than 0");
  check(options.bandwidth_scale_bps > 0, "bandwidth_scale_bps: expected more than 0");
  check(options.spread_epsilon_score >= 0 && options.spread_epsilon_ms >= 0,
        "spread_epsilon: expected no negative number");
  check(options.hit_prior >= 0 && options.hit_prior <= 1, "hit_prior: expected 0 to 1");
  check(options.target_load > 0 && options.target_load <= 1, "target_load: expected up to 1");
  check(!options.services.empty(), "services: expected at least one");
  for (const Service& service : options.services) {
    const bool needs_edge = service.all_down == AllDownRule::last_resort;
    check(!needs_edge || cache::index(service.last_resort) < edges,
          "services: all_down last_resort needs an edge");
    check(service.bias_score.empty() || service.bias_score.size() == edges,
          "services: bias_score needs one entry an edge");
    check(service.bias_ms.empty() || service.bias_ms.size() == edges,
          "services: bias_ms needs one entry an edge");
  }
}

std::vector<std::uint8_t> shields_of(const cache::Fleet& fleet) {
  std::vector<std::uint8_t> shields;
  for (const cache::Edge& edge : fleet.edges) shields.push_back(edge.is_shield ? 1 : 0);
  return shields;
}

Exclusion exclusion_of(const cache::EdgeState& state, const cache::Edge& edge,
                       std::int64_t silent_since_ms) {
  if (state.mode == cache::EdgeMode::down) return Exclusion::down;
  if (state.mode == cache::EdgeMode::unknown || state.seen_at_ms < silent_since_ms) {
    return Exclusion::unknown;
  }
  if (state.mode == cache::EdgeMode::drain) return Exclusion::drain;
  return state.load_ratio >= edge.max_load ? Exclusion::overloaded : Exclusion::none;
}

}  // namespace

FleetPart::FleetPart(std::shared_ptr<const cache::Fleet> fleet, RoutingOptions options,
                     std::shared_ptr<const geo::AddressMap> map, geo::RttModel rtt,
                     const FleetPart* before)
    : fleet_(std::move(fleet)),
      options_(std::move(options)),
      map_(std::move(map)),
      rtt_(rtt),
      points_(fleet_->points()),
      shields_(shields_of(*fleet_)) {
  const bool is_same = before != nullptr && before->map_ == map_ && before->points_ == points_ &&
                       before->shields_ == shields_;
  sites_ = is_same ? before->sites_
                   : std::make_shared<const geo::CellSites>(map_->cells(), points_, shields_);
  check(fleet_->edges.size() <= cache::kEdgesMax, "fleet: too many edges");
  check_options(options_, fleet_->edges.size());
  for (const cache::Edge& edge : fleet_->edges) {
    check(edge.fill != cache::FillSource::parent || cache::index(edge.parent) < points_.size(),
          "fleet: an edge that fills from its parent needs one");
    at_.push_back(geo::unit_vector(edge.point));
    salts_.push_back(static_cast<std::uint64_t>(cache::content_id(edge.name)));
  }
  for (const std::vector<std::string>& names : map_->zones()) {
    std::vector<cache::EdgeId>& zone = zones_.emplace_back();
    for (const std::string& name : names) {
      const auto edge = fleet_->find(name);
      if (edge && zone.size() < kCandidatesMax) zone.push_back(*edge);
    }
  }
  for (const Service& service : options_.services) {
    std::vector<Exclusion>& excluded = excluded_.emplace_back();
    for (const cache::Edge& edge : fleet_->edges) {
      const bool has_service =
          edge.services.empty() || std::find(edge.services.begin(), edge.services.end(),
                                             service.name) != edge.services.end();
      excluded.push_back(edge.is_shield ? Exclusion::shield
                         : has_service  ? Exclusion::none
                                        : Exclusion::service);
    }
  }
}

bool FleetPart::allows(ServiceIndex service, geo::Country country) const noexcept {
  const Service& rules = options_.services[service];
  const auto lists = [country](const std::vector<geo::Country>& countries) {
    return std::find(countries.begin(), countries.end(), country) != countries.end();
  };
  if (lists(rules.countries_denied)) return false;
  return rules.countries_allowed.empty() || lists(rules.countries_allowed);
}

double erlang_c_wait_ms(double load_ratio, unsigned servers, double service_ms) {
  const double load = std::clamp(load_ratio, 0.0, kLoadMax);
  const double offered = load * servers;  // Erlangs
  // Erlang B by its recursion over servers, and C from B.
  double blocked = 1;
  for (unsigned i = 1; i <= servers; ++i) {
    blocked = offered * blocked / (static_cast<double>(i) + offered * blocked);
    if (blocked < kNoWait) return 0;
  }
  const double waits = blocked / (1 - load * (1 - blocked));
  return waits * service_ms / (servers * (1 - load));
}

double miss_ms(const cache::Fleet& fleet, const geo::RttModel& rtt,
               std::span<const cache::EdgeState> states, cache::EdgeId edge) {
  const cache::Edge& here = fleet[edge];
  const bool has_parent = here.fill == cache::FillSource::parent &&
                          states[cache::index(here.parent)].mode != cache::EdgeMode::down;
  if (!has_parent) {
    return rtt.estimate_ms(geo::distance_km(here.point, fleet.origin.point)) +
           fleet.origin.service_ms;
  }
  const cache::Edge& parent = fleet[here.parent];
  const double misses = 1 - states[cache::index(here.parent)].fetch_hit_ratio;
  return rtt.estimate_ms(geo::distance_km(here.point, parent.point)) + parent.service_ms +
         misses * miss_ms(fleet, rtt, states, here.parent);
}

std::vector<LiveEdge> live_edges(const FleetPart& fleet, std::span<const cache::EdgeState> states,
                                 std::int64_t now_ms) {
  const RoutingOptions& options = fleet.options();
  std::vector<LiveEdge> live;
  live.reserve(states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    const cache::Edge& edge = fleet.fleet().edges[i];
    const cache::EdgeState& state = states[i];
    const auto bandwidth = static_cast<double>(edge.bandwidth_bps);
    const double free_bps =
        std::max(bandwidth - static_cast<double>(state.bandwidth_used_bps), 0.0);
    const double usable_bps = std::max(free_bps, bandwidth * kFreeBandwidthMin);
    constexpr double kMsPerSecondAndByte = 8 * 1000.0;
    live.push_back(
        {.load = static_cast<float>(std::clamp(1 - state.load_ratio, 0.0, 1.0)),
         .bandwidth = static_cast<float>(std::min(free_bps / options.bandwidth_scale_bps, 1.0)),
         .queue_ms =
             static_cast<float>(erlang_c_wait_ms(state.load_ratio, edge.servers, edge.service_ms)),
         .miss_ms = static_cast<float>(miss_ms(fleet.fleet(), fleet.rtt(), states,
                                               cache::EdgeId{static_cast<std::uint16_t>(i)})),
         .ms_per_byte = usable_bps > 0 ? static_cast<float>(kMsPerSecondAndByte / usable_bps)
                                       : std::numeric_limits<float>::max(),
         .exclusion = exclusion_of(state, edge, now_ms - options.health_age_max_ms)});
  }
  return live;
}

}  // namespace edgeward::policy
