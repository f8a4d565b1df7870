#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "policy/load_control.hpp"
#include "policy/router.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

namespace {

constexpr double kCapacity = 1000;  // requests a second

/// Clients ask, the real router answers, LoadControl learns, a tick a second.
class Town {
 public:
  Town(World world, std::uint64_t seed)
      : world_(std::move(world)), random_(seed), control_(world_.states.size()) {
    for (cache::Edge& edge : world_.fleet->edges) edge.requests_per_second_max = kCapacity;
    for (cache::EdgeState& state : world_.states) state.load_ratio = 0;
    snapshot_ = world_.snapshot();
  }

  World& world() { return world_; }

  /// Each place asks so many times in this second. Returns the load of each edge in requests.
  std::vector<double> tick(const std::vector<std::size_t>& demand) {
    std::vector<double> load(world_.states.size());
    std::vector<SampledRequest> sample;
    std::size_t asked = 0;
    for (std::size_t place = 0; place < demand.size(); ++place) {
      for (std::size_t i = 0; i < demand[place]; ++i) {
        const Request request{
            .client = World::client(place, static_cast<std::uint32_t>(random_.below(250))),
            .content = cache::ContentId{random_.next()}};
        const Client client = locate(request.client, snapshot_.fleet->map());
        const Decision decision = route(request, client, snapshot_);
        if (asked++ % kSampledEach == 0) sample.push_back({request, client});
        if (decision.edge != cache::kNoEdge) ++load[cache::index(decision.edge)];
      }
    }
    for (std::size_t e = 0; e < load.size(); ++e) world_.states[e].load_ratio = load[e] / kCapacity;
    control_.update({.at_ms = 0,
                     .states = world_.states,
                     .requests_per_second = load,
                     .sample = sample,
                     .sampled_requests_per_second = kSampledEach},
                    snapshot_);
    return load;
  }

  /// What each edge may have by the last tick's demand.
  [[nodiscard]] std::span<const double> fair_share() const { return control_.fair_share(); }
  [[nodiscard]] const AdmitShares* shares() const { return snapshot_.shares.get(); }

 private:
  static constexpr std::size_t kSampledEach = 8;

  World world_;
  cache::Random random_;
  Snapshot snapshot_;
  LoadControl control_;
};

/// Edges and clients in a row, 300 km apart: each client can reach some three edges.
World row_of_edges(std::size_t count) {
  World world;
  for (std::size_t i = 0; i < count; ++i) {
    const double lon = 2 + 4.2 * static_cast<double>(i);
    world.add_edge(fmt::format("e{}", i), {50, lon});
    world.add_place({50.2, lon + 0.3});
  }
  return world;
}

/// Standard deviation of an edge's load from a tick on.
double deviation(const std::vector<std::vector<double>>& loads, std::size_t from,
                 std::size_t edge) {
  const auto ticks = static_cast<double>(loads.size() - from);
  double sum = 0;
  double squares = 0;
  for (std::size_t tick = from; tick < loads.size(); ++tick) {
    sum += loads[tick][edge];
    squares += loads[tick][edge] * loads[tick][edge];
  }
  return std::sqrt(std::max(squares / ticks - sum / ticks * (sum / ticks), 0.0));
}

}  // namespace

TEST_CASE("three ticks after a step no edge is over 1.25 times its fair share, nor does it swing") {
  const std::vector<std::vector<std::size_t>> steps{{2500, 100, 100, 100, 100, 100},
                                                    {100, 100, 1800, 900, 100, 100},
                                                    {700, 700, 700, 700, 700, 700},
                                                    {100, 2000, 2000, 100, 100, 100},
                                                    {1500, 1500, 900, 900, 900, 900}};
  for (std::size_t s = 0; s < steps.size(); ++s) {
    CAPTURE(s);
    Town town(row_of_edges(6), s + 1);
    for (int i = 0; i < 4; ++i) (void)town.tick(std::vector<std::size_t>(6, 300));
    std::vector<std::vector<double>> loads;
    for (int i = 0; i < 16; ++i) loads.push_back(town.tick(steps[s]));
    const auto over_two = [&](std::size_t tick, std::size_t edge) {
      return (loads[tick - 1][edge] + loads[tick][edge]) / 2;
    };
    for (std::size_t tick = 3; tick < loads.size(); ++tick) {
      for (std::size_t edge = 0; edge < 6; ++edge) {
        CAPTURE(tick, edge, loads[tick - 1][edge], loads[tick][edge]);
        CHECK(over_two(tick, edge) <= 1.25 * town.fair_share()[edge]);
      }
    }
    // Steady: requests come at random, which alone moves a load by some 3 % of the capacity. Where
    // demand is more than all can take, edges near the brim trade clients a little more.
    const bool fits =
        *std::max_element(town.fair_share().begin(), town.fair_share().end()) < kCapacity;
    for (std::size_t edge = 0; edge < 6; ++edge) {
      CAPTURE(edge);
      CHECK(deviation(loads, 8, edge) < (fits ? 0.08 : 0.15) * kCapacity);
    }
  }
}

