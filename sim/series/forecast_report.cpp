#include "sim/series/forecast_report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <string_view>

#include "policy/json.hpp"
#include "sim/report/csv_field.hpp"
#include "sim/report/figures.hpp"

namespace edgeward::sim {

namespace {

namespace json = boost::json;

/// To nine significant digits: more than any forecast has, few enough to read.
double nine_digits(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  return std::strtod(fmt::format("{:.8e}", value).c_str(), nullptr);
}

std::string utc_text(const std::optional<std::int64_t>& at_ms) {
  if (!at_ms) return {};
  const std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(*at_ms / 1000));
  return *at_ms % 1000 == 0 ? text + "Z" : fmt::format("{}.{:03}Z", text, *at_ms % 1000);
}

json::value figure(const std::optional<double>& value) {
  return value ? json::value(nine_digits(*value)) : json::value(nullptr);
}

std::string figure_field(const std::optional<double>& value) {
  return value ? fmt::format("{}", nine_digits(*value)) : std::string{};
}

json::object accuracy_json(const policy::Accuracy& accuracy) {
  return {{"points", accuracy.points},
          {"wape", figure(accuracy.wape)},
          {"smape", figure(accuracy.smape)},
          {"mase", figure(accuracy.mase)},
          {"coverage", figure(accuracy.coverage)}};
}

json::object skipped_json(const SeriesTable& table) {
  json::object skipped;
  for (std::size_t i = 0; i < kSeriesFaults; ++i) {
    if (table.faults[i] > 0) skipped[name(static_cast<SeriesFault>(i))] = table.faults[i];
  }
  return skipped;
}

json::object head_json(const SeriesTable& table, const policy::ForecastOptions& options,
                       bool is_partial) {
  json::array periods;
  for (const std::int64_t period_ms : options.periods_ms) {
    periods.push_back(static_cast<double>(period_ms) / kHourMs);
  }
  return {{"schema_version", 1},
          {"partial", is_partial},
          {"layout", table.layout == SeriesLayout::wide ? "wide" : "long"},
          {"input_faults", skipped_json(table)},
          {"horizon", options.horizon},
          {"level", options.level_ratio},
          {"periods_hours", std::move(periods)}};
}

json::object series_json(const SeriesForecast& made) {
  json::array models;
  for (const policy::ModelShare& share : made.forecast.models) {
    models.push_back(json::object{{"model", share.model}, {"share", nine_digits(share.share)}});
  }
  json::object backtest{{"origins", made.forecast.origins}};
  const json::object accuracy = accuracy_json(made.forecast.backtest);
  for (const auto& member : accuracy) backtest[member.key()] = member.value();
  json::array steps;
  for (std::size_t i = 0; i < made.forecast.steps.size(); ++i) {
    const policy::ForecastStep& step = made.forecast.steps[i];
    const auto at_ms = made.at_ms(i + 1);
    steps.push_back(
        json::object{{"step", i + 1},
                     {"timestamp", at_ms ? json::value(utc_text(at_ms)) : json::value(nullptr)},
                     {"expected", nine_digits(step.expected)},
                     {"low", nine_digits(step.low)},
                     {"high", nine_digits(step.high)}});
  }
  return {{"series", made.series->name},
          {"points", made.series->values.size()},
          {"step_seconds", static_cast<double>(made.series->step_ms) / 1000},
          {"model", made.forecast.models.front().model},
          {"models", std::move(models)},
          {"backtest", std::move(backtest)},
          {"forecast", std::move(steps)}};
}

json::array models_json(const std::vector<policy::ModelAccuracy>& models) {
  json::array result;
  for (const policy::ModelAccuracy& model : models) {
    json::object entry{{"model", model.model}};
    const json::object accuracy = accuracy_json(model.accuracy);
    for (const auto& member : accuracy) entry[member.key()] = member.value();
    result.push_back(std::move(entry));
  }
  return result;
}

std::string decimal(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : std::string("-");
}

}  // namespace

std::string forecast_csv(const ForecastReport& report) {
  std::string out = "series,step,timestamp,expected,low,high\n";
  for (const SeriesForecast& made : report.series) {
    const std::string name = csv_text_field(made.series->name);
    for (std::size_t i = 0; i < made.forecast.steps.size(); ++i) {
      const policy::ForecastStep& step = made.forecast.steps[i];
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}\n", name, i + 1,
                     utc_text(made.at_ms(i + 1)), nine_digits(step.expected), nine_digits(step.low),
                     nine_digits(step.high));
    }
  }
  return out;
}

std::string forecast_json(const ForecastReport& report) {
  json::object out = head_json(*report.table, report.options, report.is_partial);
  json::array series;
  for (const SeriesForecast& made : report.series) series.push_back(series_json(made));
  out["series"] = std::move(series);
  return policy::json_text(out);
}

std::string backtest_table_text(const BacktestReport& report) {
  const std::size_t count = report.series.size();
  std::string out = fmt::format(
      "{} series, the last 20 %: a new origin every 24 h, {} steps ahead, intervals of {:g} %\n"
      "  {:<26}{:>9}{:>9}{:>9}{:>11}{:>10}\n",
      thousands(count), report.options.horizon, report.options.level_ratio * 100, "model", "WAPE",
      "sMAPE", "MASE", "coverage", "points");
  for (const policy::ModelAccuracy& model : report.models) {
    const policy::Accuracy& accuracy = model.accuracy;
    out += fmt::format("  {:<26}{:>9}{:>9}{:>9}{:>11}{:>10}\n", model.model, percent(accuracy.wape),
                       percent(accuracy.smape), decimal(accuracy.mase), percent(accuracy.coverage),
                       thousands(accuracy.points));
  }
  if (count > 1) out += "Errors are means over the series.\n";
  return out;
}

std::string backtest_csv(const BacktestReport& report) {
  std::string out = "series,model,points,wape,smape,mase,coverage\n";
  for (std::size_t i = 0; i < report.series.size(); ++i) {
    for (const policy::ModelAccuracy& model : report.series[i]) {
      const policy::Accuracy& accuracy = model.accuracy;
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{}\n",
                     csv_text_field(report.table->series[i].name), model.model, accuracy.points,
                     figure_field(accuracy.wape), figure_field(accuracy.smape),
                     figure_field(accuracy.mase), figure_field(accuracy.coverage));
    }
  }
  return out;
}

std::string backtest_json(const BacktestReport& report) {
  json::object out = head_json(*report.table, report.options, report.is_partial);
  out["models"] = models_json(report.models);
  json::array series;
  for (std::size_t i = 0; i < report.series.size(); ++i) {
    series.push_back(json::object{{"series", report.table->series[i].name},
                                  {"models", models_json(report.series[i])}});
  }
  out["series"] = std::move(series);
  return policy::json_text(out);
}

}  // namespace edgeward::sim
