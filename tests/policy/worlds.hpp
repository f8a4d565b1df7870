#pragma once

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache/random.hpp"
#include "geo/address_map_builder.hpp"
#include "policy/router.hpp"

namespace edgeward::policy {

inline cache::EdgeId edge_id(std::size_t i) {
  return cache::EdgeId{static_cast<std::uint16_t>(i)};
}

inline geo::GeoPoint random_point(cache::Random& random) {
  return {.lat_deg = std::asin(2 * random.unit() - 1) * 57.29577951308232,
          .lon_deg = random.unit() * 360 - 180};
}

/// A little world to route in: edges, clients whose /24 i lies in place i, and states to play with.
struct World {
  std::shared_ptr<cache::Fleet> fleet = std::make_shared<cache::Fleet>();
  RoutingOptions options;
  std::vector<geo::Location> places;
  geo::PrefixOverrides overrides;
  geo::Location fallback;
  std::vector<cache::EdgeState> states;
  std::shared_ptr<const cache::HitModel> hits;
  std::shared_ptr<const AdmitShares> shares;

  void add_edge(const std::string& name, const geo::GeoPoint& point) {
    fleet->edges.push_back({.name = name, .point = point});
    states.push_back({.load_ratio = 0.2, .mode = cache::EdgeMode::ready, .seen_at_ms = 0});
  }
  void add_place(const geo::GeoPoint& point, const char* country = "DE") {
    places.push_back({.point = point,
                      .country = *geo::parse_country(country),
                      .source = geo::LocationSource::mmdb});
  }

  /// An address in place i.
  [[nodiscard]] static geo::IpAddress client(std::size_t i, std::uint32_t host = 1) {
    return geo::IpAddress::v4(static_cast<std::uint32_t>(i + 1) << 8 | host);
  }

  [[nodiscard]] std::shared_ptr<const geo::AddressMap> map() const {
    geo::NetworkLayer layer;
    layer.places.assign(places.begin(), places.end());
    for (std::size_t i = 0; i < places.size(); ++i) {
      layer.append(geo::IpPrefix::around(client(i), 120), static_cast<std::uint32_t>(i));
    }
    geo::AddressMapBuilder builder(fallback);
    builder.add(std::move(layer));
    return geo::with_overrides(*std::move(builder).build(), overrides);
  }

  [[nodiscard]] Snapshot snapshot() const {
    Snapshot result{.version = 7};
    result.fleet = std::make_shared<const FleetPart>(fleet, options, map());
    result.live =
        std::make_shared<const std::vector<LiveEdge>>(live_edges(*result.fleet, states, 0));
    result.hits = hits;
    result.shares = shares;
    return result;
  }

  /// The same snapshot with the states of now: what a tick does.
  void update(Snapshot& snapshot) const {
    snapshot.live =
        std::make_shared<const std::vector<LiveEdge>>(live_edges(*snapshot.fleet, states, 0));
    snapshot.hits = hits;
    snapshot.shares = shares;
  }

  /// Edges and places at random; some of both close together.
  [[nodiscard]] static World random(cache::Random& random, std::size_t edges, std::size_t places) {
    World world;
    for (std::size_t i = 0; i < edges; ++i) {
      world.add_edge(fmt::format("e{}", i),
                     i % 2 == 0 ? random_point(random)
                                : geo::GeoPoint{45 + 10 * random.unit(), 20 * random.unit()});
      world.states.back().load_ratio = random.unit();
      world.states.back().bandwidth_used_bps = random.below(200'000'000'000);
    }
    for (std::size_t i = 0; i < places; ++i) {
      world.add_place(i % 2 == 0 ? random_point(random)
                                 : geo::GeoPoint{45 + 10 * random.unit(), 20 * random.unit()});
    }
    return world;
  }

  [[nodiscard]] static Request request(cache::Random& random, std::size_t places) {
    return {.client = client(random.below(places)),
            .content = cache::ContentId{random.next()},
            .size_bytes = random.below(1 << 20)};
  }
};

}  // namespace edgeward::policy
