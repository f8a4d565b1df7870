#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "cache/edge.hpp"
#include "geo/address_map.hpp"
#include "geo/cell_rtts.hpp"
#include "geo/rtt_corrections.hpp"
#include "policy/snapshot.hpp"
#include "sim/rtt_lines.hpp"

namespace edgeward::controller {

/// Where a client is by the map, unless nobody knows.
[[nodiscard]] std::optional<geo::GeoPoint> known_place(const geo::IpPrefix& client,
                                                       const geo::AddressMap& map);

/// Fits measured round trips to the fleet's edges: those of a file (sim::read_rtt_observations), if
/// one is given, and `lines`. Says how many of the file were not taken, and why. Throws
/// sim::InputError for a file that cannot be read, or a fleet larger than geo::kRttSitesMax.
[[nodiscard]] geo::RttCorrections load_corrections(
    const std::optional<std::filesystem::path>& file, std::span<const sim::RttLine> lines,
    const cache::Fleet& fleet, const geo::AddressMap& map,
    const std::function<void(std::string_view)>& talk);

/// The map in which measured clients have cells of their own, as many as it can tell apart.
[[nodiscard]] std::shared_ptr<const geo::AddressMap> with_measured_clients(
    const geo::AddressMap& map, const geo::RttCorrections& corrections);

/// What the corrections say of each cell and its nearest edges. The fleet part's map must be one of
/// with_measured_clients(…, corrections).
[[nodiscard]] std::shared_ptr<const geo::CellRtts> cell_rtts(
    const policy::FleetPart& fleet, const geo::RttCorrections& corrections);

}  // namespace edgeward::controller
