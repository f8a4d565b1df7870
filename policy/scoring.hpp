#pragma once

#include <cstdint>

#include "cache/hit_model.hpp"
#include "policy/candidates.hpp"
#include "policy/request.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::policy {

/// Hashes of what a request is about, from which every "random" choice of the router follows.
class Draw {
 public:
  /// `client` is the hash of its /24 or /48.
  Draw(std::uint64_t content, std::uint64_t client, std::int64_t at_ms);

  /// Uniform over [0, 1): the rendezvous hash of content and edge (Thaler and Ravishankar, 1998).
  [[nodiscard]] float spread(std::uint64_t salt) const noexcept;
  /// 16 bits for the admit share of an edge: of content, client and edge.
  [[nodiscard]] std::uint16_t admission(std::uint64_t salt) const noexcept;
  /// Uniform over [0, 1): another one for every request.
  [[nodiscard]] float any(std::uint64_t salt) const noexcept;

 private:
  std::uint64_t content_;
  std::uint64_t asks_;     ///< content and client
  std::uint64_t request_;  ///< and time
};

/// Fills in terms, score and rank of gathered candidates by the formulas of the fleet's scoring.
///
/// The rank is the score plus spread_epsilon times the rendezvous hash of (content, edge): equals
/// share the catalogue by hash, an edge that is more than epsilon behind never goes first, and the
/// order of any two edges does not depend on a third. (Ranking those within epsilon of the best by
/// hash alone would move contents between two edges that stay when the best one leaves.)
void score(const Request& request, const Draw& draw, geo::CellIndex cell, const Snapshot& snapshot,
           Candidates& candidates) noexcept;

/// Whether lower scores are better.
[[nodiscard]] constexpr bool is_cost(Scoring scoring) {
  return scoring == Scoring::latency || scoring == Scoring::nearest;
}

}  // namespace edgeward::policy
