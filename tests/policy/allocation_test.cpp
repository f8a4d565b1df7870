#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "tests/allocations.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

TEST_CASE("a decision allocates nothing, whatever its way") {
  for (const Scoring scoring :
       {Scoring::weighted, Scoring::latency, Scoring::nearest, Scoring::random}) {
    cache::Random random(8);
    World world = World::random(random, 200, 100);
    world.options.scoring = scoring;
    world.options.services[0].all_down = AllDownRule::all;
    world.fallback = {.point = {1, 1}, .source = geo::LocationSource::fallback};
    world.overrides.zones = {{"e1", "e2", "e3"}};
    world.overrides.entries = {{.prefix = geo::IpPrefix::around(World::client(3), 120), .zone = 0}};
    // Where a few hundred kilometres around all are away, all edges are searched.
    for (std::size_t i = 1; i < 200; i += 2) world.states[i].mode = cache::EdgeMode::down;
    cache::HitModelWriter writer(200, 1000);
    for (std::uint64_t i = 1; i < 500; ++i) writer.set_rate(cache::ContentId{i}, 0, 1);
    world.hits = writer.publish();
    Snapshot snapshot = world.snapshot();
    auto shares = std::make_shared<AdmitShares>(snapshot.fleet->map().areas(), 200);
    for (std::uint16_t area = 0; area < shares->areas(); ++area) {
      for (std::size_t edge = 0; edge < 200; ++edge) shares->set(area, edge_id(edge), 0.5);
    }
    snapshot.shares = shares;
    std::vector<Request> requests;
    for (int i = 0; i < 5000; ++i) {
      requests.push_back(World::request(random, 120));  // some of them nowhere
      requests.back().content = cache::ContentId{random.below(1000)};
    }
    std::array<std::size_t, 8> reasons{};
    const std::size_t before = test::allocations();
    for (const Request& request : requests) {
      ++reasons[static_cast<std::size_t>(route(request, snapshot).reason)];
    }
    const std::size_t after = test::allocations();
    CHECK(after == before);
    CHECK(reasons[static_cast<std::size_t>(Reason::override)] > 0);
    CHECK(reasons[static_cast<std::size_t>(Reason::fallback_location)] > 0);
    CHECK(reasons[static_cast<std::size_t>(Reason::widened)] > 0);
    // The counter counts.
    const std::size_t before_one = test::allocations();
    const auto one = std::make_unique<int>(1);
    const std::size_t after_one = test::allocations();
    CHECK(after_one == before_one + 1);
  }
}

}  // namespace edgeward::policy
