#include "sim/replay/latency_histogram.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::sim {

TEST_CASE("quantiles are within 0.8 % of the exact ones, the mean is exact") {
  cache::Random random(5);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> all;
  std::uint64_t sum = 0;
  for (int i = 0; i < 50'000; ++i) {
    const auto us = static_cast<std::uint64_t>(std::exp(random.unit() * 20));
    histogram.add(us);
    all.push_back(us);
    sum += us;
  }
  std::sort(all.begin(), all.end());
  CHECK(*histogram.mean_ms() == Approx(static_cast<double>(sum) / 50'000 / 1000).epsilon(1e-12));
  for (const double quantile : {0.0001, 0.01, 0.5, 0.95, 0.99, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(quantile * 50'000));
    const double exact_ms = static_cast<double>(all[std::max<std::size_t>(rank, 1) - 1]) / 1000;
    CHECK(*histogram.quantile_ms(quantile) == Approx(exact_ms).epsilon(0.008));
  }
}

TEST_CASE("quantiles are those of the nearest rank") {
  LatencyHistogram histogram;
  for (std::uint64_t us = 1; us <= 10; ++us) histogram.add(us);
  CHECK(*histogram.quantile_ms(0.5) == Approx(0.005));
  CHECK(*histogram.quantile_ms(0.51) == Approx(0.006));
  CHECK(*histogram.quantile_ms(0.95) == Approx(0.010));
  CHECK(*histogram.quantile_ms(0.99) == Approx(0.010));
  CHECK(*histogram.quantile_ms(0) == Approx(0.001));
}

TEST_CASE("histograms add up, and an empty one has no quantiles") {
  LatencyHistogram both;
  LatencyHistogram one;
  LatencyHistogram other;
  CHECK_FALSE(both.mean_ms());
  CHECK_FALSE(both.quantile_ms(0.5));
  for (std::uint64_t us = 0; us < 5000; us += 7) {
    (us % 2 == 0 ? one : other).add(us * us);
    both.add(us * us);
  }
  one += other;
  CHECK(one == both);
  both.add(~std::uint64_t{0});  // longer than any bucket: the last
  CHECK(*both.quantile_ms(1) > 1e6);
}

}  // namespace edgeward::sim
