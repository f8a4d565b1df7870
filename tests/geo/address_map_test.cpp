#include "geo/address_map.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "cache/random.hpp"
#include "geo/address_map_builder.hpp"

namespace edgeward::geo {

namespace {

IpAddress random_address(cache::Random& random, bool is_v4) {
  if (is_v4) return IpAddress::v4(static_cast<std::uint32_t>(random.next()));
  IpAddress address;
  // Few different upper halves, so that networks meet, and some within one /64.
  for (std::size_t i = 0; i < 16; ++i) {
    const bool is_dense = i < 4 || (i >= 7 && i < 10);
    address.bytes[i] = static_cast<std::uint8_t>(is_dense ? random.below(3) : random.below(256));
  }
  address.bytes[0] = 0x26;  // carries no IPv4
  return address;
}

IpPrefix random_prefix(cache::Random& random) {
  const bool is_v4 = random.below(2) == 0;
  const auto length = static_cast<unsigned>(is_v4 ? 96 + random.below(33) : random.below(129));
  return IpPrefix::around(random_address(random, is_v4), std::max(length, 4U));
}

Location place(double lat, double lon) {
  return {.point = {lat, lon}, .source = LocationSource::mmdb};
}

/// The value of the longest prefix that holds the address, the last of equal ones; 0 if none.
std::uint32_t slow_find(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
  std::uint32_t best = 0;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const bool same_family =
        address.is_v4() == (prefixes[i].address.is_v4() && prefixes[i].length >= kV4LengthOffset);
    if (!same_family || !prefixes[i].contains(address)) continue;
    if (best == 0 || prefixes[i].length >= prefixes[best - 1].length) {
      best = static_cast<std::uint32_t>(i + 1);
    }
  }
  return best;
}

/// Addresses at and around the edges of a prefix, where slips would show.
std::vector<IpAddress> near_edges(const IpPrefix& prefix) {
  std::vector<IpAddress> result{prefix.address, prefix.last()};
  for (const int step : {-1, 1}) {
    IpAddress next = step < 0 ? prefix.address : prefix.last();
    for (std::size_t i = 16; i-- > 0;) {
      next.bytes[i] = static_cast<std::uint8_t>(next.bytes[i] + step);
      if (next.bytes[i] != (step < 0 ? 0xFF : 0)) break;
    }
    result.push_back(next);
  }
  return result;
}

}  // namespace

TEST_CASE("nested overrides answer as a search through all of them does") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    cache::Random random(seed);
    std::vector<IpPrefix> prefixes;
    PrefixOverrides overrides;
    for (std::size_t i = 0; i < 1 + seed * 3; ++i) {
      const bool repeats = i > 0 && random.below(10) == 0;
      prefixes.push_back(repeats ? prefixes[random.below(i)] : random_prefix(random));
      Location location = place(static_cast<double>(i % 80), static_cast<double>(i) / 8);
      location.source = LocationSource::override;
      overrides.entries.push_back({.prefix = prefixes.back(), .location = location});
    }
    const auto map = with_overrides(*AddressMapBuilder().build(), overrides);
    std::vector<IpAddress> addresses;
    for (const IpPrefix& prefix : prefixes) {
      for (const IpAddress& address : near_edges(prefix)) addresses.push_back(address);
    }
    for (int i = 0; i < 200; ++i) addresses.push_back(random_address(random, i % 2 == 0));
    for (const IpAddress& address : addresses) {
      const std::uint32_t expected = slow_find(prefixes, address);
      const Cell& cell = (*map)[map->find(address)];
      CAPTURE(address.text(), expected);
      if (expected == 0) {
        REQUIRE(cell.source == LocationSource::none);
      } else {
        REQUIRE(cell.location() == overrides.entries[expected - 1].location);
      }
    }
  }
}

