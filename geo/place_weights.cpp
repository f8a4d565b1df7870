#include "geo/place_weights.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "geo/mmdb_writer.hpp"

namespace edgeward::geo {

double PlaceWeights::v4_weight(unsigned length) {
  return std::ldexp(1.0, static_cast<int>(kV4LengthOffset) - static_cast<int>(length));
}

tl::expected<PlaceWeights, std::string> weigh_places(
    const std::vector<Mmdb>& databases, double v6_weight,
    const std::function<void(const IpPrefix&, std::uint32_t)>& each) {
  PlaceWeights result;
  std::vector<double> v6_networks;  // of each place
  for (const Mmdb& database : databases) {
    std::unordered_map<std::uint32_t, std::uint32_t> place_at;  // by offset
    std::string fault;
    const auto place_of = [&](std::uint32_t offset) {
      const auto [known, is_new] = place_at.emplace(offset, PlaceWeights::kNoPlace);
      if (!is_new) return known->second;
      const auto record = database.read(offset);
      if (!record) {
        if (fault.empty()) fault = record.error();
      } else if (record->point) {
        known->second = static_cast<std::uint32_t>(result.places.size());
        result.places.push_back({.point = *record->point, .country = record->country});
        v6_networks.push_back(0);
      }
      return known->second;
    };
    const auto done = database.visit([&](const Mmdb::Network& network) {
      if (!mmdb_network_fault(network.prefix).empty()) return;
      const std::uint32_t place = place_of(network.offset);
      each(network.prefix, place);
      if (place == PlaceWeights::kNoPlace) return;
      if (network.prefix.address.is_v4() && network.prefix.length >= kV4LengthOffset) {
        result.places[place].weight += PlaceWeights::v4_weight(network.prefix.length);
      } else {
        v6_networks[place] += 1;
      }
    });
    if (!done) return tl::unexpected(done.error());
    if (!fault.empty()) return tl::unexpected(fault);
  }
  const double all = std::accumulate(v6_networks.begin(), v6_networks.end(), 0.0);
  result.v6_network_weight = v6_weight / std::max(all, 1.0);
  for (std::size_t i = 0; i < v6_networks.size(); ++i) {
    result.places[i].weight += v6_networks[i] * result.v6_network_weight;
  }
  return result;
}

}  // namespace edgeward::geo
