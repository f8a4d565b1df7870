#include "geo/rtt_model.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "cache/random.hpp"
#include "geo/point.hpp"

namespace edgeward::geo {

namespace {

/// Roughly how far and how long real measurements are, with a long tail of detours.
std::vector<RttSample> skewed_samples(std::size_t count, cache::Random& random) {
  std::vector<RttSample> samples;
  for (std::size_t i = 0; i < count; ++i) {
    const double km = random.unit() * 19'000;
    const double detour_ms = -30 * std::log(1 - random.unit());
    samples.push_back({.km = km, .rtt_ms = 5 + 1.6 * light_rtt_ms(km) + detour_ms});
  }
  return samples;
}

double absolute_deviations(const RttModel& model, const std::vector<RttSample>& samples) {
  double sum = 0;
  for (const RttSample& sample : samples) {
    sum += std::abs(model.estimate_ms(sample.km) - sample.rtt_ms);
  }
  return sum;
}

}  // namespace

TEST_CASE("light takes 9.8 ms there and back over 1,000 km of fibre") {
  CHECK(light_rtt_ms(1000) == Approx(9.793).margin(0.001));
}

TEST_CASE("no estimate is below light in fibre, and none falls with distance") {
  cache::Random random(7);
  std::vector<RttModel> models{RttModel(), RttModel::fit({})};
  for (int i = 0; i < 50; ++i) {
    RttModel::Knots knots{};
    for (double& knot : knots) knot = random.unit() * 400 - 100;
    models.emplace_back(knots);
    std::vector<RttSample> samples;
    for (int k = 0; k < 30; ++k) {
      samples.push_back({.km = random.unit() * 20'000, .rtt_ms = random.unit() * 300});
    }
    models.push_back(RttModel::fit(samples));
  }
  for (const RttModel& model : models) {
    double before = 0;
    for (double km = 0; km <= kDistanceKmMax; km += 61) {
      const double rtt_ms = model.estimate_ms(km);
      REQUIRE(std::isfinite(rtt_ms));
      REQUIRE(rtt_ms >= light_rtt_ms(km) - 1e-9);
      REQUIRE(rtt_ms >= before - 1e-9);
      before = rtt_ms;
    }
  }
}

TEST_CASE("beyond the ends the nearer end counts") {
  const RttModel model;
  CHECK(model.estimate_ms(-5) == model.estimate_ms(0));
  CHECK(model.estimate_ms(1e9) == model.estimate_ms(RttModel::kKnotsKm.back()));
}

TEST_CASE("no other line through the knots deviates less from the samples") {
  cache::Random random(11);
  const auto samples = skewed_samples(4000, random);
  const RttModel model = RttModel::fit(samples);
  const double least = absolute_deviations(model, samples);
  // The sum is convex in the knots, so that a minimum among near lines is one among all.
  for (std::size_t knot = 0; knot < model.knots_ms().size(); ++knot) {
    for (const double step : {-4.0, -1.0, 1.0, 4.0}) {
      RttModel::Knots moved = model.knots_ms();
      moved[knot] += step;
      INFO("knot " << knot << " by " << step);
      // 10 ms + twice light counts as a sample at each knot: so far may the minimum be moved.
      CHECK(absolute_deviations(RttModel(moved), samples) >= least - std::abs(step));
    }
  }
}

TEST_CASE("half of the samples lie above the line, however skewed they are") {
  cache::Random random(13);
  const auto samples = skewed_samples(20'000, random);
  const RttModel model = RttModel::fit(samples);
  for (double from_km = 0; from_km < 18'000; from_km += 3000) {
    std::size_t count = 0;
    std::size_t above = 0;
    for (const RttSample& sample : samples) {
      if (sample.km < from_km || sample.km >= from_km + 3000) continue;
      ++count;
      if (sample.rtt_ms > model.estimate_ms(sample.km)) ++above;
    }
    INFO("from " << from_km << " km, " << count << " samples");
    CHECK(static_cast<double>(above) / static_cast<double>(count) == Approx(0.5).margin(0.04));
  }
}

TEST_CASE("a third of wild samples hardly moves the line") {
  cache::Random random(17);
  std::vector<RttSample> samples;
  for (int i = 0; i < 3000; ++i) {
    const double km = random.unit() * 20'000;
    const double honest_ms = 12 + 1.8 * light_rtt_ms(km) + random.unit();
    samples.push_back({.km = km, .rtt_ms = i % 3 == 0 ? random.unit() * 5000 : honest_ms});
  }
  const RttModel model = RttModel::fit(samples);
  for (double km = 0; km < 20'000; km += 500) {
    CHECK(model.estimate_ms(km) == Approx(12.5 + 1.8 * light_rtt_ms(km)).margin(3));
  }
}

TEST_CASE("without samples the line is 10 ms and twice light, unusable samples are none") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<RttSample> unusable{
      {.km = kNan, .rtt_ms = 1},         {.km = 1, .rtt_ms = kNan},
      {.km = -1, .rtt_ms = 1},           {.km = 1, .rtt_ms = -1},
      {.km = 1, .rtt_ms = kInfinity},    {.km = kInfinity, .rtt_ms = 1},
      {.km = 1, .rtt_ms = kRttMsMax + 1}};
  const RttModel model = RttModel::fit(unusable);
  CHECK(model == RttModel::fit({}));
  for (const double km : {0.0, 700.0, 9000.0}) {
    CHECK(model.estimate_ms(km) == Approx(10 + 2 * light_rtt_ms(km)).margin(1e-6));
  }
}

}  // namespace edgeward::geo
