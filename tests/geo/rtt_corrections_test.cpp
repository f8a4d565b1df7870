#include "geo/rtt_corrections.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::geo {

namespace {

/// Ten sites over Europe and one in Tokyo.
std::vector<GeoPoint> european_sites() {
  std::vector<GeoPoint> sites;
  for (int i = 0; i < 10; ++i) {
    sites.push_back({.lat_deg = 40.0 + 2 * i, .lon_deg = i % 2 == 0 ? 0.0 : 20.0});
  }
  sites.push_back({.lat_deg = 35.68, .lon_deg = 139.69});
  return sites;
}

constexpr GeoPoint kBerlin{.lat_deg = 52.52, .lon_deg = 13.40};

IpPrefix block(std::uint32_t number) {
  return IpPrefix::around(IpAddress::v4(0x0A00'0000 + number * 256), kClientLengthV4);
}

/// Observations of clients that are all as far off the model as they are told to be.
class World {
 public:
  World() : observations(european_sites()) {}

  void observe(std::uint32_t client, const GeoPoint& at, std::uint16_t site, double off_ms) {
    const double km = distance_km(at, observations.sites()[site]);
    const auto refused = observations.add({.client = block(client),
                                           .client_at = at,
                                           .site = site,
                                           .rtt_ms = model.estimate_ms(km) + off_ms});
    REQUIRE_FALSE(refused);
  }

  [[nodiscard]] RttCorrections corrections() const {
    return RttCorrections::build(model, observations);
  }

  /// By how much the estimate is off the model.
  [[nodiscard]] double correction(const RttCorrections& corrections, const GeoPoint& at,
                                  std::optional<std::uint32_t> client, std::uint16_t site) const {
    const double km = distance_km(at, observations.sites()[site]);
    const auto known = client ? corrections.find(block(*client)) : std::nullopt;
    return corrections.estimate_ms(at, known, site, km) - model.estimate_ms(km);
  }

  RttModel model;
  RttObservations observations;
};

}  // namespace

TEST_CASE("without observations an estimate is the model's") {
  const World world;
  for (const RttCorrections& corrections :
       {RttCorrections(world.model), world.corrections(), RttCorrections()}) {
    CHECK(corrections.prefixes().empty());
    for (const double km : {0.0, 300.0, 5000.0, 20'000.0, 1e9}) {
      CHECK(corrections.estimate_ms(kBerlin, std::nullopt, 3, km) == world.model.estimate_ms(km));
    }
  }
}

TEST_CASE("a slow access network counts at sites it was never measured to") {
  World world;
  for (std::uint16_t site = 0; site < 6; ++site) world.observe(1, kBerlin, site, 40);
  const auto corrections = world.corrections();
  for (std::uint16_t site = 6; site < 10; ++site) {
    const double own_ms = world.correction(corrections, kBerlin, 1, site);
    CHECK(own_ms > 25);
    CHECK(own_ms < 45);
  }
}

TEST_CASE("neighbours share a correction, the more the nearer they are") {
  World world;
  for (std::uint32_t client = 0; client < 5; ++client) {
    for (std::uint16_t site = 0; site < 8; ++site) world.observe(client, kBerlin, site, 40);
  }
  const auto corrections = world.corrections();
  const double here_ms = world.correction(corrections, kBerlin, 1, 9);
  const double near_ms =
      world.correction(corrections, {.lat_deg = 52.4, .lon_deg = 13.1}, std::nullopt, 9);
  const double region_ms =
      world.correction(corrections, {.lat_deg = 48.2, .lon_deg = 16.4}, std::nullopt, 9);
  const double far_ms =
      world.correction(corrections, {.lat_deg = -33.9, .lon_deg = 151.2}, std::nullopt, 9);
  INFO(here_ms << " " << near_ms << " " << region_ms << " " << far_ms);
  CHECK(here_ms > near_ms);
  CHECK(near_ms > region_ms);
  CHECK(region_ms > far_ms);
  CHECK(near_ms > 25);
}

TEST_CASE("what a client measures again and again is believed of it, whatever its neighbours say") {
  World world;
  for (std::uint32_t client = 1; client < 10; ++client) {
    for (std::uint16_t site = 0; site < 8; ++site) world.observe(client, kBerlin, site, 0);
  }
  world.observe(0, kBerlin, 3, 200);
  const double once_ms = world.correction(world.corrections(), kBerlin, 0, 3);
  for (int i = 0; i < 5; ++i) world.observe(0, kBerlin, 3, 200);
  const auto corrections = world.corrections();
  const double often_ms = world.correction(corrections, kBerlin, 0, 3);
  INFO(once_ms << " " << often_ms);
  CHECK(once_ms < 100);
  CHECK(often_ms > 150);
  CHECK(std::abs(world.correction(corrections, kBerlin, 1, 3)) < 5);
}

TEST_CASE("what a client says three times is not doubted any more") {
  const auto believed_ms = [](std::size_t times) {
    World world;
    for (std::uint32_t client = 1; client < 10; ++client) {
      for (std::uint16_t site = 0; site < 8; ++site) world.observe(client, kBerlin, site, 0);
    }
    for (std::size_t i = 0; i < times; ++i) world.observe(0, kBerlin, 3, 200);
    return world.correction(world.corrections(), kBerlin, 0, 3);
  };
  const double rest_ms = believed_ms(RttObservations::kPerClientMax);
  // n/(n+1) of the rest, and next to nothing before there are enough.
  CHECK(believed_ms(RttCorrections::kQuorum) > 0.75 * rest_ms);
  CHECK(believed_ms(RttCorrections::kQuorum + 1) > 0.8 * rest_ms);
  CHECK(believed_ms(RttCorrections::kQuorum - 1) < 0.5 * rest_ms);
}

TEST_CASE("what a client measured to one site counts for that site") {
  World world;
  const auto off_ms = [](std::uint16_t site) { return 25.0 * ((site * 5) % 9); };
  // Neighbours who see nothing of it: what is left to the client is all its own.
  for (std::uint32_t client = 2; client < 6; ++client) {
    for (std::uint16_t site = 0; site < 9; ++site) world.observe(client, kBerlin, site, 0);
  }
  for (int i = 0; i < 25; ++i) {
    for (std::uint16_t site = 0; site < 9; ++site) world.observe(1, kBerlin, site, off_ms(site));
  }
  const auto corrections = world.corrections();
  for (std::uint16_t site = 0; site < 9; ++site) {
    CAPTURE(site);
    // All of it but one part in twenty-six of what neither height nor field explain.
    CHECK(world.correction(corrections, kBerlin, 1, site) == Approx(off_ms(site)).margin(8));
  }
}

TEST_CASE("a crowd is no more certain than its first few") {
  const auto neighbour_ms = [](std::size_t clients) {
    World world;
    for (std::uint32_t client = 0; client < clients; ++client) {
      for (std::uint16_t site = 0; site < 8; ++site) world.observe(client, kBerlin, site, 40);
    }
    return world.correction(world.corrections(), kBerlin, std::nullopt, 9);
  };
  const double few_ms = neighbour_ms(RttCorrections::kCrowd);
  CHECK(neighbour_ms(RttCorrections::kCrowd / 2) < few_ms);
  CHECK(neighbour_ms(10 * RttCorrections::kCrowd) == few_ms);
}

TEST_CASE("a client is where it was located last") {
  const GeoPoint hamburg{.lat_deg = 53.55, .lon_deg = 10};
  for (const bool goes_there : {false, true}) {
    World world;
    world.observe(1, goes_there ? kBerlin : hamburg, goes_there ? 0 : 3, 20);
    world.observe(1, goes_there ? hamburg : kBerlin, goes_there ? 3 : 0, 20);
    const auto corrections = world.corrections();
    REQUIRE(corrections.places().size() == 1);
    CHECK(corrections.places()[0] == (goes_there ? hamburg : kBerlin));
  }
}

TEST_CASE("of many sites those count that are nearest to the place") {
  // A ring of sites around Berlin, one on the other side of the Earth for each.
  std::vector<GeoPoint> sites;
  for (std::size_t i = 0; i < kRttSitesPerPlaceMax; ++i) {
    const double at_deg = 360.0 * static_cast<double>(i) / kRttSitesPerPlaceMax;
    sites.push_back({.lat_deg = 50 + at_deg / 100, .lon_deg = at_deg / 20});
    sites.push_back({.lat_deg = -50 - at_deg / 100, .lon_deg = at_deg / 20 - 180});
  }
  const RttModel model;
  RttObservations observations(sites);
  for (std::uint32_t client = 0; client < 4; ++client) {
    for (std::uint16_t site = 0; site < sites.size(); ++site) {
      const double km = distance_km(kBerlin, sites[site]);
      REQUIRE_FALSE(observations.add({.client = block(client),
                                      .client_at = kBerlin,
                                      .site = site,
                                      .rtt_ms = model.estimate_ms(km) + (km < 5000 ? 40 : 0)}));
    }
  }
  const auto corrections = RttCorrections::build(model, observations);
  const double km = distance_km(kBerlin, sites[0]);
  CHECK(corrections.estimate_ms(kBerlin, std::nullopt, 0, km) - model.estimate_ms(km) ==
        Approx(40).margin(8));
}

TEST_CASE("a minority of lying clients does not move its neighbours") {
  World honest;
  World lied_to;
  for (std::uint32_t client = 0; client < 9; ++client) {
    for (std::uint16_t site = 0; site < 8; ++site) {
      honest.observe(client, kBerlin, site, 30);
      lied_to.observe(client, kBerlin, site, client < 4 ? 500 : 30);
    }
  }
  // Many words do not make many witnesses.
  for (int i = 0; i < 20; ++i) lied_to.observe(0, kBerlin, 3, 500);
  const auto before = honest.corrections();
  const auto after = lied_to.corrections();
  for (std::uint16_t site = 0; site < 10; ++site) {
    CHECK(lied_to.correction(after, kBerlin, std::nullopt, site) ==
          Approx(honest.correction(before, kBerlin, std::nullopt, site)).margin(3));
    CHECK(lied_to.correction(after, kBerlin, 8, site) ==
          Approx(honest.correction(before, kBerlin, 8, site)).margin(3));
  }
}

TEST_CASE("a place where all lie moves those around it little") {
  World world;
  const GeoPoint potsdam{.lat_deg = 52.0, .lon_deg = 12.6};
  for (std::uint16_t site = 0; site < 8; ++site) {
    world.observe(0, potsdam, site, site == 3 ? 400 : 0);
    world.observe(1, kBerlin, site == 3 ? 4 : site, 0);
    world.observe(2, {.lat_deg = 53.5, .lon_deg = 10}, site, 0);
    world.observe(3, {.lat_deg = 51.3, .lon_deg = 12.4}, site, 0);
  }
  const double moved_ms = world.correction(world.corrections(), kBerlin, 1, 3);
  INFO(moved_ms);
  CHECK(std::abs(moved_ms) < 40);
}

TEST_CASE("no estimate is faster than light, whatever was observed") {
  cache::Random random(3);
  World world;
  for (int i = 0; i < 2000; ++i) {
    const GeoPoint at{.lat_deg = random.unit() * 180 - 90, .lon_deg = random.unit() * 360 - 180};
    const auto site = static_cast<std::uint16_t>(random.below(world.observations.sites().size()));
    const double light_ms = light_rtt_ms(distance_km(at, world.observations.sites()[site]));
    REQUIRE_FALSE(world.observations.add(
        {.client = block(static_cast<std::uint32_t>(random.below(500))),
         .client_at = at,
         .site = site,
         .rtt_ms = random.below(2) == 0 ? light_ms + 0.1 : random.unit() * 1000 + light_ms}));
  }
  const auto corrections = world.corrections();
  CHECK(corrections.places().size() <= kRttPlacesMax);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const GeoPoint at{.lat_deg = random.unit() * 180 - 90, .lon_deg = random.unit() * 360 - 180};
    const auto client = corrections.client(at, i % 2 == 0 ? std::optional(i / 2) : std::nullopt);
    for (std::uint16_t site = 0; site < world.observations.sites().size(); ++site) {
      const double km = distance_km(at, world.observations.sites()[site]);
      const double estimate_ms = client.estimate_ms(site, km);
      REQUIRE(std::isfinite(estimate_ms));
      REQUIRE(estimate_ms >= light_rtt_ms(km));
      REQUIRE(estimate_ms <= kRttMsMax);
    }
  }
}

TEST_CASE("the order of observations does not matter, and every client is found by its block") {
  cache::Random random(5);
  std::vector<RttObservation> all;
  World world;
  for (std::uint32_t client = 0; client < 300; ++client) {
    const GeoPoint at{.lat_deg = random.unit() * 100 - 50, .lon_deg = random.unit() * 360 - 180};
    for (std::uint16_t site = 0; site < 10; site += 3) {
      world.observe(client, at, site, random.unit() * 80);
    }
  }
  all.assign(world.observations.accepted().begin(), world.observations.accepted().end());
  std::reverse(all.begin(), all.end());
  RttObservations reversed(european_sites());
  for (const RttObservation& one : all) REQUIRE_FALSE(reversed.add(one));
  const auto a = world.corrections();
  const auto b = RttCorrections::build(world.model, reversed);
  REQUIRE(a.prefixes().size() == 300);
  for (std::uint32_t i = 0; i < 300; ++i) {
    CHECK(a.find(a.prefixes()[i]) == i);
    CHECK(a.find(IpPrefix::around(a.prefixes()[i].last(), 128)) == i);
    for (std::uint16_t site = 0; site < 11; ++site) {
      REQUIRE(a.estimate_ms({}, i, site, 1000) == b.estimate_ms({}, i, site, 1000));
    }
  }
  CHECK_FALSE(a.find(*IpPrefix::parse("192.0.2.0/24")));
  CHECK_FALSE(a.find(*IpPrefix::parse("10.0.0.0/16")));
  CHECK(std::is_sorted(
      a.prefixes().begin(), a.prefixes().end(),
      [](const IpPrefix& x, const IpPrefix& y) { return x.address.bytes < y.address.bytes; }));
}

TEST_CASE("a client is the longest measured block that holds it, of its own family") {
  RttObservations observations(european_sites());
  for (const char* const text :
       {"10.1.0.0/16", "10.1.2.0/24", "::/48", "2001:db8::/32", "2001:db8:1::/48"}) {
    REQUIRE_FALSE(observations.add(
        {.client = *IpPrefix::parse(text), .client_at = kBerlin, .site = 0, .rtt_ms = 30}));
  }
  const auto corrections = RttCorrections::build({}, observations);
  const auto found = [&](const char* text) -> std::string {
    const auto client = corrections.find(*IpPrefix::parse(text));
    return client ? corrections.prefixes()[*client].text() : "none";
  };
  CHECK(found("10.1.2.77") == "10.1.2.0/24");
  CHECK(found("10.1.3.0/24") == "10.1.0.0/16");
  CHECK(found("10.1.0.0/16") == "10.1.0.0/16");
  CHECK(found("10.0.0.0/15") == "none");
  CHECK(found("10.2.0.0/24") == "none");
  CHECK(found("2001:db8:1:2::") == "2001:db8:1::/48");
  CHECK(found("2001:db8:2:2::") == "2001:db8::/32");
  CHECK(found("::1") == "::/48");
}

TEST_CASE("a site beyond those observed, or a client number that is none, gets the neighbourhood") {
  World world;
  world.observe(0, kBerlin, 0, 50);
  const auto corrections = world.corrections();
  CHECK(corrections.estimate_ms(kBerlin, 99, 0, 500) ==
        corrections.estimate_ms(kBerlin, std::nullopt, 0, 500));
  CHECK(corrections.estimate_ms(kBerlin, std::nullopt, 999, 500) == world.model.estimate_ms(500));
}

}  // namespace edgeward::geo
