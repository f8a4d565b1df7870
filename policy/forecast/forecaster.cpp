#include "policy/forecast/forecaster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "cache/parameters.hpp"
#include "policy/forecast/backtest.hpp"
#include "policy/forecast/choice.hpp"
#include "policy/forecast/interval.hpp"
#include "policy/forecast/models/models.hpp"
#include "policy/forecast/prepared_series.hpp"

namespace edgeward::policy {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kFirstMondayMs = 4 * kDayMs;  ///< 1970-01-05
/// Forecasts are made again at most at so many origins, for a choice and for its interval.
constexpr std::size_t kOriginsMax = 14;
constexpr std::size_t kOriginsMin = 4;
constexpr double kBacktestRatio = 0.2;
constexpr std::int64_t kPeriodStepsMax = 1'000'000;

constexpr std::string_view kAuto = "auto";
constexpr std::string_view kCombination = "combination";
constexpr std::string_view kSeasonalNaive = "seasonal_naive";  ///< that of the shortest period
constexpr std::size_t kCombined = 3;  ///< models of `combination`, the first of all

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
  const double days = static_cast<double>(period_ms) / static_cast<double>(kDayMs);
  return fmt::format("seasonal_naive_{:g}", 24 * days);
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

/// The models that a forecaster may use, those of `combination` first.
std::vector<ForecastModelPtr> all_models(const ForecastOptions& options,
                                         std::span<const std::size_t> periods) {
  std::vector<ForecastModelPtr> models;
  models.push_back(make_exponential_smoothing());
  models.push_back(make_autoregression());
  models.push_back(make_regression());
  models.push_back(make_profile(options.boost));
  for (const std::size_t period : periods) {
    const std::int64_t period_ms = static_cast<std::int64_t>(period) * options.step_ms;
    models.push_back(make_seasonal_naive(naive_name(period_ms), period));
  }
  return models;
}

void add_errors(const Forecast& made, std::span<const double> actual, AccuracySums& sums) {
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(actual[i])) continue;
    sums.add(actual[i], made.steps[i].expected);
    sums.add_interval(actual[i], made.steps[i].low, made.steps[i].high);
  }
}

