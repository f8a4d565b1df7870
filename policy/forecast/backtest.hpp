#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "policy/forecast/accuracy.hpp"
#include "policy/forecast/model.hpp"

namespace edgeward::policy {

/// From where forecasts are made again: the last origin is `horizon` steps before the end, or fewer
/// where only a part of the last forecast is to be compared.
struct BacktestPlan {
  std::size_t horizon = 24;
  std::vector<std::size_t> origins;  ///< lengths of the history that is seen, ascending

  /// Origins `spacing` steps apart that end at values.size() − `horizon`, none with less than
  /// `history_min` steps of history, at most `origins_max` (the last ones).
  [[nodiscard]] static BacktestPlan rolling(std::size_t values, std::size_t horizon,
                                            std::size_t spacing, std::size_t history_min,
                                            std::size_t origins_max);
};

/// What a model said at every origin of a plan, step by step: flat, one row of `horizon` an origin.
/// Steps beyond the end of the series are there too.
[[nodiscard]] std::vector<double> backtest(const ForecastModel& model, const History& history,
                                           const BacktestPlan& plan);

/// Compares a backtest's rows with what came. `observed`: as History::values, NaN where nothing was
/// observed; those and steps beyond the end are passed over.
[[nodiscard]] AccuracySums compare(std::span<const double> expected, const BacktestPlan& plan,
                                   std::span<const double> observed);

/// mean |y(t) − y(t − period)| over what was observed of the first `size` values; 0 where nothing.
[[nodiscard]] double naive_error(std::span<const double> observed, std::size_t size,
                                 std::size_t period);

}  // namespace edgeward::policy
