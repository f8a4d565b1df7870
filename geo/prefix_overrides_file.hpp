#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "geo/prefix_overrides.hpp"

namespace edgeward::geo {

/// Reads what the operator knows of prefixes, as CSV whose header decides the columns:
///
///     prefix,lat,lon,country,accuracy_km,edges
///     203.0.113.0/24,52.52,13.40,DE,5,
///     2001:db8:5::/48,,,,,fra1|ams1
///
/// `prefix` is required, the others are optional; a row gives a location (lat and lon; country and
/// accuracy_km may be empty), a coverage zone (edges, best first, separated by | or blanks), or
/// both. Whether the edges exist is for the fleet to say. Otherwise as CsvReader reads. At most
/// kZoneEdgesMax edges a row, and 2^32 - 2 rows.
///
/// On errors, all of them (CsvReader::kErrorsMax at most), each "file:line: message".
[[nodiscard]] tl::expected<PrefixOverrides, std::vector<std::string>> read_prefix_overrides(
    std::istream& stream, const std::string& name);

inline constexpr std::size_t kZoneEdgesMax = 64;

}  // namespace edgeward::geo
