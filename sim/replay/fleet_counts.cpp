#include "sim/replay/fleet_counts.hpp"

#include <algorithm>

namespace edgeward::sim {

namespace {

constexpr std::array<std::string_view, kRoutings> kRoutingNames{"nearest", "recorded", "random",
                                                                "weighted", "latency"};
constexpr std::array<std::string_view, 3> kPlannings{"none", "independent", "cooperative"};

}  // namespace

std::string_view name(Routing routing) {
  return kRoutingNames[static_cast<std::size_t>(routing)];
}

std::optional<Routing> parse_routing(std::string_view text) {
  const auto found = std::find(kRoutingNames.begin(), kRoutingNames.end(), text);
  if (found == kRoutingNames.end()) return std::nullopt;
  return static_cast<Routing>(found - kRoutingNames.begin());
}

std::string_view name(Planning planning) {
  return kPlannings[static_cast<std::size_t>(planning)];
}

std::optional<Planning> parse_planning(std::string_view text) {
  const auto found = std::find(kPlannings.begin(), kPlannings.end(), text);
  if (found == kPlannings.end()) return std::nullopt;
  return static_cast<Planning>(found - kPlannings.begin());
}

EdgeCounts& EdgeCounts::operator+=(const EdgeCounts& other) {
  requests += other.requests;
  hits += other.hits;
  delayed_hits += other.delayed_hits;
  expired += other.expired;
  uncacheable += other.uncacheable;
  bytes += other.bytes;
  hit_bytes += other.hit_bytes;
  fetches += other.fetches;
  fetch_hits += other.fetch_hits;
  origin_bytes += other.origin_bytes;
  peer_bytes += other.peer_bytes;
  overload_requests += other.overload_requests;
  latency_us += other.latency_us;
  distance_m += other.distance_m;
  evictions += other.evictions;
  prefetch_bytes += other.prefetch_bytes;
  prefetch_used_bytes += other.prefetch_used_bytes;
  plans += other.plans;
  plan_share = std::max(plan_share, other.plan_share);
  load_ratio_max = std::max(load_ratio_max, other.load_ratio_max);
  return *this;
}

}  // namespace edgeward::sim
