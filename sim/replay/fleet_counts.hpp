#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "policy/decision.hpp"
#include "sim/replay/latency_histogram.hpp"

namespace edgeward::sim {

/// How a fleet run sends its requests to edges.
enum class Routing : std::uint8_t {
  nearest,
  recorded,  ///< to the edge that the log names
  random,
  weighted,
  latency,
};
inline constexpr std::size_t kRoutings = 5;
[[nodiscard]] std::string_view name(Routing routing);
[[nodiscard]] std::optional<Routing> parse_routing(std::string_view text);

/// How plans are made in a fleet run.
enum class Planning : std::uint8_t {
  none,
  independent,  ///< each edge by itself
  cooperative,  ///< with an eye on what its neighbours hold
};
[[nodiscard]] std::string_view name(Planning planning);
[[nodiscard]] std::optional<Planning> parse_planning(std::string_view text);

inline constexpr std::size_t kReasons = static_cast<std::size_t>(policy::Reason::best_score) + 1;

/// An edge that is taken down for a while; what it caches survives. Times are ms since the trace's
/// first request: down in [from_ms, until_ms).
struct EdgeFailure {
  cache::EdgeId edge = cache::kNoEdge;
  std::int64_t from_ms = 0;
  std::int64_t until_ms = 0;

  bool operator==(const EdgeFailure&) const = default;
};

/// What one edge did. Requests are those of clients: requests = hits + delayed_hits + uncacheable +
/// misses. Fetches are those of edges that fill from it, or that it gave to peers.
struct EdgeCounts {
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t delayed_hits = 0;  ///< waited for a fetch that was under way
  std::uint64_t expired = 0;       ///< misses that were cached, but no longer fresh
  std::uint64_t uncacheable = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hit_bytes = 0;
  std::uint64_t fetches = 0;       ///< asked of it by its children and peers
  std::uint64_t fetch_hits = 0;    ///< of these, answered from its cache
  std::uint64_t origin_bytes = 0;  ///< that it got from the origin
  std::uint64_t peer_bytes = 0;    ///< that it got from its parent or peers
  std::uint64_t overload_requests =
      0;                         ///< of clients, in ticks in which it was at or over max_load
  std::uint64_t latency_us = 0;  ///< sum over its requests
  std::uint64_t distance_m = 0;  ///< sum over its requests
  std::uint64_t evictions = 0;
  std::uint64_t prefetch_bytes = 0;       ///< that plans had it fetch
  std::uint64_t prefetch_used_bytes = 0;  ///< of these, what it was asked for later
  std::uint64_t plans = 0;                ///< it was given, empty ones too
  double plan_share = 0;                  ///< of its capacity, that plans may have at the end
  double load_ratio_max = 0;              ///< over ticks

  EdgeCounts& operator+=(const EdgeCounts& other);
  bool operator==(const EdgeCounts&) const = default;
};

/// Who got the requests while an edge was down, and in the time of equal length before. By edge;
/// the last entry counts those that no edge got.
struct FailureCounts {
  EdgeFailure failure;
  std::vector<std::uint64_t> before;
  std::vector<std::uint64_t> during;

  bool operator==(const FailureCounts&) const = default;
};

/// What a fleet run counted beside its cells, after the warm-up (failures: throughout).
struct FleetCounts {
  std::vector<EdgeCounts> edges;                  ///< by EdgeId
  LatencyHistogram latency;                       ///< of the requests that an edge got
  std::array<std::uint64_t, kReasons> reasons{};  ///< of decisions; recorded routing makes none
  std::uint64_t unrouted = 0;                     ///< requests that no edge got
  std::uint64_t unrouted_bytes = 0;
  std::vector<FailureCounts> failures;

  bool operator==(const FleetCounts&) const = default;
};

}  // namespace edgeward::sim
