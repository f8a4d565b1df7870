#include "policy/router.hpp"

#include <catch2/catch.hpp>

#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

namespace {

/// Three edges around the client in Frankfurt, one in Tokyo.
World europe() {
  World world;
  world.add_edge("fra1", {50.03, 8.57});
  world.add_edge("ams1", {52.31, 4.76});
  world.add_edge("cdg1", {49.01, 2.55});
  world.add_edge("nrt1", {35.76, 140.39});
  world.add_place({50.11, 8.68});
  return world;
}

Request asks(std::uint64_t content, std::size_t place = 0) {
  return {.client = World::client(place), .content = cache::ContentId{content}};
}

}  // namespace

TEST_CASE("the nearest of equal edges serves, and the answer says why and who else could") {
  World world = europe();
  world.options.spread_epsilon_score = 0;
  const Decision decision = route(asks(1), world.snapshot());
  CHECK(decision.edge == edge_id(0));
  CHECK(decision.reason == Reason::best_score);
  CHECK(decision.distance_km == Approx(11.9).margin(0.5));
  CHECK(decision.terms[0] == Approx(1 - decision.distance_km / 1000).margin(1e-5));
  CHECK(decision.terms[1] == 0.5F);
  CHECK(decision.terms[2] == Approx(0.8));
  CHECK(decision.terms[3] == 1);
  CHECK(decision.runners_up[0].edge == edge_id(1));
  CHECK(decision.runners_up[1].edge == edge_id(2));
  CHECK(decision.runners_up[2].edge == cache::kNoEdge);
  CHECK(decision.snapshot_version == 7);
}

TEST_CASE("a cache that holds the content outweighs some distance") {
  World world = europe();
  cache::HitModelWriter writer(4, 100);
  for (std::size_t e = 0; e < 4; ++e) {
    writer.set_edge(edge_id(e), {.is_inventory_known = true});
  }
  writer.set_held(cache::ContentId{9}, edge_id(2), true);
  world.hits = writer.publish();
  CHECK(route(asks(9), world.snapshot()).edge == edge_id(2));
  // What nobody is known to hold goes by distance.
  CHECK(route(asks(8), world.snapshot()).edge == edge_id(0));
}

TEST_CASE("too few edges within the radius widen it") {
  World world = europe();
  world.states[1].mode = cache::EdgeMode::down;
  world.states[0].mode = cache::EdgeMode::drain;
  const Decision decision = route(asks(1), world.snapshot());
  CHECK(decision.edge == edge_id(2));
  CHECK(decision.reason == Reason::widened);
  // All that is left is in: Tokyo too.
  CHECK(decision.runners_up[0].edge == edge_id(3));
}

TEST_CASE("where no edge may serve, the service's rule decides") {
  World world = europe();
  for (auto& state : world.states) state.mode = cache::EdgeMode::unknown;
  CHECK(route(asks(1), world.snapshot()).edge == cache::kNoEdge);
  CHECK(route(asks(1), world.snapshot()).reason == Reason::no_edge);
  world.options.services[0].all_down = AllDownRule::all;
  CHECK(route(asks(1), world.snapshot()).edge == edge_id(0));
  CHECK(route(asks(1), world.snapshot()).reason == Reason::last_resort);
  world.options.services[0].all_down = AllDownRule::last_resort;
  world.options.services[0].last_resort = edge_id(3);
  CHECK(route(asks(1), world.snapshot()).edge == edge_id(3));
  CHECK(route(asks(1), world.snapshot()).reason == Reason::last_resort);
}

TEST_CASE("a service is refused to countries it is not for, whatever its all-down rule") {
  World world = europe();
  world.add_place({48.85, 2.35}, "FR");
  Service& service = world.options.services[0];
  service.all_down = AllDownRule::all;
  service.countries_denied = {*geo::parse_country("FR")};
  CHECK(route(asks(1, 0), world.snapshot()).edge != cache::kNoEdge);
  CHECK(route(asks(1, 1), world.snapshot()).reason == Reason::no_edge);
  service.countries_denied.clear();
  service.countries_allowed = {*geo::parse_country("FR")};
  CHECK(route(asks(1, 0), world.snapshot()).reason == Reason::no_edge);
  CHECK(route(asks(1, 1), world.snapshot()).edge != cache::kNoEdge);
  service.countries_denied = service.countries_allowed;
  CHECK(route(asks(1, 1), world.snapshot()).reason == Reason::no_edge);
  const Explanation why = explain(asks(1, 0), world.snapshot());
  CHECK(why.considered.at(0).exclusion == Exclusion::country);
}

TEST_CASE("an edge that lacks the service does not serve it, and others do") {
  World world = europe();
  world.options.services.push_back({.name = "video"});
  world.fleet->edges[0].services = {"default"};
  Request request = asks(1);
  CHECK(route(request, world.snapshot()).edge == edge_id(0));
  request.service = 1;
  CHECK(route(request, world.snapshot()).edge == edge_id(1));
}

