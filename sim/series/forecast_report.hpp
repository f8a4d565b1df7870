#pragma once

#include <string>

#include "sim/series/series_forecast.hpp"

namespace edgeward::sim {

// How forecasts and backtests are written. Numbers have nine significant digits.

/// series,step,timestamp,expected,low,high; step from 1; no timestamp where none is known.
[[nodiscard]] std::string forecast_csv(const ForecastReport& report);
/// The same as JSON, with what was chosen for each series and how it did in a backtest.
[[nodiscard]] std::string forecast_json(const ForecastReport& report);

/// For people: a row a model, means over the series.
[[nodiscard]] std::string backtest_table_text(const BacktestReport& report);
/// series,model,points,wape,smape,mase,coverage
[[nodiscard]] std::string backtest_csv(const BacktestReport& report);
[[nodiscard]] std::string backtest_json(const BacktestReport& report);

}  // namespace edgeward::sim
