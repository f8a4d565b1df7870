#include "sim/replay/fleet_counts.hpp"

#include <algorithm>

namespace edgeward::sim {

namespace {

constexpr std::array<std::string_view, kRoutings> kNames{"nearest", "recorded", "random",
                                                         "weighted", "latency"};

}  // namespace

std::string_view name(Routing routing) {
  return kNames[static_cast<std::size_t>(routing)];
}

std::optional<Routing> parse_routing(std::string_view text) {
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Routing>(found - kNames.begin());
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
  load_ratio_max = std::max(load_ratio_max, other.load_ratio_max);
  return *this;
}

}  // namespace edgeward::sim