std::vector<double> equal_shares(std::size_t first, std::size_t count, std::size_t models) {
  std::vector<double> shares(models);
  std::fill_n(shares.begin() + static_cast<std::ptrdiff_t>(first), count,
              1.0 / static_cast<double>(count));
  return shares;
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

/// What all models say: at earlier origins, and of what is to come.
struct Forecaster::Trial {
  const PreparedSeries& series;
  ModelChoice before;
  std::vector<std::vector<double>> next;
};

Forecaster::Forecaster(ForecastOptions options) : options_(std::move(options)) {
  std::vector<std::int64_t> used_ms;
  for (const std::int64_t period_ms : options_.periods_ms) {
    const bool is_used = is_usable_period(period_ms, options_.step_ms);
    (is_used ? used_ms : unused_ms_).push_back(period_ms);
    if (is_used) periods_.push_back(static_cast<std::size_t>(period_ms / options_.step_ms));
  }
  if (options_.model == kSeasonalNaive) {
    const std::size_t period = periods_.empty() ? 1 : periods_.front();
    models_.push_back(make_seasonal_naive(std::string(kSeasonalNaive), period));
  } else {
    models_ = all_models(options_, periods_);
  }
  if (options_.model == kCombination) models_.resize(kCombined);
  if (options_.model != kCombination && options_.model != kAuto) {
    std::erase_if(models_,
                  [this](const ForecastModelPtr& m) { return m->name() != options_.model; });
  }
  if (models_.empty()) {
    throw cache::ParameterError(fmt::format("model '{}': expected one of {}", options_.model,
                                            fmt::join(forecast_model_names(used_ms), ", ")));
  }
}

Forecaster::Trial Forecaster::try_models(const PreparedSeries& series,
                                         std::int64_t first_at_ms) const {
  const History history{.values = series.values,
                        .periods = periods_,
                        .phase = phase_steps(first_at_ms, options_.step_ms, periods_)};
  Trial trial{
      .series = series,
      .before = ModelChoice(inner_plan(series.values.size(), options_, periods_), series.observed)};
  for (const ForecastModelPtr& model : models_) {
    std::vector<double> before = policy::backtest(*model, history, trial.before.plan());
    series.keep_possible(before);
    trial.before.add(std::move(before));
    std::vector<double> next(options_.horizon);
    model->forecast(history, next);
    series.keep_possible(next);
    trial.next.push_back(std::move(next));
  }
  return trial;
}

Forecast Forecaster::mixed(const Trial& trial, std::span<const double> shares,
                           std::vector<double> before) const {
  const PreparedSeries& series = trial.series;
  std::vector<double> expected(options_.horizon);
  for (std::size_t i = 0; i < models_.size(); ++i) {
    for (std::size_t step = 0; step < expected.size() && shares[i] > 0; ++step) {
      expected[step] += shares[i] * trial.next[i][step];
    }
  }
  const IntervalWidths intervals(std::move(before), trial.before.plan(), series.observed,
                                 options_.level_ratio);
  const std::vector<double> widths =
      intervals.is_known()
          ? intervals.widths(expected)
          : random_walk_widths(series.values, options_.horizon, options_.level_ratio);
  const double naive = naive_error(series.observed, series.observed.size(), shortest_period());
  return {.steps = series.steps(expected, widths),
          .models = named_shares(models_, shares),
          .backtest = intervals.held_out_sums().accuracy(naive),
          .origins = trial.before.plan().origins.size(),
          .naive_error = naive * series.scale};
}

Forecast Forecaster::chosen(const Trial& trial) const {
  if (options_.model == kAuto) {
    return mixed(trial, trial.before.shares_by_error(), trial.before.combined_by_error());
  }
  return equally_mixed(trial, 0, models_.size());
}

Forecast Forecaster::equally_mixed(const Trial& trial, std::size_t first, std::size_t count) const {
  const std::vector<double> shares = equal_shares(first, count, models_.size());
  return mixed(trial, shares, trial.before.combined(shares));
}

Forecast Forecaster::forecast(std::span<const double> values, std::int64_t first_at_ms) const {
  const PreparedSeries series(values, periods_);
  return chosen(try_models(series, first_at_ms));
}

std::vector<ModelAccuracy> Forecaster::backtest(std::span<const double> values,
                                                std::int64_t first_at_ms) const {
  const auto history_min = static_cast<std::size_t>(
      std::ceil(static_cast<double>(values.size()) * (1 - kBacktestRatio)));
  const BacktestPlan plan = BacktestPlan::rolling(
      values.size(), options_.horizon, day_steps(options_.step_ms), history_min, values.size());
  const bool is_auto = options_.model == kAuto;
  std::vector<AccuracySums> sums(is_auto ? models_.size() + 2 : 1);
  for (const std::size_t origin : plan.origins) {
    const PreparedSeries series(values.first(origin), periods_);
    const Trial trial = try_models(series, first_at_ms);
    const std::span<const double> actual = values.subspan(origin, plan.horizon);
    add_errors(chosen(trial), actual, sums[0]);
    if (!is_auto) continue;
    add_errors(equally_mixed(trial, 0, kCombined), actual, sums[1]);
    for (std::size_t i = 0; i < models_.size(); ++i) {
      add_errors(equally_mixed(trial, i, 1), actual, sums[i + 2]);
    }
  }
  const std::size_t seen = plan.origins.empty() ? 0 : plan.origins.front();
  const double naive = naive_error(values, seen, shortest_period());
  std::vector<ModelAccuracy> result{{options_.model, sums[0].accuracy(naive)}};
  if (!is_auto) return result;
  result.push_back({std::string(kCombination), sums[1].accuracy(naive)});
  for (std::size_t i = 0; i < models_.size(); ++i) {
    result.push_back({std::string(models_[i]->name()), sums[i + 2].accuracy(naive)});
  }
  return result;
}

}  // namespace edgeward::policy