TEST_CASE("a coverage zone takes the place of distance") {
  World world = europe();
  world.overrides.zones = {{"nrt1", "gone"}};
  world.overrides.entries = {{.prefix = geo::IpPrefix::around(World::client(0), 120), .zone = 0}};
  CHECK(route(asks(1), world.snapshot()).edge == edge_id(3));
  CHECK(route(asks(1), world.snapshot()).reason == Reason::override);
  // Its edges away, the client is anybody's.
  world.states[3].mode = cache::EdgeMode::down;
  CHECK(route(asks(1), world.snapshot()).edge == edge_id(0));
  CHECK(route(asks(1), world.snapshot()).reason == Reason::best_score);
}

TEST_CASE("of a coverage zone as many edges count as candidates may be scored") {
  World world;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 40; ++i) {
    names.push_back(fmt::format("e{}", 39 - i));
    world.add_edge(fmt::format("e{}", i), {50, 8});
  }
  world.add_place({50, 8});
  world.overrides.zones = {names};
  world.overrides.entries = {{.prefix = geo::IpPrefix::around(World::client(0), 120), .zone = 0}};
  const Snapshot snapshot = world.snapshot();
  REQUIRE(snapshot.fleet->zone(0).size() == kCandidatesMax);
  // Those that are named first.
  for (std::size_t i = 0; i < kCandidatesMax; ++i) {
    CHECK(snapshot.fleet->zone(0)[i] == edge_id(39 - i));
  }
}

TEST_CASE("a client of whom nothing is known is served from the fallback location") {
  World world = europe();
  world.fallback = {.point = {35, 139}, .source = geo::LocationSource::fallback};
  const Request request{.client = *geo::IpAddress::parse("203.0.113.9"),
                        .content = cache::ContentId{1}};
  CHECK(route(request, world.snapshot()).edge == edge_id(3));
  CHECK(route(request, world.snapshot()).reason == Reason::fallback_location);
}

TEST_CASE("equals share the catalogue, each with keys of its own that all neighbours agree on") {
  World world;
  for (std::size_t i = 0; i < 4; ++i) {
    world.add_edge(fmt::format("e{}", i), {50, 8 + 0.01 * static_cast<double>(i)});
  }
  world.add_place({50, 8.02});
  world.add_place({50.01, 8.03});
  const Snapshot snapshot = world.snapshot();
  std::vector<int> keys(4);
  int agreed = 0;
  for (std::uint64_t content = 1; content <= 4000; ++content) {
    const Decision decision = route(asks(content * 0x9E3779B97F4A7C15), snapshot);
    ++keys[cache::index(decision.edge)];
    agreed += route(asks(content * 0x9E3779B97F4A7C15, 1), snapshot).edge == decision.edge ? 1 : 0;
  }
  for (const int count : keys) CHECK(count == Approx(1000).epsilon(0.15));
  CHECK(agreed > 3700);
}

