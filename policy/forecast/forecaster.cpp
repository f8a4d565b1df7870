#include "policy/forecast/forecaster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cache/parameters.hpp"
#include "policy/forecast/backtest.hpp"
#include "policy/forecast/choice.hpp"
#include "policy/forecast/gaps.hpp"
#include "policy/forecast/interval.hpp"
#include "policy/forecast/models/models.hpp"

namespace edgeward::policy {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kFirstMondayMs = 4 * kDayMs;  ///< 1970-01-05
/// Forecasts are made again at most at so many origins, for a choice and for its interval.
constexpr std::size_t kOriginsMax = 14;
constexpr std::size_t kOriginsMin = 4;
constexpr double kBacktestRatio = 0.2;
constexpr std::int64_t kPeriodStepsMax = 1'000'000;

constexpr std::string_view kAuto = "auto";
constexpr std::string_view kCombination = "combination";
constexpr std::string_view kSeasonalNaive = "seasonal_naive";  ///< that of the shortest period

/// A series made ready for the models.
struct Prepared {
  std::vector<double> observed;  ///< scaled; NaN in gaps
  std::vector<double> values;    ///< scaled; gaps filled
  double scale = 1;              ///< a power of two, so that scaling is exact
  bool is_non_negative = true;
};

double power_of_two_near(double size) {
  return size > 0 ? std::exp2(std::ilogb(size)) : 1;
}

Prepared prepare(std::span<const double> values, std::span<const std::size_t> periods) {
  Prepared series;
  std::size_t finite = 0;
  for (const double value : values) {
    if (std::isfinite(value)) ++finite;
  }
  double size = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    size += std::abs(value) / static_cast<double>(finite);  // not summed first: sums overflow
    if (value < 0) series.is_non_negative = false;
  }
  series.scale = power_of_two_near(size);
  series.observed.reserve(values.size());
  for (const double value : values) {
    series.observed.push_back(std::isfinite(value) ? value / series.scale : std::nan(""));
  }
  series.values = series.observed;
  fill_gaps(series.values, periods);
  return series;
}

/// With less history than this a model has seen too little of the patterns to be judged.
std::size_t history_min_steps(std::size_t values, std::span<const std::size_t> periods) {
  const std::size_t longest = periods.empty() ? 1 : periods.back();
  return std::max<std::size_t>({4, values / 2, std::min(2 * longest, values * 2 / 3)});
}

std::size_t day_steps(std::int64_t step_ms) {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, kDayMs / step_ms));
}

/// Origins are whole days apart, so that a step of the horizon is always the same time of day; but
/// closer where a series is too short for more than a few of them, and so near its end that only a
/// part of the horizon is compared where it is too short for one.
BacktestPlan inner_plan(std::size_t values, const ForecastOptions& options,
                        std::span<const std::size_t> periods) {
  const std::size_t history_min = history_min_steps(values, periods);
  const std::size_t horizon = options.horizon;
  if (history_min + horizon > values) {
    BacktestPlan plan{.horizon = horizon};
    if (history_min >= values) return plan;
    const std::size_t spacing = std::max<std::size_t>(1, (values - history_min) / kOriginsMin);
    for (std::size_t at = history_min; at < values; at += spacing) plan.origins.push_back(at);
    return plan;
  }
  std::size_t spacing = day_steps(options.step_ms);
  const std::size_t room = values - history_min - horizon;
  if (room < (kOriginsMin - 1) * spacing) spacing = std::max<std::size_t>(1, room / kOriginsMax);
  return BacktestPlan::rolling(values, horizon, spacing, history_min, kOriginsMax);
}

std::size_t phase_steps(std::int64_t first_at_ms, std::int64_t step_ms,
                        std::span<const std::size_t> periods) {
  if (periods.empty()) return 0;
  const std::int64_t longest_ms = static_cast<std::int64_t>(periods.back()) * step_ms;
  const std::int64_t since_ms = (first_at_ms - kFirstMondayMs) % longest_ms;
  return static_cast<std::size_t>((since_ms + longest_ms) % longest_ms / step_ms);
}

std::string naive_name(std::int64_t period_ms) {
  return fmt::format("seasonal_naive_{:g}",
                     static_cast<double>(period_ms) / static_cast<double>(kHourMs));
}

/// Largest first; those without a share are left out.
std::vector<ModelShare> named_shares(const std::vector<ForecastModelPtr>& models,
                                     std::span<const double> shares) {
  std::vector<ModelShare> named;
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (shares[i] > 0) named.push_back({std::string(models[i]->name()), shares[i]});
  }
  std::stable_sort(named.begin(), named.end(),
                   [](const ModelShare& a, const ModelShare& b) { return a.share > b.share; });
  return named;
}

/// Scales back, keeps to what is possible, and puts the interval around.
std::vector<ForecastStep> finished_steps(std::span<const double> expected,
                                         std::span<const double> widths, const Prepared& series) {
  std::vector<ForecastStep> steps(expected.size());
  const double least = series.is_non_negative ? 0 : -std::numeric_limits<double>::max();
  constexpr double kGreatest = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto possible = [&](double value) {
      return std::clamp(value * series.scale, least, kGreatest);
    };
    steps[i] = {.expected = possible(expected[i]),
                .low = possible(expected[i] - widths[i]),
                .high = possible(expected[i] + widths[i])};
  }
  return steps;
}

