#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <numeric>
#include <set>

#include "policy/candidates.hpp"
#include "policy/router.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

namespace {

/// The candidates by the rule's own words, slowly: ready edges by exact distance.
std::vector<std::size_t> slow_candidates(const World& world, const geo::GeoPoint& from) {
  std::vector<std::pair<double, std::size_t>> ready;
  for (std::size_t i = 0; i < world.states.size(); ++i) {
    const cache::EdgeState& state = world.states[i];
    const cache::Edge& edge = world.fleet->edges[i];
    if (state.mode != cache::EdgeMode::ready || state.load_ratio >= edge.max_load) continue;
    if (edge.is_shield) continue;
    ready.emplace_back(geo::distance_km(from, edge.point), i);
  }
  std::sort(ready.begin(), ready.end());
  double radius = world.options.radius_km;
  const auto within = [&] {
    return static_cast<std::size_t>(std::count_if(
        ready.begin(), ready.end(), [&](const auto& entry) { return entry.first <= radius; }));
  };
  while (within() < world.options.candidates_min && within() < ready.size()) radius *= 2;
  std::vector<std::size_t> result;
  for (const auto& [km, i] : ready) {
    if (km <= radius && result.size() < world.options.candidates_max) result.push_back(i);
  }
  return result;
}

}  // namespace

TEST_CASE("candidates are those of the rule, whatever is down and however many edges there are") {
  for (const std::size_t edges : {1U, 3U, 20U, 64U, 300U, 1024U}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(edges, seed);
      cache::Random random(seed * 1000 + edges);
      World world = World::random(random, edges, 60);
      world.options.radius_km = seed == 2 ? 3000 : 500;
      world.options.candidates_max = seed == 3 ? 4 : 16;
      // From a few that are away to nearly all.
      for (auto& state : world.states) {
        if (random.unit() < static_cast<double>(seed) * 0.24) state.mode = cache::EdgeMode::down;
      }
      const Snapshot snapshot = world.snapshot();
      for (std::size_t place = 0; place < world.places.size(); ++place) {
        const Client client = locate(World::client(place), snapshot.fleet->map());
        Candidates found;
        gather(snapshot, client.cell, 0, Lenience::strict, found);
        const auto expected = slow_candidates(world, world.places[place].point);
        REQUIRE(found.count == expected.size());
        for (std::size_t i = 0; i < found.count; ++i) {
          REQUIRE(cache::index(found.edge[i]) == expected[i]);
        }
      }
    }
  }
}

TEST_CASE("an edge that may not serve is never chosen nor named as next") {
  for (const Scoring scoring :
       {Scoring::weighted, Scoring::latency, Scoring::nearest, Scoring::random}) {
    cache::Random random(static_cast<std::uint64_t>(scoring) + 77);
    World world = World::random(random, 80, 100);
    world.options.scoring = scoring;
    for (std::size_t i = 0; i < 80; ++i) {
      world.states[i].mode = static_cast<cache::EdgeMode>(random.below(4));
      if (random.below(6) == 0) world.states[i].seen_at_ms = -15'001;
      world.fleet->edges[i].is_shield = random.below(8) == 0;
      if (random.below(8) == 0) world.fleet->edges[i].services = {"other"};
    }
    const Snapshot snapshot = world.snapshot();
    const auto may_serve = [&](cache::EdgeId id) {
      const cache::EdgeState& state = world.states[cache::index(id)];
      const cache::Edge& edge = (*world.fleet)[id];
      return state.mode == cache::EdgeMode::ready && state.seen_at_ms >= -15'000 &&
             state.load_ratio < edge.max_load && !edge.is_shield && edge.services.empty();
    };
    int chosen = 0;
    for (int i = 0; i < 5000; ++i) {
      const Decision decision = route(World::request(random, 100), snapshot);
      if (decision.edge == cache::kNoEdge) continue;
      ++chosen;
      REQUIRE(may_serve(decision.edge));
      REQUIRE(may_serve(decision.wanted));
      for (const auto& next : decision.runners_up) {
        if (next.edge != cache::kNoEdge) REQUIRE(may_serve(next.edge));
      }
    }
    CHECK(chosen > 4000);
  }
}