namespace {

/// What LoadControl makes of one tick in which every edge had such loads and rates.
struct Tick {
  Snapshot snapshot;
  std::vector<double> fair_share;
};

Tick after(const World& world, const std::vector<double>& rates) {
  Tick tick{.snapshot = world.snapshot(), .fair_share = {}};
  LoadControl control(world.states.size());
  const Request request{.client = World::client(0), .content = cache::ContentId{1}};
  const std::vector<SampledRequest> sample{
      {request, locate(request.client, tick.snapshot.fleet->map())}};
  control.update({.at_ms = 0,
                  .states = world.states,
                  .requests_per_second = rates,
                  .sample = sample,
                  .sampled_requests_per_second = 10},
                 tick.snapshot);
  tick.fair_share.assign(control.fair_share().begin(), control.fair_share().end());
  return tick;
}

}  // namespace

TEST_CASE("an edge has the capacity that its load shows where that is less than its maximum") {
  World world = row_of_edges(3);
  for (cache::Edge& edge : world.fleet->edges) edge.requests_per_second_max = kCapacity;
  world.states[0].load_ratio = 0.9;
  world.states[1].load_ratio = 0.3;
  world.states[2].load_ratio = 0.9;
  // Large answers at the first, small ones at the second, next to none at the third.
  const Tick tick = after(world, {450, 600, 10});
  const double target = world.options.target_load;
  CHECK(tick.fair_share[0] == Approx(target * 500));
  CHECK(tick.fair_share[1] == Approx(target * kCapacity));
  CHECK(tick.fair_share[2] == Approx(target * kCapacity));
}

TEST_CASE("an edge that is full by others' doing is left out, one that its clients filled is not") {
  World world = row_of_edges(3);
  for (cache::Edge& edge : world.fleet->edges) edge.requests_per_second_max = kCapacity;
  world.states[0].load_ratio = 1.2;
  world.states[1].load_ratio = 1.2;
  world.states[2].load_ratio = 0.1;
  const Tick tick = after(world, {1200, 10, 100});
  const auto exclusion = [&](std::size_t i) { return (*tick.snapshot.live)[i].exclusion; };
  CHECK(exclusion(0) == Exclusion::none);
  CHECK(exclusion(1) == Exclusion::overloaded);
  CHECK(exclusion(2) == Exclusion::none);
}

TEST_CASE("nothing is refused while all fit, and shares open again after a peak") {
  Town town(row_of_edges(6), 9);
  for (int i = 0; i < 6; ++i) (void)town.tick({2500, 100, 100, 100, 100, 100});
  CHECK(town.shares() != nullptr);
  for (int i = 0; i < 24; ++i) (void)town.tick(std::vector<std::size_t>(6, 300));
  CHECK(town.shares() == nullptr);
}

TEST_CASE("an edge that comes back takes the part of its clients that it may, full or not") {
  for (const std::size_t of_each : {200U, 700U}) {
    CAPTURE(of_each);
    Town town(row_of_edges(6), 5);
    const std::vector<std::size_t> demand(6, of_each);
    std::vector<double> load;
    double usual = 0;
    for (int i = 0; i < 12; ++i) {
      load = town.tick(demand);
      if (i >= 4) usual += load[2] / 8;
    }
    double before = 0;
    for (const double part : {0.1, 0.4, 0.7}) {
      town.world().states[2].admit_ratio = part;
      double back = 0;
      for (int i = 0; i < 12; ++i) {
        load = town.tick(demand);
        if (i >= 4) back += load[2] / 8;
      }
      CAPTURE(part, usual, back);
      CHECK(back <= (part + 0.12) * usual);
      CHECK(back >= (part - 0.12) * usual * 0.8);
      CHECK(back > before);
      CHECK(std::accumulate(load.begin(), load.end(), 0.0) == 6.0 * static_cast<double>(of_each));
      before = back;
    }
    town.world().states[2].admit_ratio = 1;
    double last = 0;
    for (int i = 0; i < 24; ++i) last = town.tick(demand)[2];
    CHECK(last > 0.8 * usual);
  }
}

TEST_CASE("a failing edge starts no cascade while capacity is spare") {
  Town town(row_of_edges(6), 4);
  const std::vector<std::size_t> demand{300, 500, 750, 500, 300, 300};
  for (int i = 0; i < 5; ++i) (void)town.tick(demand);
  town.world().states[2].mode = cache::EdgeMode::down;
  const double total = std::accumulate(demand.begin(), demand.end(), 0.0);
  for (int i = 0; i < 12; ++i) {
    const auto load = town.tick(demand);
    CAPTURE(i);
    CHECK(std::accumulate(load.begin(), load.end(), 0.0) == total);
    // The tick of the failure is routed before anybody knows; from then on nobody is full.
    if (i == 0) continue;
    CHECK(load[2] == 0);
    for (const double one : load) CHECK(one < 0.95 * kCapacity);
  }
}

}  // namespace edgeward::policy
