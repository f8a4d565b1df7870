#include "policy/forecast/forecaster.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cache/parameters.hpp"
#include "tests/instrumented.hpp"
#include "tests/policy/forecast_support.hpp"

namespace edgeward::policy {

namespace {

const double kNone = std::nan("");

/// What holds of any forecast of any series.
void check_sane(const Forecast& forecast, std::size_t horizon, bool is_non_negative) {
  REQUIRE(forecast.steps.size() == horizon);
  for (const ForecastStep& step : forecast.steps) {
    REQUIRE(std::isfinite(step.expected));
    REQUIRE(std::isfinite(step.low));
    REQUIRE(std::isfinite(step.high));
    REQUIRE(step.low <= step.expected);
    REQUIRE(step.expected <= step.high);
    if (is_non_negative) REQUIRE(step.low >= 0);
  }
  double sum = 0;
  for (const ModelShare& share : forecast.models) sum += share.share;
  CHECK(sum == Approx(1));
}

}  // namespace

TEST_CASE("every model continues any series with numbers in order and none below zero") {
  std::vector<std::vector<double>> series{
      {5},
      {0},
      {1, 2},
      {0, 0, 0, 0, 0, 7},
      std::vector<double>(700, 0),
      std::vector<double>(700, 3.25),
      {1, kNone, kNone, 4},
      {1e100, 1e-100, 1e100, 0, 1e99},
      {std::numeric_limits<double>::max(), 1, std::numeric_limits<double>::max()},
      {5e-324, 0, 5e-324},
  };
  for (const std::size_t hours : {23, 24, 25, 47, 48, 49, 100, 167, 168, 169, 336, 400, 700}) {
    series.push_back(traffic({.hours = hours, .seed = hours}));
  }
  cache::Random random(7);
  std::vector<double> sparse(700, 0);
  for (double& value : sparse) {
    if (random.below(20) == 0) value = static_cast<double>(random.below(100));
  }
  series.push_back(sparse);
  std::vector<double> rising;
  for (int t = 0; t < 400; ++t) rising.push_back(std::exp(t / 20.0));
  series.push_back(rising);
  for (const std::string& model : all_model_names()) {
    const Forecaster forecaster(hourly(model, 30));
    for (std::size_t i = 0; i < series.size(); ++i) {
      INFO(model << ", series " << i);
      check_sane(forecaster.forecast(series[i]), 30, true);
    }
  }
}

TEST_CASE("a series that is negative now and then may be forecast to be") {
  std::vector<double> values = traffic({.level = 1, .daily_swing = 0.9});
  for (double& value : values) value -= 1;
  for (const std::string& model : all_model_names()) {
    INFO(model);
    const Forecast forecast = Forecaster(hourly(model)).forecast(values);
    check_sane(forecast, 24, false);
    if (model != "profile") CHECK(forecast.steps[18].expected < 0);
  }
}

TEST_CASE("a constant series goes on with its constant and no width") {
  for (const double constant : {0.0, 1.0, 3.7, 1e-9, 1e12}) {
    const std::vector<double> values(600, constant);
    for (const std::string& model : all_model_names()) {
      INFO(model << ", " << constant);
      for (const ForecastStep& step : Forecaster(hourly(model)).forecast(values).steps) {
        CHECK(step.expected == Approx(constant).epsilon(1e-9));
        CHECK(step.high - step.low == Approx(0).margin(1e-9 * constant));
      }
    }
  }
}

TEST_CASE("an exactly periodic series is forecast exactly") {
  // By hour of the week, without any structure but that.
  cache::Random random(3);
  for (const std::size_t period : {24, 168}) {
    std::vector<double> pattern;
    for (std::size_t t = 0; t < period; ++t) pattern.push_back(10 + random.unit() * 90);
    std::vector<double> values;
    for (std::size_t t = 0; t < 5 * 168 + 31; ++t) values.push_back(pattern[t % period]);
    const Forecast forecast = Forecaster(hourly("auto", 48)).forecast(values);
    for (std::size_t i = 0; i < 48; ++i) {
      CHECK(forecast.steps[i].expected == pattern[(values.size() + i) % period]);
      CHECK(forecast.steps[i].high == forecast.steps[i].low);
    }
    CHECK(forecast.backtest.wape == 0);
    // The others come near it.
    for (const char* const model : {"exponential_smoothing", "autoregression", "regression"}) {
      INFO(model << ", " << period);
      const Forecast near = Forecaster(hourly(model, 48)).forecast(values);
      for (std::size_t i = 0; i < 48 && period == 24; ++i) {
        CHECK(near.steps[i].expected ==
              Approx(pattern[(values.size() + i) % period]).epsilon(0.02));
      }
    }
  }
}

TEST_CASE("equal series have equal forecasts and forecasts scale with the values") {
  const std::vector<double> values = traffic({.seed = 5});
  for (const std::string& model : all_model_names()) {
    const Forecaster forecaster(hourly(model));
    const Forecast once = forecaster.forecast(values);
    CHECK(once == forecaster.forecast(values));
    CHECK(once == Forecaster(hourly(model)).forecast(values));
    for (const double factor : {4.0, 1e-6, 1e6, 3.0}) {
      INFO(model << " times " << factor);
      std::vector<double> scaled = values;
      for (double& value : scaled) value *= factor;
      const Forecast forecast = forecaster.forecast(scaled);
      for (std::size_t i = 0; i < forecast.steps.size(); ++i) {
        CHECK(forecast.steps[i].expected == Approx(once.steps[i].expected * factor).epsilon(1e-6));
        CHECK(forecast.steps[i].low == Approx(once.steps[i].low * factor).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("the more probable interval holds the less probable one") {
  const std::vector<double> values = traffic({.seed = 6});
  ForecastOptions options = hourly("auto");
  std::vector<ForecastStep> narrower;
  for (const double level : {0.5, 0.8, 0.95}) {
    options.level_ratio = level;
    const std::vector<ForecastStep> steps = Forecaster(options).forecast(values).steps;
    for (std::size_t i = 0; i < narrower.size(); ++i) {
      CHECK(steps[i].low <= narrower[i].low);
      CHECK(steps[i].high >= narrower[i].high);
    }
    narrower = steps;
  }
}

TEST_CASE("80 % intervals hold 75 to 85 % of what comes and the weekday does not matter") {
  for (const double noise : {0.02, 0.2}) {
    for (const double persistence : {0.0, 0.9}) {
      std::size_t held = 0;
      std::size_t all = 0;
      constexpr std::uint64_t kSeries = test::kIsInstrumented ? 35 : 140;
      for (std::uint64_t seed = 1; seed <= kSeries; ++seed) {
        const std::size_t hours = (28 + seed % 7) * 24;
        const auto values = traffic(
            {.hours = hours + 24, .noise = noise, .persistence = persistence, .seed = 100 + seed});
        const Forecast forecast =
            Forecaster(hourly("auto")).forecast(std::span(values).first(hours));
        for (std::size_t i = 0; i < 24; ++i, ++all) {
          const double actual = values[hours + i];
          held += forecast.steps[i].low <= actual && actual <= forecast.steps[i].high ? 1 : 0;
        }
      }
      const double coverage = static_cast<double>(held) / static_cast<double>(all);
      WARN("noise " << noise << ", persistence " << persistence << ": coverage " << coverage);
      // Of a quarter of the series it is not known as well.
      constexpr double kSlack = test::kIsInstrumented ? 0.04 : 0;
      CHECK(coverage >= 0.75 - kSlack);
      CHECK(coverage <= 0.85 + kSlack);
    }
  }
}

TEST_CASE("auto errs less than both seasonal naives where there is a weekly pattern and noise") {
  const std::vector<double> values = traffic({.hours = 56 * 24, .noise = 0.1, .seed = 9});
  const auto wape = [&values](const std::string& model) {
    const auto backtest = Forecaster(hourly(model)).backtest(values);
    CHECK(backtest.front().model == model);
    const Accuracy& accuracy = backtest.front().accuracy;
    CHECK(accuracy.points == 11 * 24);
    return accuracy.wape.value();
  };
  const double of_auto = wape("auto");
  CHECK(of_auto < wape("seasonal_naive_24"));
  CHECK(of_auto < wape("seasonal_naive_168"));
  CHECK(of_auto < wape("profile"));
}

TEST_CASE("growth is not taken for a week that rises from its first day to its last") {
  for (std::size_t day = 0; day < 7; ++day) {
    const std::size_t hours = (28 + day) * 24;
    std::vector<double> values = traffic(
        {.hours = hours + 24, .weekend_ratio = 1, .noise = 0.02, .persistence = 0, .seed = day});
    for (std::size_t t = 0; t < values.size(); ++t) values[t] *= 1 + 0.005 * static_cast<double>(t);
    for (const char* const model :
         {"auto", "exponential_smoothing", "autoregression", "regression"}) {
      INFO(model << " from day " << day);
      const Forecast forecast = Forecaster(hourly(model)).forecast(std::span(values).first(hours));
      double error = 0;
      double sum = 0;
      for (std::size_t i = 0; i < 24; ++i) {
        error += forecast.steps[i].expected - values[hours + i];
        sum += values[hours + i];
      }
      CHECK(std::abs(error) / sum < 0.05);
    }
  }
}

TEST_CASE("a backtest of auto tells of every model what a backtest of that model tells") {
  const std::vector<double> values = traffic({.noise = 0.1, .seed = 10});
  const auto all = Forecaster(hourly("auto")).backtest(values);
  CHECK(all.size() == 8);
  for (const ModelAccuracy& entry : all) {
    INFO(entry.model);
    const auto alone = Forecaster(hourly(entry.model)).backtest(values);
    CHECK(alone.front().accuracy == entry.accuracy);
  }
}

TEST_CASE("gaps change a forecast little") {
  const std::vector<double> values = traffic({.noise = 0.02, .seed = 11});
  std::vector<double> gappy = values;
  cache::Random random(12);
  for (std::size_t t = 1; t + 1 < gappy.size(); ++t) {
    if (random.below(10) == 0) gappy[t] = kNone;
  }
  for (std::size_t t = 300; t < 340; ++t) gappy[t] = kNone;
  const Forecast whole = Forecaster(hourly("auto")).forecast(values);
  const Forecast forecast = Forecaster(hourly("auto")).forecast(gappy);
  for (std::size_t i = 0; i < 24; ++i) {
    CHECK(forecast.steps[i].expected == Approx(whole.steps[i].expected).epsilon(0.1));
  }
}

TEST_CASE("the same series at another step and twice as fine has the same pattern") {
  std::vector<double> fine;
  for (const double value : traffic({.noise = 0.02, .seed = 13})) {
    fine.push_back(value);
    fine.push_back(value);
  }
  ForecastOptions options = hourly("auto", 48);
  options.step_ms = kTestHourMs / 2;
  const Forecast forecast = Forecaster(options).forecast(fine);
  const Forecast coarse =
      Forecaster(hourly("auto", 24)).forecast(traffic({.noise = 0.02, .seed = 13}));
  for (std::size_t i = 0; i < 48; ++i) {
    CHECK(forecast.steps[i].expected == Approx(coarse.steps[i / 2].expected).epsilon(0.1));
  }
}

TEST_CASE("periods that are no whole steps are left out and named") {
  ForecastOptions options = hourly("auto");
  options.step_ms = 24 * kTestHourMs;
  const Forecaster daily(options);
  REQUIRE(daily.unused_periods_ms().size() == 1);
  CHECK(daily.unused_periods_ms()[0] == 24 * kTestHourMs);
  options.step_ms = 5 * kTestHourMs;
  const Forecaster odd(options);
  CHECK(odd.unused_periods_ms().size() == 2);
  check_sane(odd.forecast(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}), 24, true);
}

TEST_CASE("an unknown model is an error that names the known ones") {
  CHECK_THROWS_WITH(Forecaster(hourly("arima")),
                    Catch::Contains("model 'arima'") && Catch::Contains("seasonal_naive_168"));
}

TEST_CASE("a series too short for an origin has no accuracy to tell") {
  const Forecaster forecaster(hourly("auto"));
  CHECK(forecaster.backtest(traffic({.hours = 30})).front().accuracy.points == 0);
  const Forecast forecast = forecaster.forecast(std::vector<double>{4, 5});
  CHECK(forecast.origins == 0);
  CHECK_FALSE(forecast.backtest.wape);
  CHECK(forecast.steps[0].high > forecast.steps[0].expected);
}

}  // namespace edgeward::policy
