#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "cache/random.hpp"
#include "geo/address_map_builder.hpp"
#include "geo/cell_sites.hpp"
#include "geo/locator.hpp"
#include "geo/mmdb_writer.hpp"
#include "tests/instrumented.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

/// The database that is shipped: real networks of both families.
Mmdb world() {
  auto database = Mmdb::open(std::string(EDGEWARD_SOURCE_DIR) + "/data/geo/world.mmdb");
  REQUIRE(database);
  return std::move(*database);
}

/// Half anywhere, half in networks that the database has: IPv6 is mostly empty.
std::vector<IpAddress> random_addresses(const Mmdb& database, std::size_t count) {
  std::vector<IpPrefix> networks;
  REQUIRE(database.visit([&](const auto& found) { networks.push_back(found.prefix); }));
  cache::Random random(17);
  std::vector<IpAddress> addresses;
  for (std::size_t i = 0; i < count; ++i) {
    IpAddress address;
    if (i % 4 == 0) {
      address = IpAddress::v4(static_cast<std::uint32_t>(random.next()));
    } else if (i % 4 == 1) {
      for (auto& byte : address.bytes) byte = static_cast<std::uint8_t>(random.next());
      address.bytes[0] = static_cast<std::uint8_t>(0x20 | (address.bytes[0] & 0x1F));
    } else {
      const IpPrefix& network = networks[random.below(networks.size())];
      address = network.address;
      const IpAddress last = network.last();
      for (std::size_t b = 0; b < 16; ++b) {
        const auto host = static_cast<std::uint8_t>(last.bytes[b] ^ network.address.bytes[b]);
        address.bytes[b] = static_cast<std::uint8_t>(
            address.bytes[b] | (static_cast<std::uint8_t>(random.next()) & host));
      }
    }
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

TEST_CASE("compiled cells say of 100,000 random addresses what the database and a search say") {
  const Mmdb database = world();
  auto read = read_layer(database, CountryCentres());
  REQUIRE(read);
  CHECK(read->unreadable == 0);
  AddressMapBuilder builder;
  builder.add(std::move(read->layer));
  const auto map = std::move(builder).build();
  cache::Random random(3);
  std::vector<GeoPoint> sites;
  for (int i = 0; i < 500; ++i) {
    sites.push_back(
        (*map)[static_cast<CellIndex>(random.below(map->cells().size()))].location().point);
  }
  const CellSites nearest(map->cells(), sites);
  const SiteTree tree(sites);
  std::size_t located_v4 = 0;
  std::size_t located_v6 = 0;
  constexpr std::size_t kAddresses = test::kIsInstrumented ? 10'000 : 100'000;
  const auto addresses = random_addresses(database, kAddresses);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    CAPTURE(addresses[i].text());
    const CellIndex cell = map->find(addresses[i]);
    const auto found = database.find(addresses[i].unwrapped());
    REQUIRE(found);
    if (!*found || !(*found)->record.point) {
      REQUIRE((*map)[cell].source == LocationSource::none);
      continue;
    }
    ++(addresses[i].is_v4() ? located_v4 : located_v6);
    const Location location = (*map)[cell].location();
    const GeoPoint& at = *(*found)->record.point;
    REQUIRE(location.point.lat_deg == Approx(at.lat_deg).margin(1e-5));
    REQUIRE(location.point.lon_deg == Approx(at.lon_deg).margin(1e-5));
    REQUIRE(location.country == (*found)->record.country);
    // Distances decide, not numbers: sites may be equally far.
    std::vector<double> expected;
    for (const GeoPoint& site : sites) expected.push_back(distance_km(at, site));
    std::partial_sort(expected.begin(), expected.begin() + CellSites::kSitesMax, expected.end());
    const auto compiled = nearest.nearest(cell);
    const auto searched = tree.nearest(at, CellSites::kSitesMax);
    for (std::size_t k = 0; k < CellSites::kSitesMax; ++k) {
      REQUIRE(distance_km(at, sites[compiled[k]]) == Approx(expected[k]).margin(0.02));
      REQUIRE(distance_km(at, sites[searched[k]]) == Approx(expected[k]).margin(1e-6));
    }
  }
  CHECK(located_v4 > kAddresses * 3 / 10);
  CHECK(located_v6 > kAddresses / 5);
}

TEST_CASE("compiled databases place clients where the locator does") {
  const Location fallback{.point = {1, 2}, .source = LocationSource::fallback};
  const auto centres = [] {
    std::istringstream table("country,lat,lon,radius_km\nDE,51,10,300\nFR,46.5,2.5,400\n");
    return CountryCentres::read(table, "centres").value();
  }();
  const std::array countries{*parse_country("DE"), *parse_country("FR")};
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    cache::Random random(seed);
    const auto random_address = [&] {
      IpAddress address = IpAddress::v4(static_cast<std::uint32_t>(random.below(256)) << 24);
      if (random.below(2) == 0) {
        address = *IpAddress::parse("2a00::");
        address.bytes[1] = static_cast<std::uint8_t>(random.below(256));
      }
      return address;
    };
    test::TemporaryFolder folder;
    AddressMapBuilder builder(fallback);
    Locator::Parts parts{.centres = centres, .fallback = fallback.point};
    for (const char* const name : {"first.mmdb", "second.mmdb"}) {
      MmdbContents contents;
      for (std::uint32_t i = 0; i < 24; ++i) {
        // A point, a country alone, or neither.
        MmdbRecord record;
        const std::uint64_t kind = random.below(3);
        if (kind < 2) record.country = countries[random.below(2)];
        if (kind == 0) {
          record.point = GeoPoint{static_cast<double>(random.below(80)), 1 + i / 4.0};
          record.accuracy_km = static_cast<double>(random.below(100));
        }
        if (kind == 2) record.asn = 64500;
        contents.records.push_back(record);
        const IpAddress at = random_address();
        const unsigned length = (at.is_v4() ? 96 : 8) + 1 + static_cast<unsigned>(random.below(8));
        contents.networks.push_back({.prefix = IpPrefix::around(at, length), .record = i});
      }
      auto database = Mmdb::open(folder.write(name, write_mmdb(contents).value()).string());
      REQUIRE(database);
      auto read = read_layer(*database, centres);
      REQUIRE(read);
      builder.add(std::move(read->layer));
      parts.databases.push_back(std::move(*database));
    }
    const auto map = std::move(builder).build();
    const Locator locator(std::move(parts));
    std::set<LocationSource> sources;
    for (int i = 0; i < 500; ++i) {
      const IpAddress address = random_address();
      CAPTURE(address.text());
      Location expected = locator.locate(address).location;
      expected.asn = 0;  // which no cell has
      REQUIRE((*map)[map->find(address)].location() == expected);
      sources.insert(expected.source);
    }
    CHECK(sources.size() == 3);
  }
}

TEST_CASE("a search that forgets a site would be noticed") {
  // The check above compares distances; one site left out must change them somewhere.
  const std::vector<GeoPoint> sites{{0, 0}, {0, 1}, {0, 2}};
  const std::vector<std::uint8_t> forgets_one{0, 1, 0};
  const std::vector<Cell> cells(1);
  const CellSites nearest(cells, sites, forgets_one);
  const auto found = nearest.nearest(0);
  CHECK(distance_km({0, 0}, sites[found[1]]) > distance_km({0, 0}, sites[1]) + 1);
}

}  // namespace edgeward::geo
