#include "geo/country_centres.hpp"

#include <algorithm>
#include <istream>
#include <set>

#include "geo/csv_reader.hpp"

namespace edgeward::geo {

tl::expected<CountryCentres, std::vector<std::string>> CountryCentres::read(
    std::istream& stream, const std::string& name) {
  CsvReader rows(stream, name,
                 {.required = {"country", "lat", "lon", "radius_km"}, .optional = {}});
  CountryCentres result;
  std::set<Country> seen;
  while (rows.next()) {
    const auto country = rows.country("country");
    const auto point = rows.point();
    const auto radius_km = rows.number("radius_km", 0, kDistanceKmMax);
    if (!rows.is_good()) continue;
    if (!country || !point || !radius_km) {
      rows.fault("an empty field, expected country,lat,lon,radius_km");
    } else if (!seen.insert(*country).second) {
      rows.fault(to_text(*country) + " is given twice");
    } else {
      result.centres_.push_back({.point = *point,
                                 .accuracy_km = *radius_km,
                                 .country = *country,
                                 .source = LocationSource::country});
    }
  }
  if (!rows.errors().empty()) return tl::unexpected(rows.errors());
  std::sort(result.centres_.begin(), result.centres_.end(),
            [](const Location& a, const Location& b) { return a.country < b.country; });
  return result;
}

std::optional<Location> CountryCentres::find(Country country) const {
  const auto found =
      std::lower_bound(centres_.begin(), centres_.end(), country,
                       [](const Location& each, Country wanted) { return each.country < wanted; });
  if (country == Country::none || found == centres_.end() || found->country != country) {
    return std::nullopt;
  }
  return *found;
}

}  // namespace edgeward::geo
