#include <cmath>
#include <cstdint>
#include <string_view>

#include "policy/forecast/forecaster.hpp"
#include "sim/series/forecast_report.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;

/// Fits of long series are slow, and no others than those of short ones.
constexpr std::size_t kValuesMax = 400;

void forecast(sim::SeriesTable table) {
  for (sim::SampledSeries& series : table.series) {
    if (series.values.size() > kValuesMax) series.values.resize(kValuesMax);
    while (std::isnan(series.values.back())) series.values.pop_back();
  }
  if (table.series.size() > 3) table.series.resize(3);
  const sim::ForecastReport report =
      sim::forecast_table(table, {.horizon = 3, .periods_ms = {24 * sim::kHourMs}});
  require(report.series.size() == table.series.size(), "every series is forecast");
  for (const sim::SeriesForecast& made : report.series) {
    require(made.forecast.steps.size() == 3, "for the horizon");
    for (const policy::ForecastStep& step : made.forecast.steps) {
      require(std::isfinite(step.low) && std::isfinite(step.high), "with numbers");
      require(step.low <= step.expected && step.expected <= step.high, "in order");
    }
  }
  require(!sim::forecast_csv(report).empty() && !sim::forecast_json(report).empty(), "it is told");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  sim::TextSource source(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  try {
    sim::SeriesTable table =
        sim::read_series(source, "fuzz", static_cast<sim::SeriesLayout>(data[0] % 3));
    require(!table.series.empty(), "there is a series");
    for (const sim::SampledSeries& series : table.series) {
      require(!series.values.empty() && series.step_ms > 0, "with values and a step");
      require(!std::isnan(series.values.front()) && !std::isnan(series.values.back()),
              "that begins and ends with one");
      for (const double value : series.values) {
        require(std::isnan(value) || std::abs(value) <= sim::kSeriesValueMax, "in range");
      }
    }
    forecast(std::move(table));
  } catch (const sim::InputError&) {
    return 0;  // told, with the file's name
  }
  return 0;
}
