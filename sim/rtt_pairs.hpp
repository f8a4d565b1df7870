#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "geo/point.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::sim {

struct City {
  std::string name;
  geo::GeoPoint point;
};

/// A measured round trip between two cities, by their numbers.
struct RttPair {
  std::size_t a = 0;
  std::size_t b = 0;
  double km = 0;  ///< great circle, from the coordinates
  double rtt_ms = 0;
  bool is_suspect = false;  ///< the file says so; not used
};

/// What a row of a pairs file was left out for.
enum class PairFault : std::uint8_t {
  bad_row,       ///< not as many cells as the header, or a quote that does not close
  bad_city,      ///< no name, no point on Earth, or another one than before
  bad_rtt,       ///< no number; of a row not suspect, 0 or less or above kRttMsMax
  bad_distance,  ///< differs from that of the coordinates by more than 2 % + 2 km
  bad_suspect,   ///< neither 0 nor 1
  same_city,     ///< from a city to itself
  repeated,      ///< the two cities had a row before, in either direction
};
inline constexpr std::size_t kPairFaults = 7;
[[nodiscard]] std::string_view name(PairFault fault);

struct BadRow {
  std::size_t line = 0;  ///< from 1
  std::string message;   ///< may quote the file: escape it before it is shown
};

/// A file of measured pairs, read whole.
struct RttPairs {
  static constexpr std::size_t kBadRowsShown = 5;

  std::vector<City> cities;  ///< in order of appearance
  std::vector<RttPair> pairs;
  std::array<std::uint64_t, kPairFaults> faults{};
  std::vector<BadRow> first_bad;  ///< at most kBadRowsShown
};

/// Cities that an evaluation takes (each can be an edge): more are an error.
inline constexpr std::size_t kPairCitiesMax = 1024;

/// Reads a table separated by commas (RFC 4180) with the columns a, b, lat_a, lon_a, lat_b, lon_b,
/// distance_km, rtt_avg_ms and suspect, in any order; others are passed over. Bad rows are counted
/// by reason. Throws InputError, with `name`, for a header that lacks a column or names one twice,
/// for more than kPairCitiesMax cities, and for a file without a usable row.
[[nodiscard]] RttPairs read_rtt_pairs(ByteSource& source, std::string_view name);

}  // namespace edgeward::sim
