#pragma once

#include <array>
#include <cstdint>

#include "policy/decision.hpp"
#include "policy/request.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::policy {

/// The edges that one decision compares, gathered and then scored. Arrays by candidate, of which
/// the first `count` entries count: lives on the stack.
struct Candidates {
  /// Sites that gather() writes at a time, of which those that are no candidates are overwritten.
  static constexpr std::size_t kAtATime = 8;
  static constexpr std::size_t kRoom = kCandidatesMax + kAtATime;

  std::size_t count = 0;
  bool is_widened = false;  ///< the radius had to grow
  std::array<cache::EdgeId, kRoom> edge;
  std::array<float, kRoom> distance_km;
  std::array<std::uint16_t, kRoom> near;  ///< position in CellSites; kNotNear
  std::array<Terms, kCandidatesMax> terms;
  std::array<float, kCandidatesMax> score;
  /// What candidates are ranked by, higher first: the score, upside down where lower is better,
  /// plus the spread.
  std::array<float, kCandidatesMax> rank;

  static constexpr std::uint16_t kNotNear = 0xFFFF;
};

/// Which exclusions count: all, or only those that no all-down rule lifts.
enum class Lenience : std::uint8_t { strict, all_down };

/// Why an edge is no candidate for a service at the moment; none if it may be one.
[[nodiscard]] inline Exclusion exclusion(const Snapshot& snapshot, ServiceIndex service,
                                         cache::EdgeId edge, Lenience lenience) noexcept {
  const Exclusion fixed = snapshot.fleet->excluded(service)[cache::index(edge)];
  if (fixed != Exclusion::none || lenience == Lenience::all_down) return fixed;
  return (*snapshot.live)[cache::index(edge)].exclusion;
}

/// The nearest edges that may serve the service: those within the radius, which doubles until there
/// are candidates_min or all are in; at most candidates_max. Reads the cell's compiled list, and
/// searches all edges only where that list does not decide. Fills `result` in place, whatever was
/// in it: a copy would cost as much as the search.
void gather(const Snapshot& snapshot, geo::CellIndex cell, ServiceIndex service, Lenience lenience,
            Candidates& result) noexcept;

/// The edges of the cell's coverage zone that may serve the service.
void gather_zone(const Snapshot& snapshot, geo::CellIndex cell, ServiceIndex service,
                 Candidates& result) noexcept;

/// Distances from a cell, written by edge in any order given.
[[nodiscard]] float distance_km(const Snapshot& snapshot, geo::CellIndex cell,
                                cache::EdgeId edge) noexcept;

}  // namespace edgeward::policy
