#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "geo/point.hpp"

namespace edgeward::geo {

/// An ISO 3166-1 alpha-2 country, its two letters packed; none is "not known".
enum class Country : std::uint16_t { none = 0 };

/// Two letters of any case; nothing for anything else.
[[nodiscard]] std::optional<Country> parse_country(std::string_view text);
/// Two capitals; empty for none.
[[nodiscard]] std::string to_text(Country country);

/// How a location came to be known.
enum class LocationSource : std::uint8_t {
  none,      ///< not known at all: no point
  override,  ///< the operator's prefix file said it
  mmdb,      ///< a database
  country,   ///< the centre of a country, from a country code alone
  fallback,  ///< the configured location for clients of which nothing is known
};
[[nodiscard]] std::string_view name(LocationSource source);

/// Where a client is, how sure that is, and how it is known.
struct Location {
  GeoPoint point;
  /// Radius within which the client is likely to be; 0 if the source does not say. A country's
  /// centre has the country's radius, hundreds of kilometres, by which it can be told from a city.
  double accuracy_km = 0;
  Country country = Country::none;
  std::uint32_t asn = 0;  ///< autonomous system; 0 if not known
  LocationSource source = LocationSource::none;

  bool operator==(const Location&) const = default;
};

}  // namespace edgeward::geo
