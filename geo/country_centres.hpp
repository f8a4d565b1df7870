#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "geo/location.hpp"
#include "geo/mmdb.hpp"

namespace edgeward::geo {

/// Where a client is of whom only the country is known: at the place of that country nearest to its
/// addresses, within a radius that holds most of them. Immutable; find is a binary search.
class CountryCentres {
 public:
  CountryCentres() = default;

  /// CSV with the columns country,lat,lon,radius_km, as CsvReader reads. On errors, all of them,
  /// "file:line: message"; a country given twice is one.
  [[nodiscard]] static tl::expected<CountryCentres, std::vector<std::string>> read(
      std::istream& stream, const std::string& name);

  /// With source `country` and the radius as accuracy.
  [[nodiscard]] std::optional<Location> find(Country country) const;

  [[nodiscard]] const std::vector<Location>& all() const { return centres_; }
  /// From what databases say, by the addresses of each place (PlaceWeights): the place with the
  /// least sum of distances, and the radius that holds 80 % of the weight, at least 10 km. An error
  /// names the file.
  [[nodiscard]] static tl::expected<CountryCentres, std::string> derive(
      const std::vector<Mmdb>& databases);

  /// The table that read() reads.
  [[nodiscard]] std::string csv() const;

  [[nodiscard]] std::size_t size() const { return centres_.size(); }

 private:
  std::vector<Location> centres_;  ///< by country
};

}  // namespace edgeward::geo
