#include "sim/series/series_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace edgeward::sim {

namespace {

/// Forecasters by step: few tables have more than one.
class Forecasters {
 public:
  explicit Forecasters(policy::ForecastOptions options) : options_(std::move(options)) {}

  const policy::Forecaster& of_step(std::int64_t step_ms) {
    auto& forecaster = by_step_[step_ms];
    if (!forecaster) {
      options_.step_ms = step_ms;
      forecaster = std::make_unique<policy::Forecaster>(options_);
    }
    return *forecaster;
  }

  [[nodiscard]] std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    for (const auto& [step_ms, forecaster] : by_step_) {
      for (const std::int64_t period_ms : forecaster->unused_periods_ms()) {
        notes.push_back(fmt::format(
            "a period of {:g} h is not used where the step is {:g} s: "
            "expected whole steps, at least two",
            static_cast<double>(period_ms) / kHourMs, static_cast<double>(step_ms) / 1000));
      }
    }
    return notes;
  }

 private:
  policy::ForecastOptions options_;
  std::map<std::int64_t, std::unique_ptr<policy::Forecaster>> by_step_;
};

bool stops(const SeriesProgress& progress, std::size_t done, const SeriesTable& table) {
  return progress && !progress(done) && done < table.series.size();
}

/// Means over series; each figure over those that have it.
policy::Accuracy mean_accuracy(const std::vector<policy::Accuracy>& all) {
  policy::Accuracy mean;
  const auto mean_of = [&all](std::optional<double> policy::Accuracy::*figure) {
    double sum = 0;
    std::size_t count = 0;
    for (const policy::Accuracy& accuracy : all) {
      if (!(accuracy.*figure)) continue;
      sum += *(accuracy.*figure);
      ++count;
    }
    return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
  };
  for (const policy::Accuracy& accuracy : all) mean.points += accuracy.points;
  mean.wape = mean_of(&policy::Accuracy::wape);
  mean.smape = mean_of(&policy::Accuracy::smape);
  mean.mase = mean_of(&policy::Accuracy::mase);
  mean.coverage = mean_of(&policy::Accuracy::coverage);
  return mean;
}

}  // namespace

std::optional<std::int64_t> SeriesForecast::at_ms(std::size_t step) const {
  if (!series->first_at_ms) return std::nullopt;
  const std::size_t steps = series->values.size() - 1 + step;
  return *series->first_at_ms + static_cast<std::int64_t>(steps) * series->step_ms;
}

ForecastReport forecast_table(const SeriesTable& table, policy::ForecastOptions options,
                              const SeriesProgress& progress) {
  ForecastReport report{.table = &table, .options = options};
  Forecasters forecasters(std::move(options));
  report.series.reserve(table.series.size());
  for (const SampledSeries& series : table.series) {
    report.series.push_back(
        {.series = &series,
         .forecast = forecasters.of_step(series.step_ms)
                         .forecast(series.values, series.first_at_ms.value_or(0))});
    if (stops(progress, report.series.size(), table)) {
      report.is_partial = true;
      break;
    }
  }
  report.notes = forecasters.notes();
  return report;
}

BacktestReport backtest_table(const SeriesTable& table, policy::ForecastOptions options,
                              const SeriesProgress& progress) {
  BacktestReport report{.table = &table, .options = options};
  Forecasters forecasters(std::move(options));
  // In the order of their first appearance: a series of another step may lack a seasonal naive.
  std::vector<std::pair<std::string, std::vector<policy::Accuracy>>> by_model;
  for (const SampledSeries& series : table.series) {
    report.series.push_back(forecasters.of_step(series.step_ms)
                                .backtest(series.values, series.first_at_ms.value_or(0)));
    for (const policy::ModelAccuracy& made : report.series.back()) {
      auto known = std::find_if(by_model.begin(), by_model.end(),
                                [&made](const auto& entry) { return entry.first == made.model; });
      if (known == by_model.end()) known = by_model.insert(known, {made.model, {}});
      known->second.push_back(made.accuracy);
    }
    if (stops(progress, report.series.size(), table)) {
      report.is_partial = true;
      break;
    }
  }
  for (const auto& [model, all] : by_model) {
    report.models.push_back({.model = model, .accuracy = mean_accuracy(all)});
  }
  report.notes = forecasters.notes();
  return report;
}

}  // namespace edgeward::sim
