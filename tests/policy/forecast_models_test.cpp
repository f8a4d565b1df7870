#include "policy/forecast/models/models.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "policy/forecast/gaps.hpp"
#include "policy/forecast/interval.hpp"
#include "policy/forecast/models/autoregressive.hpp"
#include "tests/policy/forecast_support.hpp"

namespace edgeward::policy {

namespace {

const double kNone = std::nan("");
const std::vector<std::size_t> kDayAndWeek{24, 168};

std::vector<double> continued(const ForecastModel& model, const std::vector<double>& values,
                              std::size_t horizon, std::size_t phase = 0) {
  std::vector<double> expected(horizon);
  model.forecast({.values = values, .periods = kDayAndWeek, .phase = phase}, expected);
  return expected;
}

/// The design's profile, written from its text: lists of values by hour and by day.
double profile_oracle(const std::vector<double>& values, std::size_t step, std::size_t phase) {
  std::map<std::size_t, std::vector<double>> hours;
  std::map<std::size_t, std::vector<double>> days;
  const std::size_t first = values.size() > 720 ? values.size() - 720 : 0;
  for (std::size_t t = first; t < values.size(); ++t) {
    hours[(t + phase) % 24].push_back(values[t]);
    days[((t + phase) / 24) % 7].push_back(values[t]);
  }
  const auto mean = [](const std::vector<double>& list) {
    double sum = 0;
    for (const double value : list) sum += value;
    return sum / static_cast<double>(list.size());
  };
  const auto index = [&](const std::map<std::size_t, std::vector<double>>& groups,
                         std::size_t group) {
    std::vector<double> means;
    for (const auto& entry : groups) means.push_back(mean(entry.second));
    return mean(groups.at(group)) / mean(means);
  };
  const auto factor = [&](std::size_t t) {
    return 0.6 * index(hours, (t + phase) % 24) + 0.4 * index(days, ((t + phase) / 24) % 7);
  };
  double seen = 0;
  double factors = 0;
  for (std::size_t t = values.size() - 168; t < values.size(); ++t) {
    seen += values[t];
    factors += factor(t);
  }
  return factor(values.size() + step) * seen / factors;
}

/// Ridge regression by gradient descent in the space of standardised columns.
std::vector<double> ridge_oracle(const std::vector<double>& values,
                                 const std::vector<std::size_t>& lags, std::size_t steps) {
  const std::size_t first = lags.back();
  const std::size_t n = lags.size();
  const auto rows = static_cast<double>(values.size() - first);
  std::vector<double> means(n + 1);
  for (std::size_t t = first; t < values.size(); ++t) {
    means[n] += values[t] / rows;
    for (std::size_t j = 0; j < n; ++j) means[j] += values[t - lags[j]] / rows;
  }
  double penalty = 0;
  for (std::size_t t = first; t < values.size(); ++t) {
    for (std::size_t j = 0; j < n; ++j) {
      penalty += 1e-5 * std::pow(values[t - lags[j]] - means[j], 2) / static_cast<double>(n);
    }
  }
  std::vector<double> weights(n);
  for (int round = 0; round < 20'000; ++round) {
    for (std::size_t j = 0; j < n; ++j) {  // the best weight while the others stay
      double product = 0;
      double square = penalty;
      for (std::size_t t = first; t < values.size(); ++t) {
        double rest = values[t] - means[n];
        for (std::size_t k = 0; k < n; ++k) {
          if (k != j) rest -= weights[k] * (values[t - lags[k]] - means[k]);
        }
        product += rest * (values[t - lags[j]] - means[j]);
        square += std::pow(values[t - lags[j]] - means[j], 2);
      }
      weights[j] = product / square;
    }
  }
  std::vector<double> all = values;
  for (std::size_t step = 0; step < steps; ++step) {
    double next = means[n];
    for (std::size_t j = 0; j < n; ++j) next += weights[j] * (all[all.size() - lags[j]] - means[j]);
    all.push_back(next);
  }
  return all;
}

}  // namespace

TEST_CASE("a seasonal naive forecast repeats the last period and else the last value") {
  const auto model = make_seasonal_naive("seasonal_naive_24", 3);
  CHECK(model->name() == "seasonal_naive_24");
  CHECK(continued(*model, {9, 1, 2, 3}, 5) == std::vector<double>{1, 2, 3, 1, 2});
  CHECK(continued(*model, {1, 2}, 3) == std::vector<double>{2, 2, 2});
}

TEST_CASE("the profile is the design's formula") {
  for (const std::size_t hours : {168, 400, 720, 1000}) {
    for (const std::size_t phase : {0, 5, 100}) {
      const auto values = traffic({.hours = hours, .noise = 0.3, .seed = hours + phase});
      const auto expected = continued(*make_profile(), values, 30, phase);
      for (std::size_t step = 0; step < 30; ++step) {
        CHECK(expected[step] == Approx(profile_oracle(values, step, phase)));
      }
    }
  }
}

TEST_CASE("a trending boost is a factor for each step within its bounds") {
  const auto values = traffic({});
  const auto plain = continued(*make_profile(), values, 6);
  const auto boosted = continued(*make_profile({2, 0.1, 50, 1, 0.7}), values, 6);
  const std::vector<double> factors{2, 0.5, 3, 1, 0.7, 1};
  for (std::size_t i = 0; i < 6; ++i) CHECK(boosted[i] == Approx(plain[i] * factors[i]));
}

TEST_CASE("an autoregression is the ridge regression that descent finds") {
  cache::Random random(4);
  std::vector<double> values{1, 2};
  for (int t = 0; t < 150; ++t) {
    values.push_back(0.3 + 0.6 * values[values.size() - 1] - 0.2 * values[values.size() - 2] +
                     0.1 * normal(random));
  }
  const std::vector<std::size_t> lags{1, 2, 7};
  std::vector<double> extended = values;
  Autoregressive(values, lags).extend(extended, 12);
  const std::vector<double> oracle = ridge_oracle(values, lags, 12);
  for (std::size_t t = values.size(); t < oracle.size(); ++t) {
    CHECK(extended[t] == Approx(oracle[t]).epsilon(1e-9));
  }
}

TEST_CASE("an autoregression that explodes stays near what was seen") {
  std::vector<double> values;
  for (int t = 0; t < 12; ++t) values.push_back(std::pow(3, t));
  Autoregressive(values, {1, 2}).extend(values, 500);
  for (const double value : values) CHECK(value <= 1.5 * std::pow(3, 11));
}

TEST_CASE("seasonal lags are of the last steps and of the same step of earlier periods") {
  const std::vector<std::size_t> expected{1,  2,  3,  23,  24,  25,  26,  47,  48,
                                          49, 72, 96, 120, 144, 167, 168, 169, 170};
  CHECK(seasonal_lags(kDayAndWeek) == expected);
  CHECK(seasonal_lags({}) == std::vector<std::size_t>{1, 2, 3});
  const std::vector<std::size_t> two{2};
  CHECK(seasonal_lags(two) == std::vector<std::size_t>{1, 2, 3, 4, 5});
}

TEST_CASE("gaps are filled from whole periods around them and else straight") {
  const std::vector<std::size_t> periods{3};
  std::vector<double> values{1, 2, 3, 4, kNone, 6, 7, 10, 9};
  CHECK(fill_gaps(values, periods) == 1);
  CHECK(values[4] == 6);  // between 2 and 10
  std::vector<double> straight{kNone, 1, kNone, kNone, 4, kNone};
  CHECK(fill_gaps(straight, {}) == 4);
  CHECK(straight == std::vector<double>{1, 1, 2, 3, 4, 4});
  std::vector<double> unknown{kNone, kNone};
  CHECK(fill_gaps(unknown, periods) == 2);
  CHECK(unknown == std::vector<double>{0, 0});
}

TEST_CASE("an interval holds the asked for share of the errors it is made of") {
  cache::Random random(8);
  const BacktestPlan plan = BacktestPlan::rolling(20'000, 10, 10, 10'000, 1'000);
  REQUIRE(plan.origins.size() == 1'000);
  std::vector<double> observed;
  for (int t = 0; t < 20'000; ++t) observed.push_back(normal(random) * (1 + t % 10));
  const std::vector<double> expected(10'000, 0.0);
  const std::vector<double> next(10, 0.0);
  for (const double level : {0.5, 0.8, 0.95}) {
    const IntervalWidths intervals(expected, plan, observed, level);
    CHECK(intervals.held_out_sums().accuracy(1).coverage.value() == Approx(level).margin(0.01));
    // Errors grow tenfold over the horizon and so do the widths, but for smoothing.
    CHECK(intervals.widths(next)[9] > 3 * intervals.widths(next)[0]);
  }
}

TEST_CASE("errors are those of their definitions") {
  AccuracySums sums;
  sums.add(10, 8);
  sums.add(0, 0);
  sums.add(5, 10);
  sums.add_interval(10, 9, 11);
  sums.add_interval(0, 1, 2);
  const Accuracy accuracy = sums.accuracy(2);
  CHECK(accuracy.points == 3);
  CHECK(accuracy.wape.value() == Approx(7.0 / 15));
  CHECK(accuracy.smape.value() == Approx((2.0 * 2 / 18 + 2.0 * 5 / 15) / 3));
  CHECK(accuracy.mase.value() == Approx(7.0 / 3 / 2));
  CHECK(accuracy.coverage.value() == 0.5);
  CHECK_FALSE(AccuracySums().accuracy(0).smape);
  CHECK_FALSE(sums.accuracy(0).mase);
}

TEST_CASE("origins are whole spacings before the last and have history enough") {
  const BacktestPlan plan = BacktestPlan::rolling(100, 10, 24, 40, 10);
  CHECK(plan.origins == std::vector<std::size_t>{42, 66, 90});
  CHECK(BacktestPlan::rolling(100, 10, 24, 40, 2).origins == std::vector<std::size_t>{66, 90});
  CHECK(BacktestPlan::rolling(100, 10, 200, 0, 9).origins == std::vector<std::size_t>{90});
  CHECK(BacktestPlan::rolling(5, 10, 24, 0, 10).origins.empty());
  CHECK(BacktestPlan::rolling(10, 10, 1, 0, 10).origins.empty());
}

}  // namespace edgeward::policy