TEST_CASE("the first layer that knows an address decides, later ones fill its holes") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    cache::Random random(seed);
    std::vector<std::vector<IpPrefix>> layers;
    AddressMapBuilder builder;
    for (double l = 0; l < 3; ++l) {
      // Disjoint and ascending, as databases give them.
      std::vector<IpPrefix> networks;
      for (int i = 0; i < 60; ++i) networks.push_back(random_prefix(random));
      std::sort(networks.begin(), networks.end(), [](const IpPrefix& a, const IpPrefix& b) {
        return a.address.bytes < b.address.bytes;
      });
      std::vector<IpPrefix> disjoint;
      for (const IpPrefix& network : networks) {
        const bool overlaps =
            std::any_of(disjoint.begin(), disjoint.end(), [&](const IpPrefix& other) {
              return other.contains(network.address) || network.contains(other.address);
            });
        if (!overlaps) disjoint.push_back(network);
      }
      NetworkLayer layer;
      for (std::size_t i = 0; i < disjoint.size(); ++i) {
        layer.places.push_back(place(l, static_cast<double>(i)));
        layer.append(disjoint[i], static_cast<std::uint32_t>(i));
      }
      builder.add(std::move(layer));
      layers.push_back(std::move(disjoint));
    }
    const auto map = std::move(builder).build();
    const auto expected = [&](const IpAddress& address) {
      for (std::size_t l = 0; l < layers.size(); ++l) {
        const std::uint32_t found = slow_find(layers[l], address);
        if (found != 0) return place(static_cast<double>(l), found - 1.0);
      }
      return Location{};
    };
    for (const auto& layer : layers) {
      for (const IpPrefix& network : layer) {
        for (const IpAddress& address : near_edges(network)) {
          CAPTURE(address.text());
          REQUIRE((*map)[map->find(address)].location() == expected(address));
        }
      }
    }
  }
}

