#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "cache/random.hpp"
#include "policy/placement.hpp"

namespace edgeward::policy {

namespace {

struct World {
  std::vector<std::vector<PlanCandidate>> candidates;
  std::vector<PlacementEdge> edges;
};

PlacementSource from(std::size_t edge, double fill_ms) {
  return {.edge = cache::EdgeId(static_cast<std::uint16_t>(edge)), .fill_ms = fill_ms};
}

/// What is kept takes part of the budget, some is pinned; half of the edges fill from peers.
World random_world(std::uint64_t seed, std::size_t edges = 12, std::size_t contents = 150) {
  cache::Random random(seed);
  World world;
  std::vector<std::uint64_t> sizes;
  for (std::size_t c = 0; c < contents; ++c) sizes.push_back(1 + random.below(1000));
  world.edges.resize(edges);
  world.candidates.resize(edges);
  for (std::size_t e = 0; e < edges; ++e) {
    PlacementEdge& edge = world.edges[e];
    edge.limits.budget_bytes = 2000 + random.below(30'000);
    edge.limits.fill_bytes = random.below(5000);
    edge.origin_ms = 100;
    for (std::size_t k = 1; k <= 3 && e % 2 == 0; ++k) {
      edge.sources.push_back(from((e + k) % edges, 10.0 * static_cast<double>(k)));
    }
    std::uint64_t kept_bytes = 0;
    for (std::size_t c = 0; c < contents; ++c) {
      if (random.below(4) == 0) continue;
      const bool is_held = random.below(2) == 0;
      const bool is_kept =
          is_held && random.below(3) == 0 && kept_bytes + sizes[c] <= edge.limits.budget_bytes;
      if (is_kept) kept_bytes += sizes[c];
      world.candidates[e].push_back({.content = cache::ContentId{c * 977},
                                     .size_bytes = sizes[c],
                                     .requests = 20 * random.unit() * random.unit(),
                                     .is_held = is_held,
                                     .is_kept = is_kept,
                                     .is_pinned = random.below(40) == 0});
    }
    edge.candidates = world.candidates[e];
  }
  return world;
}

PlacementOptions objective(std::uint64_t seed) {
  return {.objective = static_cast<PlanObjective>(seed % 3)};
}

constexpr std::uint64_t kSeeds = 60;

std::set<std::uint64_t> kept_after(const std::vector<PlanCandidate>& candidates,
                                   const PlanSelection& selection) {
  std::set<std::uint64_t> kept;
  const auto id = [&](std::uint32_t i) {
    return static_cast<std::uint64_t>(candidates[i].content);
  };
  for (std::uint32_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].is_kept) kept.insert(id(i));
  }
  for (const std::uint32_t i : selection.evict) kept.erase(id(i));
  for (const std::uint32_t i : selection.keep) kept.insert(id(i));
  for (const std::uint32_t i : selection.prefetch) kept.insert(id(i));
  return kept;
}

/// One content of 10 bytes at each edge, which nobody asks for.
World unasked(std::size_t edges) {
  World world;
  world.edges.resize(edges);
  world.candidates.resize(edges);
  for (std::size_t e = 0; e < edges; ++e) {
    world.candidates[e] = {{.content = cache::ContentId{1}, .size_bytes = 10}};
    world.edges[e].limits = {.budget_bytes = 10, .fill_bytes = 10};
    world.edges[e].origin_ms = 100;
    world.edges[e].candidates = world.candidates[e];
  }
  return world;
}

}  // namespace

TEST_CASE("a placement keeps no more than the budget at any step of it") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    INFO("seed " << seed);
    const World world = random_world(seed);
    const std::vector<Placement> placements = place(world.edges, objective(seed));
    for (std::size_t e = 0; e < world.edges.size(); ++e) {
      const auto& candidates = world.candidates[e];
      const PlanLimits& limits = world.edges[e].limits;
      const PlanSelection& selection = placements[e].selection;
      std::uint64_t kept_bytes = 0;
      for (const PlanCandidate& at : candidates) kept_bytes += at.is_kept ? at.size_bytes : 0;
      for (const std::uint32_t i : selection.evict) {
        REQUIRE(candidates[i].is_kept);
        kept_bytes -= candidates[i].size_bytes;
      }
      std::uint64_t fetched_bytes = 0;
      for (const std::uint32_t i : selection.keep) {
        REQUIRE((candidates[i].is_held && !candidates[i].is_kept));
        kept_bytes += candidates[i].size_bytes;
        REQUIRE(kept_bytes <= limits.budget_bytes);
      }
      for (const std::uint32_t i : selection.prefetch) {
        REQUIRE_FALSE(candidates[i].is_held);
        kept_bytes += candidates[i].size_bytes;
        if (!candidates[i].is_pinned) fetched_bytes += candidates[i].size_bytes;
        REQUIRE(kept_bytes <= limits.budget_bytes);
      }
      REQUIRE(kept_bytes == selection.kept_bytes);
      REQUIRE(fetched_bytes <= limits.fill_bytes);
      REQUIRE(selection.fetched_bytes <= limits.fill_bytes);
    }
  }
}

