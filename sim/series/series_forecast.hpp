#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policy/forecast/forecaster.hpp"
#include "sim/series/series_table.hpp"

namespace edgeward::sim {

/// A series of a table and how it goes on.
struct SeriesForecast {
  const SampledSeries* series = nullptr;
  policy::Forecast forecast;

  /// When a step of the forecast is, from 1; nothing where the series has no times.
  [[nodiscard]] std::optional<std::int64_t> at_ms(std::size_t step) const;
};

/// Told after each series how many are done; false ends the work with those.
using SeriesProgress = std::function<bool(std::size_t done)>;

/// What `edgeward forecast` writes. The table outlives it.
struct ForecastReport {
  const SeriesTable* table = nullptr;
  policy::ForecastOptions options;
  std::vector<SeriesForecast> series;  ///< in the table's order
  std::vector<std::string> notes;      ///< periods that some series' steps do not allow
  bool is_partial = false;             ///< the last series are not there
};

/// Every series continued, each with its own step; `options.step_ms` is not looked at.
[[nodiscard]] ForecastReport forecast_table(const SeriesTable& table,
                                            policy::ForecastOptions options,
                                            const SeriesProgress& progress = {});

/// What `edgeward forecast --backtest` writes. The table outlives it.
struct BacktestReport {
  const SeriesTable* table = nullptr;
  policy::ForecastOptions options;
  std::vector<policy::ModelAccuracy> models;  ///< means over the series that were long enough
  std::vector<std::vector<policy::ModelAccuracy>> series;  ///< in the table's order
  std::vector<std::string> notes;
  bool is_partial = false;
};

/// Every series forecast again from earlier origins (policy::Forecaster::backtest);
/// `options.step_ms` is not looked at.
[[nodiscard]] BacktestReport backtest_table(const SeriesTable& table,
                                            policy::ForecastOptions options,
                                            const SeriesProgress& progress = {});

}  // namespace edgeward::sim
