#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/location.hpp"
#include "geo/mmdb.hpp"
#include "geo/point.hpp"

namespace edgeward::geo {

/// A place with the weight of what is there.
struct WeightedPlace {
  GeoPoint point;
  Country country = Country::none;
  double weight = 0;
};

/// The places that databases name, each record once, by how much of the address space lies there.
/// IPv4 weighs by addresses, all 2^32 of them 1; IPv6, whose space is too large to count, by
/// networks, all of them together v6_weight.
struct PlaceWeights {
  static constexpr std::uint32_t kNoPlace = 0xFFFF'FFFF;

  std::vector<WeightedPlace> places;
  double v6_network_weight = 0;  ///< of each

  [[nodiscard]] static double v4_weight(unsigned length);  ///< of a network; length in our form
};

/// Calls `each` with every network and the index of its place, kNoPlace where the record has no
/// point; networks that mmdb_network_fault refuses are left out. An error names the file.
[[nodiscard]] tl::expected<PlaceWeights, std::string> weigh_places(
    const std::vector<Mmdb>& databases, double v6_weight,
    const std::function<void(const IpPrefix&, std::uint32_t)>& each);

}  // namespace edgeward::geo
