#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/location.hpp"

namespace edgeward::geo {

/// What the operator knows better than any database: prefixes with a location, or with a coverage
/// zone (the edges that serve them). The longest prefix that holds an address decides;
/// of equal prefixes the last one given.
struct PrefixOverrides {
  static constexpr std::uint32_t kNoZone = 0xFFFF'FFFF;

  struct Entry {
    IpPrefix prefix;
    Location location;             ///< source override; none: the database's location stands
    std::uint32_t zone = kNoZone;  ///< index into zones
  };

  std::vector<Entry> entries;
  /// Names of the edges that serve a zone; scoring decides among them. Entries share them: a
  /// million prefixes with the same zone cost one list.
  std::vector<std::vector<std::string>> zones;
};

}  // namespace edgeward::geo
