#pragma once

#include <optional>
#include <string>
#include <vector>

#include "geo/country_centres.hpp"
#include "geo/locator.hpp"
#include "geo/point.hpp"
#include "geo/prefix_overrides.hpp"

namespace edgeward::controller {

/// What a command was told of where to look clients up.
struct LocatorFiles {
  std::vector<std::string> databases;  ///< none: the coarse world database that is shipped
  std::string overrides;               ///< CSV; empty: none
  std::optional<geo::GeoPoint> fallback;
};

/// Says on stderr which databases are used if none is named. Every function here throws
/// sim::InputError for what cannot be read; of a table with several errors, all are printed to
/// stderr before.
[[nodiscard]] geo::Locator load_locator(const LocatorFiles& files);

// Its parts, for those who compile them instead.
[[nodiscard]] std::vector<geo::Mmdb> open_databases(const std::vector<std::string>& paths);
[[nodiscard]] geo::PrefixOverrides load_overrides(const std::string& path);
[[nodiscard]] geo::CountryCentres load_country_centres();  ///< of the data folder

}  // namespace edgeward::controller
