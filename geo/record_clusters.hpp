#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "geo/place_weights.hpp"

namespace edgeward::geo {

/// How much it matters that a place is said to be another, that far away: log2(1 + km/25).
[[nodiscard]] float distance_loss(float km);

struct RecordClusters {
  std::vector<WeightedPlace> places;    ///< each stands for a cluster; its point is a member's
  std::vector<std::uint32_t> place_of;  ///< for each member
};

/// Gathers places into at most `count` clusters (at least one a country), each of one country:
/// starting from the countries, the cluster with the largest loss is split at its weighted median,
/// across its longer side. Deterministic.
[[nodiscard]] RecordClusters cluster(std::span<const WeightedPlace> members, std::size_t count);

}  // namespace edgeward::geo
