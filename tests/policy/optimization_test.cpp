#include "policy/optimization.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <set>
#include <string>
#include <utility>

#include "cache/random.hpp"
#include "policy/json.hpp"
#include "policy/optimization_json.hpp"

namespace edgeward::policy {

namespace {

HourCounts hour(std::int64_t at, std::uint64_t requests, std::uint64_t hits) {
  return {.hour = at,
          .counts = {.requests = requests, .hits = hits, .bytes = requests, .hit_bytes = hits}};
}

/// A day of equal hours before and one after, with these hits a thousand requests.
EdgeTrial trial(const std::string& edge, bool is_applied, std::uint64_t before,
                std::uint64_t after) {
  EdgeTrial result{.edge = edge,
                   .strategy = StrategyVerdict::aggressive_prefetch,
                   .is_applied = is_applied,
                   .baseline = {},
                   .later = {},
                   .predicted = {}};
  for (std::int64_t at = 0; at < 24; ++at) {
    result.baseline.push_back(hour(at, 1000, before));
    result.later.push_back(hour(at + 24, 1000, after));
  }
  return result;
}

double normal(cache::Random& random) {
  return std::sqrt(-2 * std::log(1 - random.unit())) *
         std::cos(2 * std::numbers::pi * random.unit());
}

struct World {
  std::size_t applied = 1;
  std::size_t rest = 9;
  double effect = 0;
  double edge_drift = 0;  ///< from one day to the next, at each edge
  double hour_noise = 0;  ///< at each edge
  double stickiness = 0;  ///< of that noise, from hour to hour
};

/// Two days of edges of unequal traffic with a daily pattern, and a drift that all share.
std::vector<EdgeTrial> simulated(const World& world, std::uint64_t seed) {
  cache::Random random(seed);
  std::vector<EdgeTrial> trials;
  const double shared = 0.03 * normal(random);
  for (std::size_t at = 0; at < world.applied + world.rest; ++at) {
    EdgeTrial edge{.edge = "e",
                   .is_applied = at < world.applied,
                   .baseline = {},
                   .later = {},
                   .predicted = {}};
    edge.edge += static_cast<char>('a' + at);
    const double level = 0.6 + 0.2 * random.unit();
    const double traffic = 20'000 * std::exp(0.7 * normal(random));
    const double drift = world.edge_drift * normal(random);
    double noise = normal(random);
    for (std::int64_t h = 0; h < 48; ++h) {
      const double day = 1 + 0.8 * std::sin(2 * std::numbers::pi * static_cast<double>(h) / 24);
      const double fresh = std::sqrt(1 - world.stickiness * world.stickiness);
      noise = world.stickiness * noise + fresh * normal(random);
      double ratio = level + 0.05 * day + world.hour_noise * noise;
      if (h >= 24) ratio += shared + drift + (edge.is_applied ? world.effect : 0);
      const auto requests = static_cast<std::uint64_t>(traffic * day);
      const double hits = std::clamp(ratio, 0.0, 1.0) * static_cast<double>(requests);
      (h < 24 ? edge.baseline : edge.later)
          .push_back(hour(h, requests, static_cast<std::uint64_t>(hits)));
    }
    trials.push_back(std::move(edge));
  }
  return trials;
}

/// In how many of so many worlds the interval holds the effect.
double coverage(const World& world, int worlds) {
  int held = 0;
  for (int seed = 1; seed <= worlds; ++seed) {
    const auto canary = optimization(simulated(world, static_cast<std::uint64_t>(seed))).canary;
    REQUIRE(canary);
    REQUIRE(canary->low);
    held += *canary->low <= world.effect && world.effect <= *canary->high ? 1 : 0;
  }
  return static_cast<double>(held) / worlds;
}

}  // namespace

TEST_CASE("improvements are told by edge and on average, plain and weighed by later requests") {
  std::vector<EdgeTrial> trials(4);
  trials[0] = {.edge = "a",
               .is_applied = true,
               .baseline = {hour(0, 100, 50)},
               .later = {hour(24, 300, 210)},
               .predicted = {}};
  trials[1] = {.edge = "b",
               .is_applied = true,
               .baseline = {hour(0, 1000, 900)},
               .later = {hour(24, 100, 80)},
               .predicted = {}};
  trials[2] = {.edge = "c",
               .is_applied = false,
               .baseline = {hour(0, 10, 5)},
               .later = {hour(24, 10, 10)},
               .predicted = {}};
  trials[3] = {
      .edge = "d", .is_applied = true, .baseline = {}, .later = {hour(24, 7, 7)}, .predicted = {}};
  const Optimization result = optimization(trials);
  REQUIRE(result.edges.size() == 4);
  CHECK(*result.edges[0].improvement() == Approx(0.2));
  CHECK(*result.edges[1].improvement() == Approx(-0.1));
  CHECK(*result.edges[2].improvement() == Approx(0.5));
  CHECK_FALSE(result.edges[3].improvement());
  CHECK(result.edges_optimized == 3);
  // c has no strategy applied, d no baseline.
  CHECK(*result.average_improvement == Approx(0.05));
  CHECK(*result.average_improvement_weighted == Approx((300 * 0.2 - 100 * 0.1) / 400));
  // None has a thousand requests in both windows.
  CHECK_FALSE(result.canary);
}

TEST_CASE("nothing is said of edges that nobody asked") {
  const Optimization none = optimization({});
  CHECK(none.edges.empty());
  CHECK_FALSE(none.average_improvement);
  CHECK_FALSE(none.canary);
  std::vector<EdgeTrial> trials{trial("a", true, 500, 500)};
  trials[0].later.clear();
  const Optimization result = optimization(trials);
  CHECK(result.edges[0].baseline.requests == 24'000);
  CHECK_FALSE(result.edges[0].improvement());
  CHECK_FALSE(result.average_improvement_weighted);
}

TEST_CASE("a later window of some hours is compared with the same hours before") {
  EdgeTrial edge = trial("a", true, 500, 0);
  edge.later = {hour(26, 1000, 900), hour(27, 1000, 900)};
  edge.baseline[2] = hour(2, 1000, 100);
  EdgeTrial other = trial("b", false, 500, 0);
  other.later = {hour(26, 1000, 500)};
  const Optimization result = optimization(std::vector<EdgeTrial>{edge, other});
  CHECK(result.edges[0].baseline.requests == 2000);
  CHECK(result.edges[0].baseline.hits == 600);
  // The hour was measured, if not asked for here.
  CHECK(result.edges[1].baseline.requests == 2000);
  CHECK(result.canary);
}

TEST_CASE("what happened to all edges alike is not the canary's doing") {
  std::vector<EdgeTrial> trials{trial("a", true, 500, 400), trial("b", false, 700, 600),
                                trial("c", false, 300, 200)};
  const auto canary = optimization(trials).canary;
  REQUIRE(canary);
  CHECK(canary->edges == 1);
  CHECK(canary->rest == 2);
  CHECK(canary->effect == Approx(0).margin(1e-12));
  CHECK(canary->verdict == CanaryVerdict::undecided);
  CHECK(canary->basis == CanaryBasis::hours);
}

TEST_CASE("a canary that lost is rolled back and one that won is rolled out") {
  for (const bool is_large : {false, true}) {
    for (const bool has_won : {false, true}) {
      std::vector<EdgeTrial> trials{trial("a", true, 500, has_won ? 600 : 400)};
      for (int i = 0; i < (is_large ? 9 : 2); ++i) {
        std::string name("r");
        name += static_cast<char>('0' + i);
        trials.push_back(trial(name, false, 500, 500 + static_cast<std::uint64_t>(i)));
      }
      const auto canary = optimization(trials).canary;
      REQUIRE(canary);
      CHECK(canary->basis == (is_large ? CanaryBasis::edges : CanaryBasis::hours));
      CHECK(canary->verdict == (has_won ? CanaryVerdict::roll_out : CanaryVerdict::roll_back));
      CHECK(*canary->low < canary->effect);
      CHECK(canary->effect < *canary->high);
    }
  }
}

TEST_CASE("the effect between edges and its interval are those of the textbook") {
  // Equal traffic: the applied change by 0.04 and 0.06, the rest by 0, 0.01, 0.02 and 0.01.
  const std::vector<EdgeTrial> trials{trial("a", true, 500, 540),  trial("b", true, 500, 560),
                                      trial("c", false, 600, 600), trial("d", false, 600, 610),
                                      trial("e", false, 600, 620), trial("f", false, 600, 610)};
  const auto canary = optimization(trials).canary;
  REQUIRE(canary);
  CHECK(canary->effect == Approx(0.04));
  // Squares: 2 · 0.01² + 2 · 0.01²; four degrees of freedom; two and four edges; t = 2.776.
  const double half = 2.776 * std::sqrt(0.0004 / 4 * (1.0 / 2 + 1.0 / 4));
  CHECK(*canary->high - canary->effect == Approx(half).epsilon(0.003));
  CHECK(canary->effect - *canary->low == Approx(half).epsilon(0.003));
}

TEST_CASE("a jackknife of equal hours is the standard error of their mean") {
  // Blocks of four hours in which the one edge changes by 0, 10, … 50 points a thousand.
  EdgeTrial edge = trial("a", true, 500, 500);
  for (std::size_t h = 0; h < 24; ++h) {
    edge.later[h].counts.hits += 10 * (h / 4);
  }
  const auto canary = optimization(std::vector<EdgeTrial>{edge, trial("b", false, 0, 0)}).canary;
  REQUIRE(canary);
  CHECK(canary->effect == Approx(0.025));
  // Variance of 0 … 0.05: 3.5e-4; of the mean of six: a sixth; t with five degrees: 2.571.
  CHECK(*canary->high - canary->effect == Approx(2.571 * std::sqrt(3.5e-4 / 6)).epsilon(0.002));
}

TEST_CASE("an interval is no narrower than independent requests would have it") {
  const std::vector<EdgeTrial> trials{trial("a", true, 500, 500), trial("b", false, 500, 500)};
  const auto canary = optimization(trials).canary;
  REQUIRE(canary);
  CHECK(canary->effect == 0);
  CHECK(*canary->high == Approx(2.571 * std::sqrt(4 * 0.25 / 24'000)).epsilon(0.002));
}

TEST_CASE("with few edges and few hours there is no interval and no verdict") {
  EdgeTrial edge = trial("a", true, 500, 100);
  EdgeTrial rest = trial("b", false, 500, 500);
  edge.later.resize(5);
  rest.later.resize(5);
  const auto canary = optimization(std::vector<EdgeTrial>{edge, rest}).canary;
  REQUIRE(canary);
  CHECK(canary->effect == Approx(-0.4));
  CHECK_FALSE(canary->low);
  CHECK(canary->basis == CanaryBasis::none);
  CHECK(canary->verdict == CanaryVerdict::undecided);
}

TEST_CASE("edges of few requests do not count in a comparison") {
  std::vector<EdgeTrial> trials{trial("a", true, 500, 500), trial("b", false, 500, 500)};
  EdgeTrial thin = trial("c", false, 0, 0);
  thin.baseline = {hour(0, 999, 0)};
  thin.later = {hour(24, 999, 999)};
  trials.push_back(thin);
  const auto canary = optimization(trials).canary;
  REQUIRE(canary);
  CHECK(canary->rest == 1);
  CHECK(canary->effect == 0);
  CHECK(optimization(trials, {.requests_min = 999}).canary->rest == 2);
}

TEST_CASE("intervals hold the effect about as often as they say") {
  // By edges, each with a drift of its own.
  const double one_of_ten = coverage({.edge_drift = 0.02, .hour_noise = 0.01}, 400);
  const double five_of_twelve =
      coverage({.applied = 5, .rest = 7, .effect = -0.03, .edge_drift = 0.02}, 400);
  // By hours, where there are too few edges.
  const double few = coverage({.rest = 2, .effect = 0.02, .hour_noise = 0.03}, 400);
  const double sticky = coverage({.rest = 3, .hour_noise = 0.03, .stickiness = 0.5}, 400);
  CAPTURE(one_of_ten, five_of_twelve, few, sticky);
  WARN("coverage " << one_of_ten << ' ' << five_of_twelve << ' ' << few << ' ' << sticky);
  for (const double share : {one_of_ten, five_of_twelve, few}) {
    CHECK(share >= 0.91);
    CHECK(share <= 0.99);
  }
  CHECK(sticky >= 0.87);
}

TEST_CASE("the order of edges changes nothing but theirs") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::vector<EdgeTrial> trials =
        simulated({.applied = 3, .rest = seed % 2 == 0 ? 2U : 8U, .edge_drift = 0.01}, seed);
    const Optimization before = optimization(trials);
    std::reverse(trials.begin(), trials.end());
    Optimization after = optimization(trials);
    std::reverse(after.edges.begin(), after.edges.end());
    CHECK(after == before);
  }
}

TEST_CASE("a canary is a part of the edges that depends on names and salt alone") {
  std::vector<std::string> edges;
  for (int i = 0; i < 100; ++i) {
    std::string name("edge");
    name += std::to_string(i);
    edges.push_back(name);
  }
  const auto chosen = canary_edges(edges, 0.1, "monday");
  CHECK(chosen.size() == 10);
  CHECK(std::is_sorted(chosen.begin(), chosen.end()));
  CHECK(canary_edges(edges, 0.1, "monday") == chosen);
  CHECK(canary_edges(edges, 0.1, "tuesday") != chosen);
  CHECK(canary_edges(edges, 0.101, "monday").size() == 11);
  CHECK(canary_edges(edges, 0.07, "monday").size() == 7);  // 7.000000000000001
  std::set<std::string> names;
  for (const std::size_t at : chosen) names.insert(edges[at]);
  std::reverse(edges.begin(), edges.end());
  std::set<std::string> reversed;
  for (const std::size_t at : canary_edges(edges, 0.1, "monday")) reversed.insert(edges[at]);
  CHECK(reversed == names);

  edges.resize(3);
  CHECK(canary_edges(edges, 0.1, "").size() == 1);
  CHECK(canary_edges(edges, 0, "").size() == 1);
  CHECK(canary_edges(edges, 1, "").size() == 2);
  edges.resize(1);
  CHECK(canary_edges(edges, 1, "").size() == 1);
  CHECK(canary_edges({}, 0.5, "").empty());
}

TEST_CASE("an optimization as JSON") {
  std::vector<EdgeTrial> trials{trial("a\"", true, 500, 400), trial("b", false, 700, 700)};
  trials[0].predicted = HitRatioEstimate{.expected = 0.6, .low = 0.55, .high = 0.65};
  trials[1].later.clear();
  CHECK(json_line(optimization_json(optimization(trials))) ==
        R"({"edges":[{"edge":"a\"","strategy":"aggressive_prefetch","applied":true,)"
        R"("baseline_requests":24000,"baseline_hit_ratio":0.5,"requests":24000,)"
        R"("optimized_hit_ratio":0.4,"improvement":-0.1,)"
        R"("predicted":{"expected":0.6,"low":0.55,"high":0.65}},)"
        R"({"edge":"b","strategy":"aggressive_prefetch","applied":false,)"
        R"("baseline_requests":24000,"baseline_hit_ratio":0.7,"requests":0,)"
        R"("optimized_hit_ratio":null,"improvement":null,"predicted":null}],)"
        R"("edges_optimized":1,"average_improvement":-0.1,"average_improvement_weighted":-0.1,)"
        R"("canary":null})"
        "\n");
  trials[1] = trial("b", false, 700, 700);
  const std::string text = json_line(optimization_json(optimization(trials)).at("canary"));
  CHECK(text.starts_with(R"({"edges":1,"rest":1,"effect":-0.1,"low":-0.11)"));
  CHECK(text.ends_with("\"basis\":\"hours\",\"verdict\":\"roll_back\"}\n"));
}

}  // namespace edgeward::policy
