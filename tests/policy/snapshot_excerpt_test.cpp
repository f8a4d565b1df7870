#include "policy/snapshot_excerpt.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "tests/instrumented.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

namespace {

constexpr std::size_t kPlaces = 60;
constexpr std::size_t kContents = 200;

/// Everything that a decision may depend on: zones, shares, hits of every kind, round trips.
Snapshot full_snapshot(World& world, cache::Random& random) {
  const std::size_t edges = world.states.size();
  world.overrides.zones = {{"e3", "e1"}, {"e5", "gone"}};
  world.overrides.entries = {{.prefix = geo::IpPrefix::around(World::client(4), 120), .zone = 1},
                             {.prefix = geo::IpPrefix::around(World::client(9), 120), .zone = 0}};
  world.options.services.push_back(
      {.name = "other", .bias_score = std::vector<float>(edges, 0.1F)});
  cache::HitModelWriter writer(edges, 10'000);
  for (std::size_t e = 0; e < edges; ++e) {
    writer.set_edge(edge_id(e), {.is_inventory_known = e % 3 == 0,
                                 .is_rate_known = e % 3 == 1,
                                 .region = static_cast<std::uint8_t>(e % 8),
                                 .region_share_ratio = 0.25,
                                 .characteristic_time_s = 100,
                                 .predicted_hit_ratio = static_cast<float>(random.unit()),
                                 .prior = cache::EdgeHits::filled(0.3F)});
  }
  for (std::uint64_t c = 1; c <= kContents / 2; ++c) {
    writer.set_rate(cache::ContentId{c}, random.below(8), random.unit());
    writer.set_held(cache::ContentId{c}, edge_id(random.below(edges)), true);
  }
  world.hits = writer.publish();
  Snapshot snapshot = world.snapshot();
  AdmitShares shares(snapshot.fleet->map().areas(), edges);
  for (std::size_t area = 0; area < shares.areas(); ++area) {
    for (std::size_t e = 0; e < edges; ++e) {
      shares.set(static_cast<std::uint16_t>(area), edge_id(e), random.unit());
    }
  }
  snapshot.shares = std::make_shared<const AdmitShares>(shares);
  snapshot.rtts = std::make_shared<const geo::CellRtts>(
      snapshot.fleet->map().cells(), snapshot.fleet->points(), snapshot.fleet->sites(),
      [&](auto, auto, double km) { return km / 50 + 20 * random.unit(); });
  return snapshot;
}

Request random_request(cache::Random& random) {
  Request request = World::request(random, kPlaces);
  request.content = cache::ContentId{random.below(kContents)};
  request.service = static_cast<std::uint16_t>(random.below(2));
  request.at_ms = static_cast<std::int64_t>(random.below(1'000'000));
  return request;
}

}  // namespace

TEST_CASE("what was decided by a snapshot is decided again by its excerpt") {
  for (const Scoring scoring :
       {Scoring::weighted, Scoring::latency, Scoring::nearest, Scoring::random}) {
    CAPTURE(name(scoring));
    cache::Random random(static_cast<std::uint64_t>(scoring) + 1);
    World world = World::random(random, 70, kPlaces);
    world.options.scoring = scoring;
    const Snapshot snapshot = full_snapshot(world, random);
    std::vector<Request> requests;
    std::vector<geo::CellIndex> cells;
    std::vector<cache::ContentId> contents;
    for (int i = 0; i < 500; ++i) {
      requests.push_back(random_request(random));
      cells.push_back(locate(requests.back().client, snapshot.fleet->map()).cell);
      contents.push_back(requests.back().content);
    }
    const std::string bytes = excerpt(snapshot, cells, contents);
    const Excerpt again = restore(bytes, world.fleet, world.options);
    CHECK(again.snapshot.version == 7);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      Client client = locate(requests[i].client, snapshot.fleet->map());
      Decision before = route(requests[i], client, snapshot);
      client.cell = again.find(client.cell);
      Decision now = route(requests[i], client, again.snapshot);
      CHECK(now.cell == client.cell);
      now.cell = before.cell;
      REQUIRE(now == before);
    }
    // Taken of what it was made of, it says the same again.
    std::vector<geo::CellIndex> all(again.cells.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<geo::CellIndex>(i);
    CHECK(excerpt(again.snapshot, all, contents).size() == bytes.size());
  }
}

TEST_CASE("an excerpt has what it was taken for and no more") {
  cache::Random random(3);
  World world = World::random(random, 20, kPlaces);
  const Snapshot snapshot = full_snapshot(world, random);
  const std::vector<geo::CellIndex> cells{7, 3, 7};
  const std::vector<cache::ContentId> contents{cache::ContentId{5}};
  const Excerpt some = restore(excerpt(snapshot, cells, contents), world.fleet, world.options);
  CHECK(some.cells == std::vector<geo::CellIndex>{3, 7});
  CHECK(some.find(7) == 1);
  CHECK_THROWS_AS(some.find(4), std::out_of_range);
  CHECK(some.snapshot.hits->tracked() == 1);
  CHECK(some.snapshot.hits->find(cache::ContentId{5}).is_tracked());
}

TEST_CASE("an excerpt that is cut or damaged or of another fleet is refused or harmless") {
  cache::Random random(4);
  World world = World::random(random, 20, kPlaces);
  const Snapshot snapshot = full_snapshot(world, random);
  const std::vector<geo::CellIndex> cells{1, 2, 5, 9, 10};
  const std::vector<cache::ContentId> contents{cache::ContentId{5}, cache::ContentId{6}};
  const std::string bytes = excerpt(snapshot, cells, contents);
  World larger = World::random(random, 21, 3);
  CHECK_THROWS_AS(restore(bytes, larger.fleet, larger.options), std::runtime_error);
  CHECK_THROWS_AS(restore(bytes + "x", world.fleet, world.options), std::runtime_error);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE_THROWS_AS(restore(std::string_view(bytes).substr(0, size), world.fleet, world.options),
                      std::runtime_error);
  }
  int taken = 0;
  for (int i = 0; i < (test::kIsInstrumented ? 1000 : 4000); ++i) {
    std::string changed = bytes;
    changed[random.below(changed.size())] = static_cast<char>(random.next());
    try {
      const Excerpt other = restore(changed, world.fleet, world.options);
      ++taken;
      for (std::size_t cell = 0; cell < other.cells.size(); ++cell) {
        const Client client{.cell = static_cast<geo::CellIndex>(cell), .prefix_hash = 1};
        const Decision decision =
            route({.content = cache::ContentId{5}, .size_bytes = 10}, client, other.snapshot);
        REQUIRE((decision.edge == cache::kNoEdge || cache::index(decision.edge) < 20));
      }
    } catch (const std::runtime_error&) {
    } catch (const std::invalid_argument&) {
    }
  }
  CHECK(taken > 0);
}

}  // namespace edgeward::policy
