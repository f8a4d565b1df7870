#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/country_centres.hpp"
#include "geo/locator.hpp"
#include "geo/point.hpp"
#include "geo/prefix_overrides.hpp"

namespace edgeward::controller {

/// Where a command says what it does on the way: a sentence without an end of line.
using Talk = std::function<void(std::string_view)>;

/// What a command was told of where to look clients up.
struct LocatorFiles {
  std::vector<std::string> databases;  ///< none: the coarse world database that is shipped
  std::string overrides;               ///< CSV; empty: none
  std::optional<geo::GeoPoint> fallback;
};

/// Says on stderr which databases are used if none is named. Every function here throws
/// sim::InputError for what cannot be read; of a table with several errors, all are said before.
[[nodiscard]] geo::Locator load_locator(const LocatorFiles& files);

// Its parts, for those who compile them instead.
[[nodiscard]] std::vector<geo::Mmdb> open_databases(const std::vector<std::string>& paths);
[[nodiscard]] geo::PrefixOverrides load_overrides(const std::string& path, const Talk& talk);
/// Of the data folder.
[[nodiscard]] geo::CountryCentres load_country_centres(const Talk& talk);

}  // namespace edgeward::controller
