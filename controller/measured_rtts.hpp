#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "cache/edge.hpp"
#include "geo/address_map.hpp"
#include "geo/cell_rtts.hpp"
#include "geo/rtt_corrections.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::controller {

/// Reads a file of measured round trips (sim::read_rtt_observations) to the fleet's edges and fits
/// what they tell. Says how many were not taken, and why. Throws sim::InputError for a file that
/// cannot be read, or a fleet larger than geo::kRttSitesMax.
[[nodiscard]] geo::RttCorrections load_corrections(
    const std::filesystem::path& path, const cache::Fleet& fleet, const geo::AddressMap& map,
    const std::function<void(std::string_view)>& talk);

/// The map in which measured clients have cells of their own, as many as it can tell apart.
[[nodiscard]] std::shared_ptr<const geo::AddressMap> with_measured_clients(
    const geo::AddressMap& map, const geo::RttCorrections& corrections);

/// What the corrections say of each cell and its nearest edges. The fleet part's map must be one of
/// with_measured_clients(…, corrections).
[[nodiscard]] std::shared_ptr<const geo::CellRtts> cell_rtts(
    const policy::FleetPart& fleet, const geo::RttCorrections& corrections);

}  // namespace edgeward::controller