/// The models of that name, of which a forecast is the mean; none if there is no such name.
std::vector<ForecastModelPtr> models_named(const ForecastOptions& options,
                                           std::span<const std::size_t> periods) {
  std::vector<ForecastModelPtr> models;
  const auto add = [&](ForecastModelPtr model, bool is_combined) {
    const bool is_member = options.model == kAuto || (options.model == kCombination && is_combined);
    if (is_member || options.model == model->name()) models.push_back(std::move(model));
  };
  if (options.model == kSeasonalNaive) {
    models.push_back(
        make_seasonal_naive(std::string(kSeasonalNaive), periods.empty() ? 1 : periods.front()));
    return models;
  }
  add(make_exponential_smoothing(), true);
  add(make_autoregression(), true);
  add(make_regression(), true);
  add(make_profile(options.boost), false);
  for (const std::size_t period : periods) {
    const std::int64_t period_ms = static_cast<std::int64_t>(period) * options.step_ms;
    add(make_seasonal_naive(naive_name(period_ms), period), false);
  }
  return models;
}

/// What is forecast of a series that was never negative is not, either.
void keep_possible(std::span<double> expected, const Prepared& series) {
  for (double& value : expected) {
    if (!std::isfinite(value)) value = series.values.back();
    if (series.is_non_negative) value = std::max(value, 0.0);
  }
}

}  // namespace

bool is_usable_period(std::int64_t period_ms, std::int64_t step_ms) {
  const std::int64_t steps = period_ms / step_ms;
  return period_ms % step_ms == 0 && steps >= 2 && steps <= kPeriodStepsMax;
}

std::vector<std::string> forecast_model_names(std::span<const std::int64_t> periods_ms) {
  std::vector<std::string> names{std::string(kAuto),
                                 std::string(kCombination),
                                 "exponential_smoothing",
                                 "autoregression",
                                 "regression",
                                 "profile",
                                 std::string(kSeasonalNaive)};
  for (const std::int64_t period_ms : periods_ms) names.push_back(naive_name(period_ms));
  return names;
}

Forecaster::Forecaster(ForecastOptions options) : options_(std::move(options)) {
  std::vector<std::int64_t> used_ms;
  for (const std::int64_t period_ms : options_.periods_ms) {
    const bool is_used = is_usable_period(period_ms, options_.step_ms);
    (is_used ? used_ms : unused_ms_).push_back(period_ms);
    if (is_used) periods_.push_back(static_cast<std::size_t>(period_ms / options_.step_ms));
  }
  models_ = models_named(options_, periods_);
  if (models_.empty()) {
    throw cache::ParameterError(fmt::format("model '{}': expected one of {}", options_.model,
                                            fmt::join(forecast_model_names(used_ms), ", ")));
  }
}

Forecast Forecaster::forecast(std::span<const double> values, std::int64_t first_at_ms) const {
  const Prepared series = prepare(values, periods_);
  const History history{.values = series.values,
                        .periods = periods_,
                        .phase = phase_steps(first_at_ms, options_.step_ms, periods_)};
  Candidates tried(inner_plan(values.size(), options_, periods_), series.observed);
  for (const ForecastModelPtr& model : models_) {
    std::vector<double> expected = policy::backtest(*model, history, tried.plan());
    keep_possible(expected, series);
    tried.add(std::move(expected));
  }
  const bool is_by_error = options_.model == kAuto;
  const std::vector<double> weights =
      is_by_error ? tried.shares_by_error()
                  : std::vector<double>(models_.size(), 1.0 / static_cast<double>(models_.size()));
  std::vector<double> expected(options_.horizon);
  std::vector<double> row(options_.horizon);
  for (std::size_t i = 0; i < models_.size(); ++i) {
    if (weights[i] == 0) continue;
    models_[i]->forecast(history, row);
    keep_possible(row, series);
    for (std::size_t step = 0; step < row.size(); ++step) expected[step] += weights[i] * row[step];
  }

  const IntervalWidths intervals(is_by_error ? tried.combined_by_error() : tried.combined(weights),
                                 tried.plan(), series.observed, options_.level_ratio);
  const std::vector<double> widths =
      intervals.is_known()
          ? intervals.widths(expected)
          : random_walk_widths(series.values, options_.horizon, options_.level_ratio);
  const double naive =
      naive_error(series.observed, values.size(), periods_.empty() ? 1 : periods_.front());
  return {.steps = finished_steps(expected, widths, series),
          .models = named_shares(models_, weights),
          .backtest = intervals.held_out_sums().accuracy(naive),
          .origins = tried.plan().origins.size(),
          .naive_error = naive * series.scale};
}

Accuracy Forecaster::backtest(std::span<const double> values, std::int64_t first_at_ms) const {
  const auto history_min = static_cast<std::size_t>(
      std::ceil(static_cast<double>(values.size()) * (1 - kBacktestRatio)));
  const BacktestPlan plan = BacktestPlan::rolling(
      values.size(), options_.horizon, day_steps(options_.step_ms), history_min, values.size());
  AccuracySums sums;
  for (const std::size_t origin : plan.origins) {
    const Forecast made = forecast(values.first(origin), first_at_ms);
    for (std::size_t i = 0; i < plan.horizon; ++i) {
      const double actual = values[origin + i];
      if (!std::isfinite(actual)) continue;
      sums.add(actual, made.steps[i].expected);
      sums.add_interval(actual, made.steps[i].low, made.steps[i].high);
    }
  }
  const std::size_t period = periods_.empty() ? 1 : periods_.front();
  const std::size_t seen = plan.origins.empty() ? 0 : plan.origins.front();
  return sums.accuracy(naive_error(values, seen, period));
}

}  // namespace edgeward::policy
