#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/ids.hpp"
#include "geo/address_map.hpp"
#include "policy/routing_options.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::policy {

/// So much of a snapshot, as bytes, that requests of clients in these cells for these contents can
/// be decided again, and come out the same: a few kilobytes where the snapshot has hundreds of
/// megabytes. What a fleet file says is not among it.
[[nodiscard]] std::string excerpt(const Snapshot& snapshot, std::span<const geo::CellIndex> cells,
                                  std::span<const cache::ContentId> contents);

/// A snapshot made of an excerpt: cells have other numbers than in the one it was taken from.
struct Excerpt {
  Snapshot snapshot;
  std::vector<geo::CellIndex> cells;  ///< what they were before, ascending

  /// The number of a cell now; throws std::out_of_range if the excerpt has it not.
  [[nodiscard]] geo::CellIndex find(geo::CellIndex before) const;
};

/// With the fleet and the options that the snapshot had. Throws std::runtime_error for bytes that
/// excerpt() did not write for such a fleet, std::invalid_argument as FleetPart does.
[[nodiscard]] Excerpt restore(std::string_view bytes, std::shared_ptr<const cache::Fleet> fleet,
                              const RoutingOptions& options);

}  // namespace edgeward::policy