TEST_CASE("the ends of both address lines are found") {
  NetworkLayer layer;
  layer.places = {place(1, 1), place(2, 2), place(3, 3), place(4, 4)};
  layer.append(*IpPrefix::parse("0.0.0.0/32"), 0);
  layer.append(*IpPrefix::parse("255.255.255.255/32"), 1);
  layer.append(*IpPrefix::parse("::/128"), 2);
  layer.append(*IpPrefix::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"), 3);
  AddressMapBuilder builder;
  builder.add(std::move(layer));
  const auto map = std::move(builder).build();
  const auto lat = [&](const char* text) {
    return (*map)[map->find(*IpAddress::parse(text))].lat_deg;
  };
  CHECK(lat("0.0.0.0") == 1);
  CHECK(lat("0.0.0.1") == 0);
  CHECK(lat("255.255.255.254") == 0);
  CHECK(lat("255.255.255.255") == 2);
  CHECK(lat("::") == 3);
  CHECK(lat("::1") == 0);
  CHECK(lat("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe") == 0);
  CHECK(lat("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == 4);
}

TEST_CASE("a zone alone leaves the location, a location alone leaves no zone") {
  NetworkLayer layer;
  layer.places = {place(48, 11)};
  layer.append(*IpPrefix::parse("192.0.2.0/24"), 0);
  AddressMapBuilder builder({.point = {1, 1}, .source = LocationSource::fallback});
  builder.add(std::move(layer));
  const auto base = std::move(builder).build();
  PrefixOverrides overrides;
  overrides.zones = {{"a", "b"}};
  overrides.entries = {{.prefix = *IpPrefix::parse("192.0.2.0/25"), .location = {}, .zone = 0},
                       {.prefix = *IpPrefix::parse("192.0.2.128/25"),
                        .location = {.point = {9, 9}, .source = LocationSource::override}}};
  const auto map = with_overrides(*base, overrides);
  const Cell& low = (*map)[map->find(*IpAddress::parse("192.0.2.1"))];
  CHECK(low.lat_deg == 48);
  CHECK(low.zone == 0);
  CHECK(map->zones()[low.zone] == std::vector<std::string>{"a", "b"});
  const Cell& high = (*map)[map->find(*IpAddress::parse("192.0.2.200"))];
  CHECK(high.lat_deg == 9);
  CHECK(high.zone == Cell::kNoZone);
  CHECK((*map)[map->find(*IpAddress::parse("198.51.100.1"))].source == LocationSource::fallback);
}

TEST_CASE("networks of equal location are one cell") {
  NetworkLayer layer;
  layer.places = {place(48, 11), place(48, 11), place(50, 8)};
  layer.append(*IpPrefix::parse("192.0.2.0/25"), 0);
  layer.append(*IpPrefix::parse("192.0.2.128/25"), 1);
  layer.append(*IpPrefix::parse("198.51.100.0/24"), 2);
  AddressMapBuilder builder;
  builder.add(std::move(layer));
  const auto map = std::move(builder).build();
  CHECK(map->cells().size() == 3);
  CHECK(map->find(*IpAddress::parse("192.0.2.1")) == map->find(*IpAddress::parse("192.0.2.200")));
}

TEST_CASE("a country's clients are at its centre, an unknown country's at the fallback") {
  AddressMapBuilder builder({.point = {1, 1}, .source = LocationSource::fallback});
  std::istringstream file("country,lat,lon,radius_km\nDE,51,10,300\n");
  const auto centres = CountryCentres::read(file, "countries.csv");
  REQUIRE(centres);
  builder.add_countries(*centres);
  const auto map = std::move(builder).build();
  const Cell& germany = (*map)[map->find(*parse_country("de"))];
  CHECK(germany.location() == centres->find(*parse_country("DE")));
  CHECK((*map)[map->find(*parse_country("ZZ"))].source == LocationSource::fallback);
  CHECK((*map)[map->find(Country::none)].source == LocationSource::fallback);
}

TEST_CASE("measured prefixes have cells of their own, in the place where they were") {
  NetworkLayer layer;
  layer.places = {place(48, 11)};
  layer.append(*IpPrefix::parse("192.0.2.0/24"), 0);
  AddressMapBuilder builder;
  builder.add(std::move(layer));
  const auto base = std::move(builder).build();
  const auto map =
      with_measured(*base, {*IpPrefix::parse("192.0.2.0/25"), *IpPrefix::parse("2001:db8::/48")});
  const auto cell = [&](const char* text) { return (*map)[map->find(*IpAddress::parse(text))]; };
  CHECK(cell("192.0.2.1").measured == 1);
  CHECK(cell("192.0.2.1").lat_deg == 48);
  CHECK(cell("192.0.2.129").measured == 0);
  CHECK(cell("2001:db8::1").measured == 2);
  CHECK(cell("2001:db8:1::1").measured == 0);
}

TEST_CASE("IPv4 inside IPv6 is found where the IPv4 address is") {
  NetworkLayer layer;
  layer.places = {place(48, 11), place(1, 1)};
  layer.append(*IpPrefix::parse("192.0.2.0/24"), 0);
  layer.append(*IpPrefix::parse("2002::/16"), 1);
  AddressMapBuilder builder;
  builder.add(std::move(layer));
  const auto map = std::move(builder).build();
  for (const char* const text : {"192.0.2.33", "::ffff:192.0.2.33", "2002:c000:0221::1",
                                 "64:ff9b::192.0.2.33", "2001:0:1:2:3:4:3fff:fdde"}) {
    CAPTURE(text);
    CHECK((*map)[map->find(*IpAddress::parse(text))].lat_deg == 48);
  }
}

TEST_CASE("a block is the widest around an address that lies in its cell") {
  const std::vector<IpPrefix> carriers{*IpPrefix::parse("::/64"), *IpPrefix::parse("64:ff9b::/64"),
                                       *IpPrefix::parse("2001::/32"),
                                       *IpPrefix::parse("2002::/16")};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    cache::Random random(seed);
    PrefixOverrides overrides;
    std::vector<IpAddress> edges;  // cells change nowhere else
    for (std::size_t i = 0; i < 1 + seed * 2; ++i) {
      IpPrefix prefix = random_prefix(random);
      // A /64 that is divided answers for single addresses.
      if (!prefix.address.is_v4()) prefix = IpPrefix::around(prefix.address, prefix.length / 2);
      Location location = place(static_cast<double>(i % 80), static_cast<double>(i) / 8);
      location.source = LocationSource::override;
      overrides.entries.push_back({.prefix = prefix, .location = location});
      for (const IpAddress& address : near_edges(prefix)) edges.push_back(address);
    }
    const auto map = with_overrides(*AddressMapBuilder().build(), overrides);
    std::vector<IpAddress> addresses = edges;
    for (int i = 0; i < 50; ++i) addresses.push_back(random_address(random, i % 2 == 0));
    for (const IpAddress& address : addresses) {
      const bool is_v4 = address.is_v4();
      if (!is_v4 && std::any_of(carriers.begin(), carriers.end(),
                                [&](const IpPrefix& one) { return one.contains(address); })) {
        continue;
      }
      const IpPrefix block = map->block(address);
      CAPTURE(address.text(), block.text());
      REQUIRE(block.contains(address));
      const auto is_of_cell = [&](const IpAddress& other) {
        return map->find(other) == map->find(address);
      };
      const auto is_one_cell = [&](const IpPrefix& part) {
        return is_of_cell(part.address) && is_of_cell(part.last()) &&
               std::all_of(edges.begin(), edges.end(), [&](const IpAddress& edge) {
                 return edge.is_v4() != is_v4 || !part.contains(edge) || is_of_cell(edge);
               });
      };
      REQUIRE(is_one_cell(block));
      if (block.length == (is_v4 ? kV4LengthOffset : 0)) continue;
      const IpPrefix wider = IpPrefix::around(address, block.length - 1);
      const bool reaches_v4 =
          !is_v4 && std::any_of(carriers.begin(), carriers.end(), [&](const IpPrefix& one) {
            return wider.contains(one.address) || one.contains(wider.address);
          });
      REQUIRE((reaches_v4 || !is_one_cell(wider)));
    }
  }
}

TEST_CASE("a block beside addresses that carry IPv4 ends before them") {
  NetworkLayer layer;
  layer.places = {place(48, 11)};
  layer.append(*IpPrefix::parse("2000::/3"), 0);
  AddressMapBuilder builder;
  builder.add(std::move(layer));
  const auto map = std::move(builder).build();
  const auto block = [&](const char* text) { return map->block(*IpAddress::parse(text)).text(); };
  CHECK(block("2001:db8::1") == "2001:800::/21");  // Teredo has 2001::/32, 6to4 2002::/16
  CHECK(block("2001:1::1") == "2001:1::/32");
  CHECK(block("2003::1") == "2003::/16");
  CHECK(block("2400::1") == "2400::/6");
  CHECK(block("3000::1") == "3000::/4");
  CHECK(block("64:ff9b:1::1") == "64:ff9b:1::/48");
  // Their own cell is that of the IPv4 address within.
  CHECK(block("2001::1") == "2001::1/128");
  CHECK(block("2002:c000:201::") == "2002:c000:201::/128");
  CHECK(block("192.0.2.1") == "0.0.0.0/0");
}

TEST_CASE("an area is a square of five degrees") {
  AddressMapBuilder builder({.point = {0.5, 0.5}, .source = LocationSource::fallback});
  NetworkLayer layer;
  cache::Random random(8);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    // Not on a border: cells are kept in single precision.
    const double row = static_cast<double>(random.below(36));
    const double column = static_cast<double>(random.below(72));
    layer.places.push_back(place(5 * (row + 0.1 + random.unit() * 0.8) - 90,
                                 5 * (column + 0.1 + random.unit() * 0.8) - 180));
    layer.append(IpPrefix::around(IpAddress::v4(i << 8), 120), i);
  }
  builder.add(std::move(layer));
  const auto map = std::move(builder).build();
  std::map<std::pair<double, double>, std::uint16_t> areas;
  std::set<std::uint16_t> numbers;
  for (const Cell& cell : map->cells()) {
    const std::pair square{std::floor(cell.lat_deg / 5), std::floor(cell.lon_deg / 5)};
    REQUIRE(areas.try_emplace(square, cell.area).first->second == cell.area);
    REQUIRE(cell.area < map->areas());
    numbers.insert(cell.area);
  }
  CHECK(areas.size() > 1500);
  CHECK(numbers.size() == areas.size());
  CHECK(map->areas() == areas.size());
}

}  // namespace edgeward::geo
