#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "policy/plan_selection.hpp"

namespace edgeward::policy {

/// Where an edge gets what it does not hold, if it is held there.
struct PlacementSource {
  cache::EdgeId edge = cache::kNoEdge;
  double fill_ms = 0;
};

/// Sources of an edge that count; what is held farther away counts as not held.
inline constexpr std::size_t kPlacementSourcesMax = 8;

/// What place() knows of an edge.
struct PlacementEdge {
  PlanLimits limits;
  /// A content at most once. `requests` are those of the edge's own clients: what other edges fetch
  /// from it follows from theirs. `worth` is not read.
  std::span<const PlanCandidate> candidates;
  /// In the order in which it asks them: its nearest peers, or its parent and where that one gets
  /// it, with the time of the whole way. One that is slower than a later one counts as fast as it
  /// does, since asking it first is not what makes a copy there worth less than none.
  std::vector<PlacementSource> sources;
  double origin_ms = 0;
};

struct PlacementOptions {
  PlanObjective objective = PlanObjective::bytes;
  /// Of a byte that comes from another edge, where one from the origin costs 1: small, but not
  /// nothing, else a copy at the edge itself would be worth nothing.
  double peer_byte_price = 0.1;
  /// How often each edge's selection is made anew, those of all others given; at least once.
  int rounds = 2;
  /// Up to so many candidates of all edges there is time to begin from nothing as well, edges in
  /// order and in reverse, and to take the best: where a few contents fill an edge, one that is
  /// placed badly is not outweighed by others.
  std::size_t pairs_of_several_starts = 1'000'000;
};

/// What place() says of an edge.
struct Placement {
  PlanSelection selection;
  /// By candidate: what a copy saves over the horizon beyond all others, in units of the objective.
  std::vector<double> worth;
};

/// What all edges should keep, together. A request for what its edge holds costs nothing, else what
/// the first of the edge's sources that holds it costs, else what the origin does: one request (so
/// that only the edge's own copy saves any), the content's bytes (times `peer_byte_price` from a
/// source), or the time to fill. A copy is worth what it saves beyond the others.
///
/// What all copies save together is submodular: each is worth less, the more there are. So copies
/// are placed greedily by worth per byte, evaluated anew only when it is a copy's turn (Minoux,
/// Optimization Techniques, 1978), then each edge in turn selects anew, as select() does, while
/// the others stay: what others hold being given, that is a knapsack. Where sizes are equal and
/// everything may be kept, that is no less than half of the optimum (Fisher, Nemhauser, Wolsey,
/// Mathematical Programming Study 8, 1978); nearly always it is close to it.
///
/// Limits, pins, hysteresis and the order of what is to be done are those of select(). A fetch must
/// save `fetch_requests_min` times what it costs, from where it would be fetched.
///
/// Deterministic, whatever the order of the candidates. Every edge's number is its index. Memory:
/// some 60 bytes for each candidate of each edge, beside the candidates. Fewer than 2^32 of them.
[[nodiscard]] std::vector<Placement> place(std::span<const PlacementEdge> edges,
                                           const PlacementOptions& options);

}  // namespace edgeward::policy