TEST_CASE("an admit share passes on just what it does not take, as overflow") {
  World world = europe();
  world.options.spread_epsilon_score = 0;
  Snapshot snapshot = world.snapshot();
  auto shares = std::make_shared<AdmitShares>(snapshot.fleet->map().areas(), 4);
  const std::uint16_t area = snapshot.fleet->map()[route(asks(1), snapshot).cell].area;
  shares->set(area, edge_id(0), 0.3);
  snapshot.shares = shares;
  int taken = 0;
  int overflown = 0;
  for (std::uint64_t content = 1; content <= 10'000; ++content) {
    const Decision decision = route(asks(content * 0x9E3779B97F4A7C15), snapshot);
    CHECK(decision.wanted == edge_id(0));
    taken += decision.edge == edge_id(0) ? 1 : 0;
    overflown += decision.edge == edge_id(1) && decision.reason == Reason::overflow ? 1 : 0;
    if (decision.edge != edge_id(1)) continue;
    // The edge that was passed over is the next best all the same.
    CHECK(decision.runners_up[0].edge == edge_id(0));
    CHECK(decision.runners_up[1].edge == edge_id(2));
  }
  CHECK(taken == Approx(3000).epsilon(0.06));
  CHECK(taken + overflown == 10'000);
}

TEST_CASE("the share of a request does not depend on when it is asked, but on who asks for what") {
  World world = europe();
  Snapshot snapshot = world.snapshot();
  auto shares = std::make_shared<AdmitShares>(snapshot.fleet->map().areas(), 4);
  for (std::uint16_t area = 0; area < shares->areas(); ++area) shares->set(area, edge_id(0), 0.5);
  snapshot.shares = shares;
  for (std::uint64_t content = 1; content <= 200; ++content) {
    Request request = asks(content);
    const Decision first = route(request, snapshot);
    request.at_ms = 123'456;
    CHECK(route(request, snapshot) == first);
  }
}

TEST_CASE("a network has one share of a content, which others do not have") {
  World world = europe();
  world.places.clear();
  for (int i = 0; i < 400; ++i) world.add_place({50.11, 8.68});
  world.fallback = {.point = {50.11, 8.68}, .source = geo::LocationSource::fallback};
  world.options.spread_epsilon_score = 0;
  Snapshot snapshot = world.snapshot();
  auto shares = std::make_shared<AdmitShares>(snapshot.fleet->map().areas(), 4);
  for (std::uint16_t area = 0; area < shares->areas(); ++area) shares->set(area, edge_id(0), 0.5);
  snapshot.shares = shares;
  const auto is_taken = [&](const geo::IpAddress& client) {
    return route({.client = client, .content = cache::ContentId{5}}, snapshot).edge == edge_id(0);
  };
  int v4_taken = 0;
  int v6_taken = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    const bool takes_v4 = is_taken(World::client(i));
    geo::IpAddress v6 = *geo::IpAddress::parse("2a00::1");
    v6.bytes[4] = static_cast<std::uint8_t>(i / 256);
    v6.bytes[5] = static_cast<std::uint8_t>(i);
    const bool takes_v6 = is_taken(v6);
    v4_taken += takes_v4 ? 1 : 0;
    v6_taken += takes_v6 ? 1 : 0;
    // One /24 and one /48 each.
    for (const std::uint32_t host : {0U, 2U, 77U, 255U}) {
      REQUIRE(is_taken(World::client(i, host)) == takes_v4);
      v6.bytes[6] = v6.bytes[7] = v6.bytes[15] = static_cast<std::uint8_t>(host);
      REQUIRE(is_taken(v6) == takes_v6);
    }
  }
  // Of 400 coins, five standard deviations.
  CHECK(v4_taken == Approx(200).margin(50));
  CHECK(v6_taken == Approx(200).margin(50));
}

TEST_CASE("of equally good edges the one with the lower number serves") {
  World world;
  for (int i = 0; i < 12; ++i) world.add_edge(fmt::format("e{}", i), {50, 8});
  world.add_place({50.1, 8.1});
  world.options.spread_epsilon_score = 0;
  world.options.spread_epsilon_ms = 0;
  for (const Scoring scoring : {Scoring::weighted, Scoring::latency, Scoring::nearest}) {
    world.options.scoring = scoring;
    const Decision decision = route(asks(1), world.snapshot());
    CHECK(decision.edge == edge_id(0));
    for (std::size_t i = 0; i < decision.runners_up.size(); ++i) {
      CHECK(decision.runners_up[i].edge == edge_id(i + 1));
    }
  }
}

TEST_CASE("of several reasons the first counts: zone, fallback, widened, overflow") {
  World world = europe();
  world.fallback = {.point = {50.11, 8.68}, .source = geo::LocationSource::fallback};
  world.options.spread_epsilon_score = 0;
  // Frankfurt takes nobody, and there are too few edges around it.
  world.states[2].mode = cache::EdgeMode::down;
  const auto reason = [&](const Request& request) {
    Snapshot snapshot = world.snapshot();
    auto shares = std::make_shared<AdmitShares>(snapshot.fleet->map().areas(), 4);
    for (std::uint16_t area = 0; area < shares->areas(); ++area) shares->set(area, edge_id(0), 0);
    snapshot.shares = shares;
    const Decision decision = route(request, snapshot);
    CHECK(decision.wanted == edge_id(0));
    CHECK(decision.edge == edge_id(1));
    return decision.reason;
  };
  CHECK(reason(asks(1)) == Reason::widened);
  Request unlocated = asks(1);
  unlocated.client = *geo::IpAddress::parse("203.0.113.9");
  CHECK(reason(unlocated) == Reason::fallback_location);
  world.options.candidates_min = 2;
  CHECK(reason(asks(1)) == Reason::overflow);
  CHECK(reason(unlocated) == Reason::fallback_location);
  world.overrides.zones = {{"fra1", "ams1"}};
  world.overrides.entries = {{.prefix = geo::IpPrefix::around(World::client(0), 120), .zone = 0}};
  CHECK(reason(asks(1)) == Reason::override);
}

