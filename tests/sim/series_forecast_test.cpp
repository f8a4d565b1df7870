#include "sim/series/series_forecast.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "sim/series/forecast_report.hpp"

namespace edgeward::sim {

namespace {

namespace json = boost::json;

constexpr std::int64_t kDayOneMs = 1'704'067'200'000;  ///< 2024-01-01T00:00:00Z

SeriesTable table_of(std::size_t series, std::int64_t step_ms = kHourMs) {
  SeriesTable table;
  for (std::size_t i = 0; i < series; ++i) {
    table.series.push_back({.name = "s", .step_ms = step_ms, .first_at_ms = kDayOneMs});
    for (std::size_t t = 0; t < 80; ++t) {
      table.series.back().values.push_back(static_cast<double>(1 + t % 24));
    }
  }
  return table;
}

policy::ForecastOptions options(std::size_t horizon) {
  return {.horizon = horizon, .periods_ms = {24 * kHourMs, 168 * kHourMs}};
}

}  // namespace

TEST_CASE("work that is told to stop has the series that were done and says that it is partial") {
  const SeriesTable table = table_of(5);
  std::size_t told = 0;
  const auto until_two = [&told](std::size_t done) {
    CHECK(done == ++told);
    return done < 2;
  };
  const ForecastReport report = forecast_table(table, options(2), until_two);
  CHECK(report.series.size() == 2);
  CHECK(report.is_partial);
  CHECK(json::parse(forecast_json(report)).at("partial") == true);
  told = 0;
  const BacktestReport backtest = backtest_table(table, options(2), until_two);
  CHECK(backtest.series.size() == 2);
  CHECK(json::parse(backtest_json(backtest)).at("partial") == true);
  // A stop after the last one stops nothing.
  const auto never = [](std::size_t) { return false; };
  CHECK_FALSE(forecast_table(table_of(1), options(2), never).is_partial);
}

TEST_CASE("names are quoted as CSV and times have no more digits than they need") {
  SeriesTable table = table_of(3);
  table.series[0].name = "a,\"b\"";
  table.series[1].name = "=1+1";
  table.series[2].step_ms = 250;
  table.series[2].first_at_ms = kDayOneMs;
  const std::string csv = forecast_csv(forecast_table(table, options(1)));
  CHECK_THAT(csv, Catch::StartsWith("series,step,timestamp,expected,low,high\n") &&
                      Catch::Contains("\n\"a,\"\"b\"\"\",1,2024-01-04T08:00:00Z,9,9,9\n") &&
                      Catch::Contains("\n'=1+1,1,2024-01-04T08:00:00Z,") &&
                      Catch::Contains("\ns,1,2024-01-01T00:00:20Z,"));
  table.series[2].values.pop_back();
  CHECK_THAT(forecast_csv(forecast_table(table, options(1))),
             Catch::Contains("\ns,1,2024-01-01T00:00:19.750Z,"));
}

TEST_CASE("series of several steps have the periods that their steps allow") {
  SeriesTable table = table_of(1);
  table.series.push_back(table_of(1, 24 * kHourMs).series[0]);
  const ForecastReport report = forecast_table(table, options(3));
  REQUIRE(report.notes.size() == 1);
  CHECK_THAT(report.notes[0], Catch::Contains("24 h is not used where the step is 86400 s"));
  CHECK(report.series[1].at_ms(1) == kDayOneMs + 80 * 24 * kHourMs);
  const BacktestReport backtest = backtest_table(table, options(3));
  CHECK(backtest.series[0].size() == backtest.series[1].size() + 1);
  CHECK(backtest.models.size() == backtest.series[0].size());
}

}  // namespace edgeward::sim