TEST_CASE("more load never attracts") {
  for (const Scoring scoring : {Scoring::weighted, Scoring::latency}) {
    cache::Random random(5);
    World world = World::random(random, 40, 50);
    world.options.scoring = scoring;
    for (auto& state : world.states) state.load_ratio *= 0.9;
    Snapshot before = world.snapshot();
    int left = 0;
    for (std::size_t edge = 0; edge < 40; ++edge) {
      World loaded = world;
      loaded.states[edge].load_ratio += random.unit() * 0.5;
      Snapshot after = before;
      loaded.update(after);
      for (int i = 0; i < 400; ++i) {
        const Request request = World::request(random, 50);
        const cache::EdgeId then = route(request, before).edge;
        const cache::EdgeId now = route(request, after).edge;
        if (now == edge_id(edge)) REQUIRE(then == now);
        left += then == edge_id(edge) && now != then ? 1 : 0;
      }
    }
    CHECK(left > 0);
  }
}

TEST_CASE("a score is the weighted sum of its terms and the edge's bias") {
  cache::Random random(9);
  for (int round = 0; round < 20; ++round) {
    World world = World::random(random, 30, 40);
    double sum = 0;
    std::array<double, 4> weights{};
    for (double& weight : weights) sum += weight = random.unit();
    for (double& weight : weights) weight /= sum;
    world.options.weights = {weights[0], weights[1], weights[2], weights[3]};
    for (int i = 0; i < 30; ++i) {
      world.options.services[0].bias_score.push_back(static_cast<float>(random.unit() - 0.5));
    }
    const Snapshot snapshot = world.snapshot();
    for (int i = 0; i < 200; ++i) {
      const Explanation why = explain(World::request(random, 40), snapshot);
      for (const Considered& one : why.considered) {
        if (one.exclusion != Exclusion::none) continue;
        double expected = world.options.services[0].bias_score[cache::index(one.edge)];
        for (std::size_t k = 0; k < 4; ++k) {
          REQUIRE(one.terms[k] >= 0);
          REQUIRE(one.terms[k] <= 1);
          expected += weights[k] * static_cast<double>(one.terms[k]);
        }
        REQUIRE(one.score == Approx(expected).margin(1e-5));
      }
    }
  }
}

TEST_CASE("a latency is the sum of its terms, less the edge's bias") {
  cache::Random random(10);
  World world = World::random(random, 30, 40);
  world.options.scoring = Scoring::latency;
  for (int i = 0; i < 30; ++i) {
    world.options.services[0].bias_ms.push_back(static_cast<float>(40 * random.unit() - 20));
  }
  const Snapshot snapshot = world.snapshot();
  for (int i = 0; i < 500; ++i) {
    const Explanation why = explain(World::request(random, 40), snapshot);
    for (const Considered& one : why.considered) {
      if (one.exclusion != Exclusion::none) continue;
      double expected = -world.options.services[0].bias_ms[cache::index(one.edge)];
      for (const float term : one.terms) expected += static_cast<double>(term);
      REQUIRE(one.score == Approx(expected).margin(1e-3));
    }
  }
}

