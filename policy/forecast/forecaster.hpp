#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/forecast/accuracy.hpp"
#include "policy/forecast/model.hpp"

namespace edgeward::policy {

struct PreparedSeries;

/// One step of a forecast: what is expected, and between which values the truth lies with the
/// probability asked for. low ≤ expected ≤ high.
struct ForecastStep {
  double expected = 0;
  double low = 0;
  double high = 0;

  bool operator==(const ForecastStep&) const = default;
};

/// How much a model has of a combined forecast.
struct ModelShare {
  std::string model;
  double share = 0;

  bool operator==(const ModelShare&) const = default;
};

struct Forecast {
  std::vector<ForecastStep> steps;
  std::vector<ModelShare> models;  ///< what was chosen, largest share first; they sum to 1
  Accuracy backtest;               ///< of the same choice, at earlier origins
  std::size_t origins = 0;         ///< how many; 0: the series was too short for any
  double naive_error = 0;          ///< mean |seasonal difference|, the unit of MASE

  bool operator==(const Forecast&) const = default;
};

/// How a model, or a mix of them, did.
struct ModelAccuracy {
  std::string model;
  Accuracy accuracy;
};

struct ForecastOptions {
  std::string model = "auto";
  std::size_t horizon = 24;              ///< steps
  double level_ratio = 0.8;              ///< of the interval; 0 < level < 1
  std::vector<std::int64_t> periods_ms;  ///< ascending
  std::int64_t step_ms = 3'600'000;
  std::vector<double> boost;  ///< of `profile`, a factor for each step; 1 beyond its end
};

/// Continues regular series. Pure: equal arguments, equal forecasts.
///
///     const Forecaster forecaster({.periods_ms = {24 * kHourMs, 168 * kHourMs}});
///     const Forecast forecast = forecaster.forecast(values);
///
/// Values may have gaps (NaN). What was never negative is not forecast to be. Forecasts scale with
/// the values. A series of one value goes on with it.
class Forecaster {
 public:
  /// Periods that are not usable with this step are left out, see unused_periods_ms(). Throws
  /// cache::ParameterError for a model that does not exist.
  explicit Forecaster(ForecastOptions options);

  /// `first_at_ms`: time of values[0], since 1970; a day begins at 0:00 UTC, a week on Monday.
  /// At least one value has to be finite.
  [[nodiscard]] Forecast forecast(std::span<const double> values,
                                  std::int64_t first_at_ms = 0) const;

  /// Forecasts made again over the last 20 %, from a new origin every day (BacktestPlan::rolling),
  /// each from what was known there, choice and interval included; compared with what came. Of the
  /// model that the options name; for `auto`, which has them anyway, also of all others.
  /// Accuracy::points is 0 where the series is too short for one origin.
  [[nodiscard]] std::vector<ModelAccuracy> backtest(std::span<const double> values,
                                                    std::int64_t first_at_ms = 0) const;

  [[nodiscard]] std::span<const std::int64_t> unused_periods_ms() const { return unused_ms_; }
  [[nodiscard]] const ForecastOptions& options() const { return options_; }

 private:
  struct Trial;

  [[nodiscard]] Trial try_models(const PreparedSeries& series, std::int64_t first_at_ms) const;
  [[nodiscard]] Forecast chosen(const Trial& trial) const;
  [[nodiscard]] Forecast equally_mixed(const Trial& trial, std::size_t first,
                                       std::size_t count) const;
  /// `before`: what the mix said at earlier origins.
  [[nodiscard]] Forecast mixed(const Trial& trial, std::span<const double> shares,
                               std::vector<double> before) const;
  [[nodiscard]] std::size_t shortest_period() const {
    return periods_.empty() ? 1 : periods_.front();
  }

  ForecastOptions options_;
  std::vector<std::size_t> periods_;  ///< in steps
  std::vector<std::int64_t> unused_ms_;
  std::vector<ForecastModelPtr> models_;  ///< those that the forecast is made of
};

/// Whether a period is a whole number of steps, at least two.
[[nodiscard]] bool is_usable_period(std::int64_t period_ms, std::int64_t step_ms);

/// Names that ForecastOptions::model takes, where these periods are used.
[[nodiscard]] std::vector<std::string> forecast_model_names(
    std::span<const std::int64_t> periods_ms);

}  // namespace edgeward::policy