TEST_CASE("a placement keeps what is pinned before all else") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    INFO("seed " << seed);
    const World world = random_world(seed);
    const std::vector<Placement> placements = place(world.edges, objective(seed));
    for (std::size_t e = 0; e < world.edges.size(); ++e) {
      std::uint64_t pinned_bytes = 0;
      for (const PlanCandidate& at : world.candidates[e]) {
        pinned_bytes += at.is_pinned ? at.size_bytes : 0;
      }
      if (pinned_bytes > world.edges[e].limits.budget_bytes) continue;
      const auto kept = kept_after(world.candidates[e], placements[e].selection);
      for (const PlanCandidate& at : world.candidates[e]) {
        if (at.is_pinned) REQUIRE(kept.contains(static_cast<std::uint64_t>(at.content)));
      }
    }
  }
}

TEST_CASE("a placement does not depend on the order of the candidates") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    INFO("seed " << seed);
    World world = random_world(seed);
    const std::vector<Placement> first = place(world.edges, objective(seed));
    World permuted = world;
    cache::Random random(seed);
    for (std::size_t e = 0; e < world.edges.size(); ++e) {
      auto& candidates = permuted.candidates[e];
      for (std::size_t i = candidates.size(); i > 1; --i) {
        std::swap(candidates[i - 1], candidates[random.below(i)]);
      }
      permuted.edges[e].candidates = candidates;
    }
    const std::vector<Placement> second = place(permuted.edges, objective(seed));
    for (std::size_t e = 0; e < world.edges.size(); ++e) {
      REQUIRE(kept_after(world.candidates[e], first[e].selection) ==
              kept_after(permuted.candidates[e], second[e].selection));
      for (const auto part :
           {&PlanSelection::evict, &PlanSelection::keep, &PlanSelection::prefetch}) {
        const auto& one = first[e].selection.*part;
        const auto& other = second[e].selection.*part;
        REQUIRE(one.size() == other.size());
        for (std::size_t i = 0; i < one.size(); ++i) {
          REQUIRE(world.candidates[e][one[i]].content == permuted.candidates[e][other[i]].content);
        }
      }
    }
  }
}

TEST_CASE("a placement of edges that fill from the origin is what each selects alone") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    INFO("seed " << seed);
    World world = random_world(seed);
    for (PlacementEdge& edge : world.edges) edge.sources.clear();
    const std::vector<Placement> placements = place(world.edges, {});
    for (std::size_t e = 0; e < world.edges.size(); ++e) {
      for (PlanCandidate& at : world.candidates[e]) {
        at.worth = at.requests * static_cast<double>(at.size_bytes);
      }
      const PlanSelection alone = select(world.candidates[e], world.edges[e].limits);
      REQUIRE(kept_after(world.candidates[e], alone) ==
              kept_after(world.candidates[e], placements[e].selection));
    }
  }
}

TEST_CASE("peers share what hits need not be copied for") {
  // Two contents, room for one at each edge: both of them want the first one more.
  World world = unasked(2);
  for (std::size_t e = 0; e < 2; ++e) {
    world.candidates[e] = {
        {.content = cache::ContentId{1}, .size_bytes = 10, .requests = 10, .is_held = true},
        {.content = cache::ContentId{2}, .size_bytes = 10, .requests = 9, .is_held = true}};
    world.edges[e].candidates = world.candidates[e];
    world.edges[e].sources = {from(1 - e, 10)};
  }
  const auto kept = [&](PlanObjective wanted) {
    const auto placements = place(world.edges, {.objective = wanted});
    std::multiset<std::uint64_t> all;
    for (std::size_t e = 0; e < 2; ++e) {
      for (const auto id : kept_after(world.candidates[e], placements[e].selection)) all.insert(id);
    }
    return all;
  };
  CHECK(kept(PlanObjective::requests) == std::multiset<std::uint64_t>{1, 1});
  CHECK(kept(PlanObjective::bytes) == std::multiset<std::uint64_t>{1, 2});
  CHECK(kept(PlanObjective::milliseconds) == std::multiset<std::uint64_t>{1, 2});
}

TEST_CASE("a parent keeps what its children ask for") {
  World world = unasked(4);
  for (std::size_t e = 1; e < 4; ++e) {
    world.candidates[e][0].requests = 1;
    world.edges[e].limits.budget_bytes = 0;
    world.edges[e].sources = {from(0, 30)};
  }
  const std::vector<Placement> placements = place(world.edges, {});
  CHECK(placements[0].selection.prefetch.size() == 1);
  CHECK(placements[0].worth[0] == Approx(3 * 10 * 0.9));
  CHECK(placements[1].selection.prefetch.empty());
}

TEST_CASE("a placement fetches only what saves some times what the fetch costs") {
  World world = unasked(1);
  const auto fetches = [&](double requests) {
    world.candidates[0][0].requests = requests;
    return place(world.edges, {})[0].selection.prefetch.size();
  };
  CHECK(fetches(1.9) == 0);
  CHECK(fetches(2.1) == 1);
}

TEST_CASE("a placement does not swap what is kept for a trifle") {
  World world = unasked(1);
  const auto evicts = [&](double requests) {
    world.candidates[0] = {
        {.content = cache::ContentId{1},
         .size_bytes = 10,
         .requests = 10,
         .is_held = true,
         .is_kept = true},
        {.content = cache::ContentId{2}, .size_bytes = 10, .requests = requests, .is_held = true}};
    world.edges[0].candidates = world.candidates[0];
    return place(world.edges, {})[0].selection.evict.size();
  };
  CHECK(evicts(11) == 0);
  CHECK(evicts(13) == 1);
}

}  // namespace edgeward::policy