TEST_CASE("the chosen edge is within epsilon of the best score, with epsilon 0 the best") {
  for (const Scoring scoring : {Scoring::weighted, Scoring::latency}) {
    for (const double epsilon : {0.0, 0.02, 0.3}) {
      cache::Random random(21);
      World world = World::random(random, 60, 50);
      world.options.scoring = scoring;
      const double scale = scoring == Scoring::latency ? 100 : 1;
      world.options.spread_epsilon_score = epsilon;
      world.options.spread_epsilon_ms = epsilon * scale;
      const Snapshot snapshot = world.snapshot();
      for (int i = 0; i < 2000; ++i) {
        const Explanation why = explain(World::request(random, 50), snapshot);
        double best = scoring == Scoring::latency ? 1e9 : -1e9;
        for (const Considered& one : why.considered) {
          if (one.exclusion != Exclusion::none) continue;
          best = scoring == Scoring::latency ? std::min<double>(best, one.score)
                                             : std::max<double>(best, one.score);
        }
        REQUIRE(std::abs(why.decision.score - best) <= epsilon * scale + 1e-4);
        if (why.decision.reason == Reason::best_score) REQUIRE(why.decision.score == Approx(best));
      }
    }
  }
}

TEST_CASE("equal inputs have equal answers, located before or not, explained or not") {
  cache::Random random(31);
  const World world = World::random(random, 64, 80);
  const Snapshot snapshot = world.snapshot();
  const Snapshot again = world.snapshot();
  for (int i = 0; i < 3000; ++i) {
    const Request request = World::request(random, 80);
    const Decision decision = route(request, snapshot);
    REQUIRE(route(request, again) == decision);
    REQUIRE(route(request, locate(request.client, snapshot.fleet->map()), snapshot) == decision);
    REQUIRE(explain(request, snapshot).decision == decision);
  }
}

TEST_CASE("a batch of any length has the decisions of its requests") {
  cache::Random random(32);
  const World world = World::random(random, 64, 80);
  const Snapshot snapshot = world.snapshot();
  for (const std::size_t count : {0U, 1U, 15U, 16U, 17U, 100U}) {
    std::vector<Request> requests;
    for (std::size_t i = 0; i < count; ++i) requests.push_back(World::request(random, 80));
    std::vector<Decision> decisions(count);
    route(requests, snapshot, decisions);
    for (std::size_t i = 0; i < count; ++i) REQUIRE(decisions[i] == route(requests[i], snapshot));
  }
}

TEST_CASE("an edge that leaves moves only its own keys, but to what enters in its place") {
  for (const Scoring scoring : {Scoring::weighted, Scoring::latency}) {
    cache::Random random(41);
    World world = World::random(random, 90, 60);
    world.options.scoring = scoring;
    world.options.spread_epsilon_score = 0.2;
    world.options.spread_epsilon_ms = 20;
    const Snapshot before = world.snapshot();
    int moved = 0;
    int strict = 0;
    for (std::size_t leaver = 0; leaver < 90; leaver += 2) {
      World without = world;
      without.states[leaver].mode = cache::EdgeMode::drain;
      Snapshot after = before;
      without.update(after);
      for (int i = 0; i < 400; ++i) {
        const Request request = World::request(random, 60);
        const Decision then = route(request, before);
        const Decision now = route(request, after);
        if (then.edge == edge_id(leaver)) {
          ++moved;
          continue;
        }
        // Whoever was a candidate before keeps its order; only a newcomer may go first.
        Candidates candidates;
        gather(before, then.cell, 0, Lenience::strict, candidates);
        Candidates later;
        gather(after, then.cell, 0, Lenience::strict, later);
        const auto has = [](const Candidates& list, cache::EdgeId edge) {
          return std::find(list.edge.begin(),
                           list.edge.begin() + static_cast<std::ptrdiff_t>(list.count),
                           edge) != list.edge.begin() + static_cast<std::ptrdiff_t>(list.count);
        };
        bool has_newcomer = false;
        for (std::size_t k = 0; k < later.count; ++k) {
          has_newcomer = has_newcomer || !has(candidates, later.edge[k]);
        }
        if (now.edge != then.edge) REQUIRE_FALSE(has(candidates, now.edge));
        if (!has_newcomer) {
          ++strict;
          REQUIRE(now.edge == then.edge);
        }
      }
    }
    CHECK(moved > 50);
    CHECK(strict > 10'000);
  }
}

}  // namespace edgeward::policy
