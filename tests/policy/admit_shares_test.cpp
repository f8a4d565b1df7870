#include "policy/admit_shares.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <queue>

#include "cache/random.hpp"
#include "policy/router.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

namespace {

DemandGroup group(std::uint16_t area, double rate, std::initializer_list<std::size_t> edges) {
  DemandGroup result{.area = area, .requests_per_second = rate};
  for (const std::size_t edge : edges) result.ranked[result.count++] = edge_id(edge);
  return result;
}

/// Whether demand fits if every edge is filled to at most `level` of its capacity: maximum flow by
/// shortest augmenting paths over a matrix. The oracle of the level.
bool fits(const std::vector<DemandGroup>& groups, const std::vector<double>& capacity,
          double level) {
  const std::size_t nodes = groups.size() + capacity.size() + 2;
  const std::size_t source = nodes - 2;
  const std::size_t sink = nodes - 1;
  std::vector<std::vector<double>> room(nodes, std::vector<double>(nodes));
  double demand = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    room[source][g] = groups[g].requests_per_second;
    demand += groups[g].requests_per_second;
    for (std::size_t k = 0; k < groups[g].count; ++k) {
      room[g][groups.size() + cache::index(groups[g].ranked[k])] = 1e18;
    }
  }
  for (std::size_t e = 0; e < capacity.size(); ++e) {
    room[groups.size() + e][sink] = capacity[e] * level;
  }
  double flow = 0;
  while (true) {
    std::vector<std::size_t> from(nodes, nodes);
    std::queue<std::size_t> queue;
    queue.push(source);
    from[source] = source;
    while (!queue.empty() && from[sink] == nodes) {
      const std::size_t at = queue.front();
      queue.pop();
      for (std::size_t next = 0; next < nodes; ++next) {
        if (from[next] == nodes && room[at][next] > 1e-9) {
          from[next] = at;
          queue.push(next);
        }
      }
    }
    if (from[sink] == nodes) break;
    double step = 1e18;
    for (std::size_t at = sink; at != source; at = from[at]) {
      step = std::min(step, room[from[at]][at]);
    }
    for (std::size_t at = sink; at != source; at = from[at]) {
      room[from[at]][at] -= step;
      room[at][from[at]] += step;
    }
    flow += step;
  }
  return flow >= demand * (1 - 1e-6);
}

double total(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

TEST_CASE("demand that fits goes where it wants") {
  const std::vector<DemandGroup> groups{group(0, 50, {0, 1}), group(1, 30, {1, 0})};
  const std::vector<double> capacity{100, 100};
  const WaterFill filled = fill(groups, capacity, 0.8, 2);
  CHECK(filled.load[0] == Approx(50));
  CHECK(filled.load[1] == Approx(30));
  CHECK(filled.shares == AdmitShares(2, 2));
}

TEST_CASE("a full edge passes the rest to the next, and one area's only edge is left to it") {
  // Area 0 can reach edge 0 alone, area 1 prefers it.
  const std::vector<DemandGroup> groups{group(1, 80, {0, 1}), group(0, 80, {0})};
  const std::vector<double> capacity{100, 100};
  const WaterFill filled = fill(groups, capacity, 0.8, 2);
  CHECK(filled.load[0] == Approx(80).epsilon(0.01));
  CHECK(filled.load[1] == Approx(80).epsilon(0.01));
  CHECK(filled.shares.share(1, edge_id(0)) < 0.02);
  CHECK(filled.shares.share(0, edge_id(0)) == 1);
}

TEST_CASE("no edge takes more than its fair share, which is the lowest level that holds all") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    cache::Random random(seed);
    const std::size_t edges = 2 + random.below(7);
    std::vector<double> capacity;
    for (std::size_t e = 0; e < edges; ++e) capacity.push_back(20 + random.unit() * 100);
    std::vector<DemandGroup> groups;
    for (std::uint16_t area = 0; area < 8; ++area) {
      std::vector<std::size_t> order(edges);
      std::iota(order.begin(), order.end(), std::size_t{0});
      for (std::size_t i = edges; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
      DemandGroup one = group(area, random.unit() * 120, {});
      one.count = 1 + random.below(std::min<std::size_t>(edges, 3));
      for (std::size_t k = 0; k < one.count; ++k) one.ranked[k] = edge_id(order[k]);
      groups.push_back(one);
    }
    const WaterFill filled = fill(groups, capacity, 0.8, 8);
    double demand = 0;
    for (const DemandGroup& one : groups) demand += one.requests_per_second;
    CHECK(total(filled.load) == Approx(demand));
    // The fullest edge is filled no higher than it must be.
    double level = 0;
    for (std::size_t e = 0; e < edges; ++e) {
      level = std::max(level, filled.fair_share[e] / capacity[e]);
      CHECK(filled.load[e] <= filled.fair_share[e] * 1.03 + 1e-6);
    }
    CHECK(fits(groups, capacity, level * 1.01));
    if (level > 0.8 + 1e-6) CHECK_FALSE(fits(groups, capacity, level * 0.97));
  }
}

TEST_CASE("a share of nothing takes nothing, one of all takes all") {
  AdmitShares shares(1, 2);
  shares.set(0, edge_id(0), 0);
  for (const unsigned hash : {0U, 1U, 0x7FFFU, 0xFFFFU}) {
    const auto bits = static_cast<std::uint16_t>(hash);
    CHECK_FALSE(shares.admits(0, edge_id(0), bits));
    CHECK(shares.admits(0, edge_id(1), bits));
  }
}

TEST_CASE("what all refuse goes to the edge that takes the most") {
  AdmitShares shares(1, 3);
  shares.set(0, edge_id(0), 0.2);
  shares.set(0, edge_id(1), 0.5);
  shares.set(0, edge_id(2), 0.25);
  const std::vector<DemandGroup> groups{group(0, 100, {0, 1, 2})};
  // 20, half of 80, a quarter of 40; what is left is refused by all.
  const std::vector<double> load = load_under(shares, groups, 3);
  CHECK(load[0] == Approx(20).epsilon(1e-3));
  CHECK(load[1] == Approx(40 + 30).epsilon(1e-3));
  CHECK(load[2] == Approx(10).epsilon(1e-3));
}

TEST_CASE("an edge without capacity takes nothing that can go elsewhere") {
  const std::vector<DemandGroup> groups{group(0, 50, {0, 1}), group(1, 7, {0})};
  const std::vector<double> capacity{0, 100};
  const WaterFill filled = fill(groups, capacity, 0.8, 2);
  CHECK(filled.shares.share(0, edge_id(0)) == 0);
  CHECK(filled.load[1] == Approx(50));
  CHECK(filled.load[0] == Approx(7));
}

TEST_CASE("shares move half the way at a tick, at once where an edge is overloaded") {
  AdmitShares present(1, 2);
  AdmitShares wanted(1, 2);
  wanted.set(0, edge_id(0), 0.5);
  wanted.set(0, edge_id(1), 0.5);
  const std::vector<std::uint8_t> overloaded{0, 1};
  const AdmitShares next = damped(present, wanted, overloaded);
  CHECK(next.share(0, edge_id(0)) == Approx(0.75).margin(1e-4));
  CHECK(next.share(0, edge_id(1)) == Approx(0.5).margin(1e-4));
}

}  // namespace edgeward::policy
