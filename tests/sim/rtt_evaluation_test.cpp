#include "sim/rtt_evaluation.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <string>

#include "cache/random.hpp"
#include "sim/rtt_report.hpp"
#include "tests/support.hpp"

namespace edgeward::sim {

namespace {

/// Cities anywhere; a round trip is the shipped model's time, and what `extra_ms`(a, b) adds.
template <class Extra>
RttPairs world(std::size_t cities, const Extra& extra_ms) {
  cache::Random random(9);
  RttPairs pairs;
  for (std::size_t i = 0; i < cities; ++i) {
    pairs.cities.push_back(
        {.name = std::to_string(i),
         .point = {.lat_deg = random.unit() * 100 - 40, .lon_deg = random.unit() * 360 - 180}});
    for (std::size_t j = 0; j < i; ++j) {
      const double km = geo::distance_km(pairs.cities[i].point, pairs.cities[j].point);
      const double rtt_ms = geo::RttModel().estimate_ms(km) + extra_ms(i, j);
      pairs.pairs.push_back({.a = i, .b = j, .km = km, .rtt_ms = rtt_ms});
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("where distance decides, nearest is best and nothing is gained or lost") {
  const RttPairs pairs = world(40, [](std::size_t, std::size_t) { return 0.0; });
  const RttEvaluation result = evaluate_rtt(pairs, {.edges = 10, .draws = 50});
  CHECK(result.cities == 40);
  CHECK(result.pairs == 780);
  CHECK(result.nearest.choices == 50 * 30);
  CHECK(result.nearest.best_ratio == 1);
  CHECK(result.nearest.mean_excess_ms == 0);
  CHECK(result.shipped_errors.all.median_absolute_ms == 0);
  CHECK(result.observed.corrected.mean_excess_ms < 1);
}

TEST_CASE("what an edge's own network adds is learnt from a tenth of the pairs") {
  // Every third city is slow, by an amount of its own.
  const auto height_ms = [](std::size_t city) {
    return city % 3 == 0 ? 60.0 + static_cast<double>(city) : 0.0;
  };
  const RttPairs pairs =
      world(100, [&](std::size_t a, std::size_t b) { return height_ms(a) + height_ms(b); });
  const RttEvaluation result = evaluate_rtt(pairs, {.edges = 20, .draws = 50});
  CHECK(result.nearest.mean_excess_ms > 15);
  CHECK(result.observed.excess_ratio < 0.45);
  CHECK(result.observed.unobserved_excess_ratio < 0.45);
  CHECK(result.forged_tenth.excess_ratio < 0.5);
}

TEST_CASE("chance teaches nothing: corrections without sense do little harm") {
  cache::Random random(31);
  const RttPairs pairs =
      world(80, [&](std::size_t, std::size_t) { return -25 * std::log(1 - random.unit()); });
  const RttEvaluation result = evaluate_rtt(pairs, {.edges = 20, .draws = 50});
  CHECK(result.observed.unobserved_excess_ratio < 1.25);
}

TEST_CASE("errors are told by distance, with their sign") {
  const geo::RttModel model;
  std::vector<geo::RttSample> samples;
  for (const double off_ms : {-1.0, 2.0, 30.0}) {
    samples.push_back({.km = 100, .rtt_ms = model.estimate_ms(100) + off_ms});
  }
  samples.push_back({.km = 500, .rtt_ms = model.estimate_ms(500) + 7});
  samples.push_back({.km = 20'000, .rtt_ms = model.estimate_ms(20'000) - 7});
  const RttModelErrors errors = model_errors(model, samples);
  REQUIRE(errors.bands.size() == 6);
  CHECK(errors.bands[0].errors.pairs == 3);
  CHECK(errors.bands[0].errors.median_bias_ms == Approx(-2));
  CHECK(errors.bands[0].errors.mean_bias_ms == Approx(-31.0 / 3));
  CHECK(errors.bands[0].errors.median_absolute_ms == Approx(2));
  CHECK(errors.bands[0].errors.mean_absolute_ms == Approx(11));
  CHECK(errors.bands[1].errors.median_bias_ms == Approx(-7));
  CHECK(errors.bands[5].errors.median_bias_ms == Approx(7));
  CHECK(errors.bands[3].errors.pairs == 0);
  CHECK(errors.all.pairs == 5);
}

TEST_CASE("the same pairs and seed give the same report, fewer cities than edges are refused") {
  const RttPairs pairs = world(30, [](std::size_t a, std::size_t) { return double(a % 7) * 9; });
  const RttEvaluationOptions options{.edges = 5, .draws = 20, .seeds = 2};
  const std::string once = rtt_evaluation_json(pairs, evaluate_rtt(pairs, options));
  CHECK(once == rtt_evaluation_json(pairs, evaluate_rtt(pairs, options)));
  RttEvaluationOptions other = options;
  other.seed = 2;
  CHECK(once != rtt_evaluation_json(pairs, evaluate_rtt(pairs, other)));
  CHECK_THROWS_WITH(evaluate_rtt(pairs, {.edges = 30}), Catch::Contains("30 cities"));
}

TEST_CASE("suspect pairs have no part in anything") {
  const auto extra_ms = [](std::size_t a, std::size_t b) { return double((a * b) % 11) * 5; };
  RttPairs pairs = world(40, extra_ms);
  RttPairs without = pairs;
  for (std::size_t i = 0; i < pairs.pairs.size(); i += 7) {
    pairs.pairs[i].is_suspect = true;
    pairs.pairs[i].rtt_ms = 0;
  }
  without.pairs.clear();
  for (const RttPair& pair : pairs.pairs) {
    if (!pair.is_suspect) without.pairs.push_back(pair);
  }
  RttEvaluation a = evaluate_rtt(pairs, {.edges = 10, .draws = 20, .seeds = 2});
  const RttEvaluation b = evaluate_rtt(without, {.edges = 10, .draws = 20, .seeds = 2});
  CHECK(a.suspect_pairs == 112);
  a.suspect_pairs = 0;
  CHECK(rtt_evaluation_json(pairs, a) == rtt_evaluation_json(pairs, b));
}

TEST_CASE("measured city pairs: the distance model and the corrections are worth what is said") {
  const auto data = test::shared_data();
  if (!data) return;
  const std::string path = (*data / "latency/wonderproxy-rtt-pairs-shared.csv.gz").string();
  const auto source = open_input(path);
  const RttPairs pairs = read_rtt_pairs(*source, path);
  CHECK(pairs.first_bad.empty());
  CHECK(pairs.pairs.size() == 11'935);
  for (const std::uint64_t seed : {1U, 2U}) {
    INFO("seed " << seed);
    const RttEvaluation result = evaluate_rtt(pairs, {.seed = seed});
    CHECK(result.nearest.best_ratio == Approx(0.564).margin(0.02));
    CHECK(result.nearest.mean_excess_ms == Approx(13).margin(1));
    CHECK(result.held_out_errors.all.median_absolute_ms <= 17);
    for (const RttBand& band : result.held_out_errors.bands) {
      INFO("from " << band.from_km << " km");
      CHECK(band.errors.pairs > 300);
      CHECK(std::abs(band.errors.median_bias_ms) <= 3);
    }
    CHECK(result.observed.excess_ratio <= 0.65);
    CHECK(result.observed.unobserved_excess_ratio <= 0.70);
    CHECK(result.forged_tenth.forged > 200);
    CHECK(result.forged_tenth.excess_ratio <= 0.70);
    CHECK(result.forged_half.excess_ratio <= 0.75);
    CHECK(result.new_clients.excess_ratio <= 0.85);
    // The shipped constants are those that the file gives, to the digits they are written with.
    for (std::size_t i = 0; i < result.refitted.knots_ms().size(); ++i) {
      CHECK(result.shipped.knots_ms()[i] == Approx(result.refitted.knots_ms()[i]).margin(0.01));
    }
  }
}

}  // namespace edgeward::sim
