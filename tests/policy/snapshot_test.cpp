#include "policy/snapshot.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <queue>

#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

TEST_CASE("an idle edge has no queue, one server waits as M/M/1 does") {
  CHECK(erlang_c_wait_ms(0, 8, 2) == 0);
  for (const double load : {0.1, 0.5, 0.9}) {
    CHECK(erlang_c_wait_ms(load, 1, 3) == Approx(3 * load / (1 - load)));
  }
  CHECK(std::isfinite(erlang_c_wait_ms(5, 64, 2)));
}

TEST_CASE("Erlang's C is what a simulated queue waits") {
  for (const unsigned servers : {2U, 16U}) {
    for (const double load : {0.75, 0.9}) {
      cache::Random random(servers);
      // Times at which servers become free.
      std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
      for (unsigned i = 0; i < servers; ++i) free_at.push(0);
      double now = 0;
      double waited = 0;
      constexpr int kRequests = 3'000'000;
      for (int i = 0; i < kRequests; ++i) {
        now += -std::log1p(-random.unit()) / (load * servers);
        const double start = std::max(now, free_at.top());
        free_at.pop();
        waited += start - now;
        free_at.push(start - std::log1p(-random.unit()));
      }
      CHECK(erlang_c_wait_ms(load, servers, 1) == Approx(waited / kRequests).epsilon(0.06));
    }
  }
}

TEST_CASE("an edge's state decides whether it may serve, silence above all but failure") {
  World world;
  for (int i = 0; i < 6; ++i) world.add_edge(fmt::format("e{}", i), {0, 0});
  world.states[1].mode = cache::EdgeMode::drain;
  world.states[2].mode = cache::EdgeMode::down;
  world.states[3].mode = cache::EdgeMode::unknown;
  world.states[4].load_ratio = 0.95;
  world.states[5].seen_at_ms = -1;
  const FleetPart fleet(world.fleet, world.options, world.map());
  const auto live = live_edges(fleet, world.states, 15'000);
  CHECK(live[0].exclusion == Exclusion::none);
  CHECK(live[1].exclusion == Exclusion::drain);
  CHECK(live[2].exclusion == Exclusion::down);
  CHECK(live[3].exclusion == Exclusion::unknown);
  CHECK(live[4].exclusion == Exclusion::overloaded);
  CHECK(live[5].exclusion == Exclusion::unknown);
}

TEST_CASE("terms of a state stay within their range") {
  World world;
  world.add_edge("a", {10, 10});
  world.fleet->edges[0].bandwidth_bps = 400'000'000'000;
  const FleetPart fleet(world.fleet, world.options, world.map());
  for (const double load : {0.0, 0.5, 1.0, 7.0}) {
    for (const std::uint64_t used : {0ULL, 350'000'000'000ULL, 900'000'000'000ULL}) {
      world.states[0].load_ratio = load;
      world.states[0].bandwidth_used_bps = used;
      const LiveEdge live = live_edges(fleet, world.states, 0)[0];
      CHECK(live.load == Approx(std::max(0.0, 1 - load)));
      CHECK(live.bandwidth ==
            Approx(std::min(1.0, std::max(0.0, 4e11 - static_cast<double>(used)) / 1e11)));
      CHECK(live.ms_per_byte > 0);
      CHECK(std::isfinite(live.queue_ms));
    }
  }
}

TEST_CASE("a full link still moves a hundredth of its bandwidth") {
  World world;
  world.add_edge("a", {10, 10});
  world.fleet->edges[0].bandwidth_bps = 8'000'000;  // 1,000 bytes a ms
  const FleetPart fleet(world.fleet, world.options, world.map());
  const auto ms_per_byte = [&](std::uint64_t used_bps) {
    world.states[0].bandwidth_used_bps = used_bps;
    return live_edges(fleet, world.states, 0)[0].ms_per_byte;
  };
  CHECK(ms_per_byte(0) == Approx(1e-3));
  CHECK(ms_per_byte(4'000'000) == Approx(2e-3));
  CHECK(ms_per_byte(7'990'000) == Approx(0.1));
  CHECK(ms_per_byte(9'000'000) == Approx(0.1));
}

TEST_CASE("options out of range are refused with their name") {
  World world;
  world.add_edge("a", {0, 0});
  const auto refused = [&](const auto& change, const char* name) {
    RoutingOptions options;
    change(options);
    CHECK_THROWS_WITH(FleetPart(world.fleet, options, world.map()), Catch::StartsWith(name));
  };
  refused([](RoutingOptions& o) { o.weights.hit = 0.5; }, "weights");
  refused([](RoutingOptions& o) { o.weights = {-0.1, 0.5, 0.3, 0.3}; }, "weights");
  refused([](RoutingOptions& o) { o.candidates_max = 17; }, "candidates_max");
  refused([](RoutingOptions& o) { o.candidates_max = 0; }, "candidates_max");
  refused([](RoutingOptions& o) { o.candidates_min = 17; }, "candidates_min");
  refused([](RoutingOptions& o) { o.radius_km = 0; }, "radius_km");
  refused([](RoutingOptions& o) { o.services.clear(); }, "services");
  refused([](RoutingOptions& o) { o.services[0].all_down = AllDownRule::last_resort; }, "services");
  refused([](RoutingOptions& o) { o.services[0].bias_ms = {1, 2}; }, "services");
}

}  // namespace edgeward::policy

namespace edgeward::policy {

TEST_CASE("a miss below a parent costs the parent's own misses, too, unless the parent is down") {
  cache::Fleet fleet;
  fleet.origin = {.point = {0, 90}, .service_ms = 30};
  fleet.edges.resize(2);
  fleet.edges[0] = {.name = "edge",
                    .point = {0, 0},
                    .fill = cache::FillSource::parent,
                    .parent = cache::EdgeId{1}};
  fleet.edges[1] = {.name = "shield", .point = {0, 10}, .service_ms = 3, .is_shield = true};
  const geo::RttModel rtt;
  const auto way = [&](double lon_a, double lon_b) {
    return rtt.estimate_ms(geo::distance_km({0, lon_a}, {0, lon_b}));
  };
  std::vector<cache::EdgeState> states(2);
  const double from_origin = way(10, 90) + 30;
  for (const double hit_ratio : {0.0, 0.25, 1.0}) {
    states[1].fetch_hit_ratio = hit_ratio;
    CHECK(miss_ms(fleet, rtt, states, cache::EdgeId{0}) ==
          Approx(way(0, 10) + 3 + (1 - hit_ratio) * from_origin));
  }
  CHECK(miss_ms(fleet, rtt, states, cache::EdgeId{1}) == Approx(from_origin));
  states[1].mode = cache::EdgeMode::down;
  CHECK(miss_ms(fleet, rtt, states, cache::EdgeId{0}) == Approx(way(0, 90) + 30));
}

}  // namespace edgeward::policy
