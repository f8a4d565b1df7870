#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "geo/location.hpp"
#include "geo/point.hpp"

namespace edgeward::geo {

/// The zeros between tree and data section, which the tree's records count along.
inline constexpr std::uint32_t kMmdbSeparatorBytes = 16;

/// What a database says of a network. What it does not say is absent.
struct MmdbRecord {
  static constexpr std::size_t kCityBytesMax = 200;  ///< longer names are absent

  /// Valid. Exactly (0, 0) is taken for absent: writers without an idea write it, and nobody lives
  /// there.
  std::optional<GeoPoint> point;
  double accuracy_km = 0;  ///< 0: not said
  Country country = Country::none;
  std::uint32_t asn = 0;
  std::string city;  ///< in English; as the file has it, so escape it where it is shown

  bool operator==(const MmdbRecord&) const = default;
};

/// Decodes the record at an offset of a data section. Two layouts are read, and may be mixed:
/// MaxMind's own (location.latitude, location.accuracy_radius, country.iso_code, else
/// registered_country.iso_code, autonomous_system_number, city.names.en) and the flat one of the
/// ip-location-db packages (latitude, longitude, country_code, city, autonomous_system_number;
/// empty texts are absent). An error says what was found and what was expected: fields of another
/// type, coordinates outside the Earth, bytes that are no values.
[[nodiscard]] tl::expected<MmdbRecord, std::string> read_mmdb_record(
    std::span<const std::uint8_t> section, std::uint32_t offset);

}  // namespace edgeward::geo