TEST_CASE("random sends every request anywhere among the candidates") {
  World world = europe();
  world.options.scoring = Scoring::random;
  const Snapshot snapshot = world.snapshot();
  std::vector<int> requests(4);
  Request request = asks(1);
  for (request.at_ms = 0; request.at_ms < 3000; ++request.at_ms) {
    ++requests[cache::index(route(request, snapshot).edge)];
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(requests[i] == Approx(1000).margin(130));
  CHECK(requests[3] == 0);
}

TEST_CASE("the latency score adds up the way to the client and the way behind the edge") {
  World world = europe();
  world.options.scoring = Scoring::latency;
  world.options.spread_epsilon_ms = 0;
  world.fleet->origin = {.point = {50.03, 8.57}, .service_ms = 20};
  Request request = asks(1);
  request.size_bytes = 12'500'000;  // 1 ms at 100 Gbit/s
  const Decision decision = route(request, world.snapshot());
  CHECK(decision.edge == edge_id(0));
  const geo::RttModel rtt;
  CHECK(decision.terms[0] == Approx(rtt.estimate_ms(decision.distance_km)));
  CHECK(decision.terms[1] == Approx(erlang_c_wait_ms(0.2, 64, 2)).margin(1e-6));
  CHECK(decision.terms[2] == Approx(0.5 * (rtt.estimate_ms(0) + 20)));
  CHECK(decision.terms[3] == Approx(1));
  CHECK(decision.score ==
        Approx(decision.terms[0] + decision.terms[1] + decision.terms[2] + decision.terms[3]));
}

TEST_CASE("what an edge holds costs no way behind it, what it lacks the whole") {
  World world = europe();
  world.options.scoring = Scoring::latency;
  cache::HitModelWriter writer(4, 100);
  for (std::size_t e = 0; e < 4; ++e) {
    writer.set_edge(edge_id(e), {.is_inventory_known = true});
  }
  writer.set_held(cache::ContentId{9}, edge_id(1), true);
  world.hits = writer.publish();
  const Snapshot snapshot = world.snapshot();
  const Explanation why = explain(asks(9), snapshot);
  for (std::size_t i = 0; i < 3; ++i) {
    const Considered& one = why.considered[i];
    const double way_ms = (*snapshot.live)[cache::index(one.edge)].miss_ms;
    CHECK(one.terms[2] == Approx(one.edge == edge_id(1) ? 0 : way_ms));
    CHECK(way_ms > 20);
  }
}

TEST_CASE("a measured round trip takes the place of the model's") {
  World world;
  for (int i = 0; i < 40; ++i) {
    world.add_edge(fmt::format("e{}", i), {50 + 0.05 * ((i * 7) % 40), 8});
  }
  world.add_place({49.9, 8});
  world.add_place({52.1, 8.1});
  world.options.scoring = Scoring::latency;
  Snapshot snapshot = world.snapshot();
  const auto measured_ms = [](std::size_t cell, std::size_t edge) {
    return 1 + 2 * static_cast<double>(edge) + 100 * static_cast<double>(cell);
  };
  const FleetPart& fleet = *snapshot.fleet;
  snapshot.rtts = std::make_shared<const geo::CellRtts>(
      fleet.map().cells(), fleet.points(), fleet.sites(),
      [&](geo::CellIndex cell, geo::SiteIndex site, double) { return measured_ms(cell, site); });
  for (const std::size_t place : {0U, 1U}) {
    const Explanation why = explain(asks(1, place), snapshot);
    std::size_t candidates = 0;
    for (const Considered& one : why.considered) {
      if (one.exclusion != Exclusion::none) continue;
      ++candidates;
      CHECK(one.terms[0] == Approx(measured_ms(why.decision.cell, cache::index(one.edge))));
    }
    CHECK(candidates == 16);
  }
}

TEST_CASE("which content goes to which edge does not change from version to version") {
  World world = europe();
  world.options.spread_epsilon_score = 1;  // hash alone
  const Snapshot snapshot = world.snapshot();
  std::string edges;
  for (std::uint64_t content = 1; content <= 24; ++content) {
    const auto id = cache::content_id(fmt::format("/golden/{}", content));
    const Decision decision = route({.client = World::client(0), .content = id}, snapshot);
    edges += static_cast<char>('0' + cache::index(decision.edge));
  }
  CHECK(edges == "102000101200001211010000");
}

TEST_CASE("an explanation has every edge once, candidates first, and why the others are none") {
  World world = europe();
  world.states[1].mode = cache::EdgeMode::drain;
  world.states[2].load_ratio = 0.95;
  world.fleet->edges[3].is_shield = true;
  const Explanation why = explain(asks(1), world.snapshot());
  REQUIRE(why.considered.size() == 4);
  CHECK(why.considered[0].edge == edge_id(0));
  CHECK(why.considered[0].exclusion == Exclusion::none);
  CHECK(why.considered[0].score == why.decision.score);
  CHECK(why.considered[1].edge == edge_id(1));
  CHECK(why.considered[1].exclusion == Exclusion::drain);
  CHECK(why.considered[2].exclusion == Exclusion::overloaded);
  CHECK(why.considered[3].exclusion == Exclusion::shield);
  CHECK(why.location.point.lat_deg == Approx(50.11));
  CHECK_FALSE(why.is_hit_known);
}

}  // namespace edgeward::policy
