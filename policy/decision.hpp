#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "cache/edge.hpp"
#include "geo/address_map.hpp"

namespace edgeward::policy {

/// Why this edge: the first that applies.
enum class Reason : std::uint8_t {
  override,           ///< the client's prefix has a coverage zone
  no_edge,            ///< no edge may serve the client
  last_resort,        ///< the service's all-down rule
  fallback_location,  ///< nothing is known of where the client is
  widened,            ///< too few edges within the radius
  overflow,           ///< a better edge's admit share refused it
  spread,             ///< not the best score, but within spread_epsilon of it
  best_score,
};
[[nodiscard]] std::string_view name(Reason reason);

/// Why an edge is no candidate.
enum class Exclusion : std::uint8_t {
  none,
  shield,   ///< serves other edges only
  service,  ///< lacks the service
  country,  ///< the service is not for the client's country
  drain,
  down,
  unknown,     ///< silent for too long
  overloaded,  ///< load ratio at or over its max_load
  too_far,     ///< beyond the radius, or the best candidates_max are nearer
};
[[nodiscard]] std::string_view name(Exclusion exclusion);

/// An edge's score, taken apart. Weighted: distance, hit, load, bandwidth, unweighted, 0..1.
/// Latency: network, queue, miss, transfer, in ms. Else: km alone.
using Terms = std::array<float, 4>;

/// Which edge should serve a request. Fixed size, so that making one allocates nothing.
struct Decision {
  struct RunnerUp {
    cache::EdgeId edge = cache::kNoEdge;
    float score = 0;

    bool operator==(const RunnerUp&) const = default;
  };
  static constexpr std::size_t kRunnersUp = 3;

  cache::EdgeId edge = cache::kNoEdge;
  Reason reason = Reason::no_edge;
  /// The edge that would have been chosen were nobody full: demand is counted for it.
  cache::EdgeId wanted = cache::kNoEdge;
  geo::CellIndex cell = 0;
  float score = 0;
  float distance_km = 0;
  Terms terms{};
  std::array<RunnerUp, kRunnersUp> runners_up{};  ///< next choices; kNoEdge where there are none
  std::uint64_t snapshot_version = 0;

  bool operator==(const Decision&) const = default;
};

}  // namespace edgeward::policy
