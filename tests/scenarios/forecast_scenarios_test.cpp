#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/instrumented.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;

test::Outcome forecast(const std::vector<std::string>& arguments, std::string_view input = {}) {
  std::vector<std::string> all{"forecast"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run(EDGEWARD_BINARY, all, input);
}

/// A step of a forecast as the CSV has it.
struct Row {
  std::string timestamp;
  double expected = 0;
  double low = 0;
  double high = 0;
};

/// By series and step; checks header and order.
std::map<std::string, std::vector<Row>> rows_of(const std::string& csv) {
  std::map<std::string, std::vector<Row>> rows;
  std::istringstream lines(csv);
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(line == "series,step,timestamp,expected,low,high");
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    REQUIRE(row.size() == 6);
    std::vector<Row>& steps = rows[row[0]];
    CHECK(row[1] == fmt::format("{}", steps.size() + 1));
    steps.push_back({row[2], std::stod(row[3]), std::stod(row[4]), std::stod(row[5])});
    CHECK(steps.back().low <= steps.back().expected);
    CHECK(steps.back().expected <= steps.back().high);
  }
  return rows;
}

/// Three weeks from Monday, 2024-01-01; 100 by day, 10 by night, half of it on weekends.
std::string three_weeks(std::string_view header = "time,requests\n") {
  std::string text(header);
  for (int hour = 0; hour < 21 * 24; ++hour) {
    const int day = hour / 24;
    const bool is_night = hour % 24 < 8;
    const bool is_weekend = day % 7 >= 5;
    text += fmt::format("2024-01-{:02}T{:02}:00:00Z,{}\n", day + 1, hour % 24,
                        (is_night ? 10 : 100) / (is_weekend ? 2 : 1));
  }
  return text;
}

/// Errors of a forecast as the M4 competition measures them (Makridakis et al. 2020).
struct M4 {
  double smape = 0;
  double mase = 0;
  double coverage = 0;
};

std::map<std::string, std::vector<double>> wide_rows(const std::string& csv) {
  std::map<std::string, std::vector<double>> rows;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::string name;
    std::getline(cells, name, ',');
    for (std::string cell; std::getline(cells, cell, ',');) rows[name].push_back(std::stod(cell));
  }
  return rows;
}

M4 m4_errors(const std::map<std::string, std::vector<double>>& train,
             const std::map<std::string, std::vector<double>>& truth,
             const std::map<std::string, std::vector<Row>>& forecasts) {
  M4 result;
  for (const auto& entry : truth) {
    const std::vector<double>& history = train.at(entry.first);
    const std::vector<Row>& made = forecasts.at(entry.first);
    double naive = 0;
    for (std::size_t t = 24; t < history.size(); ++t)
      naive += std::abs(history[t] - history[t - 24]);
    naive /= static_cast<double>(history.size() - 24);
    for (std::size_t i = 0; i < entry.second.size(); ++i) {
      const double actual = entry.second[i];
      const double error = std::abs(actual - made.at(i).expected);
      result.smape += 200 * error / (actual + made[i].expected) / 48;
      result.mase += error / naive / 48;
      result.coverage += made[i].low <= actual && actual <= made[i].high ? 1.0 / 48 : 0;
    }
  }
  const auto series = static_cast<double>(truth.size());
  return {result.smape / series, result.mase / series, result.coverage / series};
}

std::string unzipped(const std::filesystem::path& path) {
  const test::Outcome outcome = test::run("/bin/gzip", {"-dc", path.string()});
  REQUIRE(outcome.exit_code == 0);
  return outcome.out;
}

}  // namespace

TEST_CASE("a forecast goes on where the series ends and keeps its hours and weekdays") {
  const test::Outcome outcome = forecast({"-", "--horizon", "144"}, three_weeks());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  const auto rows = rows_of(outcome.out);
  REQUIRE(rows.size() == 1);
  const std::vector<Row>& steps = rows.at("requests");
  REQUIRE(steps.size() == 144);
  CHECK(steps[0].timestamp == "2024-01-22T00:00:00Z");
  CHECK(steps[143].timestamp == "2024-01-27T23:00:00Z");
  CHECK(steps[0].expected == 10);
  CHECK(steps[12].expected == 100);
  CHECK(steps[120].expected == 5);  // Saturday
  CHECK(steps[132].expected == 50);
}

TEST_CASE("a table of any layout and compression is the same forecast") {
  const test::TemporaryFolder folder;
  const std::string plain = folder.write("traffic.csv", three_weeks()).string();
  const test::Outcome first = forecast({plain});
  REQUIRE(first.exit_code == 0);
  CHECK(first.out == forecast({plain, "--layout", "long"}).out);
  CHECK(first.out == forecast({"-"}, three_weeks()).out);
  REQUIRE(test::run("/bin/gzip", {plain}).exit_code == 0);
  CHECK(first.out == forecast({plain + ".gz"}).out);

  std::string wide = "requests";
  std::istringstream lines(three_weeks(""));
  for (std::string line; std::getline(lines, line);) wide += line.substr(line.find(','));
  const auto rows = rows_of(forecast({"-", "--layout", "wide"}, wide + "\n").out);
  const auto dated = rows_of(first.out);
  REQUIRE(rows.at("requests").size() == 24);
  for (std::size_t i = 0; i < 24; ++i) {
    CHECK(rows.at("requests")[i].timestamp.empty());
    CHECK(rows.at("requests")[i].expected == dated.at("requests")[i].expected);
  }
}

TEST_CASE("as JSON a forecast says what was chosen and how well that did") {
  const test::Outcome outcome = forecast({"-", "--json", "--level", "90"}, three_weeks());
  REQUIRE(outcome.exit_code == 0);
  const json::value report = json::parse(outcome.out);
  CHECK(report.at("schema_version") == 1);
  CHECK(report.at("level") == 0.9);
  CHECK(report.at("horizon") == 24);
  const json::value& series = report.at("series").at(0);
  CHECK(series.at("series") == "requests");
  CHECK(series.at("model") == "seasonal_naive_168");
  CHECK(series.at("points") == 504);
  CHECK(series.at("step_seconds").to_number<double>() == 3600);
  for (const char* const error : {"wape", "smape", "mase", "coverage"}) {
    CHECK(series.at("backtest").at(error).is_number());
  }
  CHECK(series.at("forecast").as_array().size() == 24);
  CHECK(series.at("forecast").at(0).at("timestamp") == "2024-01-22T00:00:00Z");
}

TEST_CASE("a file of a suffix gets the forecast in its format and standard output nothing") {
  const test::TemporaryFolder folder;
  const std::string csv = (folder.path() / "forecast.csv").string();
  const std::string json_file = (folder.path() / "forecast.json").string();
  const test::Outcome outcome = forecast({"-", "-o", csv, "-o", json_file}, three_weeks());
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.out.empty());
  CHECK(test::read_file(csv) == forecast({"-"}, three_weeks()).out);
  CHECK(test::read_file(json_file) == forecast({"-", "--json"}, three_weeks()).out);
}

TEST_CASE("a backtest compares every model with both seasonal naives") {
  const test::Outcome outcome = forecast({"-", "--backtest"}, three_weeks());
  REQUIRE(outcome.exit_code == 0);
  for (const char* const model : {"auto", "combination", "profile", "exponential_smoothing",
                                  "seasonal_naive_24", "seasonal_naive_168"}) {
    CHECK_THAT(outcome.out, Catch::Contains(model));
  }
  const json::value report =
      json::parse(forecast({"-", "--backtest", "--json"}, three_weeks()).out);
  for (const json::value& model : report.at("models").as_array()) {
    INFO(model.at("model"));
    CHECK(model.at("points") == 4 * 24);
    if (model.at("model") == "seasonal_naive_168") CHECK(model.at("wape") == 0);
    if (model.at("model") == "seasonal_naive_24") {
      CHECK(model.at("wape").to_number<double>() > 0.1);
    }
  }
}

TEST_CASE("other steps than an hour and what is wrong with a table are handled and said") {
  std::string text = "time,value\n";
  for (int minute = 0; minute < 24 * 60; minute += 30) {
    if (minute == 600) continue;
    text += fmt::format("2024-01-01 {:02}:{:02},{}\n", minute / 60, minute % 60, minute);
  }
  text += "2024-01-01 23:30,x\x1B[31m\nyesterday,1\n";
  const test::Outcome outcome = forecast({"-", "--horizon", "2"}, text);
  REQUIRE(outcome.exit_code == 0);
  CHECK(rows_of(outcome.out).at("value")[1].timestamp == "2024-01-02T00:30:00Z");
  for (const char* const said :
       {"-:49: 'x", "-:50: 'yesterday'", "1 bad_value", "1 bad_time", "1 duplicate", "1 missing"}) {
    CHECK_THAT(outcome.err, Catch::Contains(said));
  }
  CHECK(outcome.err.find('\x1B') == std::string::npos);

  const test::Outcome daily =
      forecast({"-"}, "date,value\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-04,4\n");
  REQUIRE(daily.exit_code == 0);
  CHECK_THAT(daily.err, Catch::Contains("a period of 24 h is not used"));
}

TEST_CASE("what cannot be forecast ends with exit code 2 and says what to do") {
  const auto fails = [](const std::vector<std::string>& arguments, std::string_view input,
                        const char* why) {
    const test::Outcome failed = forecast(arguments, input);
    INFO(failed.err);
    CHECK(failed.exit_code == 2);
    CHECK(failed.out.empty());
    CHECK_THAT(failed.err, Catch::Contains(why));
  };
  fails({"-"}, "", "no rows");
  fails({"-"}, "time,value\n", "no usable series");
  fails({"/does/not/exist.csv"}, "", "/does/not/exist.csv");
  fails({"-", "--model", "arima"}, three_weeks(), "expected one of auto");
  fails({"-", "--model", "seasonal_naive_24"}, "date,value\n2024-01-01,1\n2024-01-02,2\n",
        "expected one of auto");
  fails({"-", "--period", "24,x"}, three_weeks(), "--period");
  fails({"-", "--horizon", "0"}, three_weeks(), "--horizon");
  fails({"-", "--level", "100"}, three_weeks(), "--level");
  fails({"-", "--layout", "tall"}, three_weeks(), "--layout");
  fails({"-", "-o", "forecast.html"}, three_weeks(), ".json or .csv");
  fails({"-", "--layout", "long"}, "a,1,2\nb,3,4\n", "no time column");
  fails({}, "", "input is required");
}

TEST_CASE("on hourly series of the M4 competition auto errs as little as its best entries") {
  if (test::kIsInstrumented) return test::skip("figures, which sanitizers do not change");
  const auto data = test::shared_data();
  if (!data) return;
  const auto train = *data / "forecast/m4-hourly-odd-train.csv.gz";
  const test::Outcome outcome =
      forecast({train.string(), "--layout", "wide", "--horizon", "48", "--period", "24,168"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const auto truth = wide_rows(unzipped(*data / "forecast/m4-hourly-odd-test.csv.gz"));
  REQUIRE(truth.size() == 207);
  const M4 errors = m4_errors(wide_rows(unzipped(train)), truth, rows_of(outcome.out));
  // The competition's reference method, Naive2, on the same series.
  const double owa = (errors.smape / 18.224 + errors.mase / 2.432) / 2;
  WARN("sMAPE " << errors.smape << ", MASE " << errors.mase << ", OWA " << owa << ", coverage "
                << errors.coverage);
  CHECK(owa <= 0.41);
  CHECK(errors.coverage >= 0.75);
  CHECK(errors.coverage <= 0.85);
}

TEST_CASE("on real traffic auto errs less than both seasonal naives") {
  if (test::kIsInstrumented) return test::skip("figures, which sanitizers do not change");
  const auto data = test::shared_data();
  if (!data) return;
  for (const char* const file : {"worldcup98-hourly.csv.gz", "nab-nyc_taxi.csv.gz"}) {
    INFO(file);
    const test::Outcome outcome =
        forecast({(*data / "forecast" / file).string(), "--backtest", "--json"});
    REQUIRE(outcome.exit_code == 0);
    const json::value report = json::parse(outcome.out);
    for (const json::value& series : report.at("series").as_array()) {
      std::map<std::string, double> wape;
      for (const json::value& model : series.at("models").as_array()) {
        wape[model.at("model").as_string().c_str()] = model.at("wape").to_number<double>();
      }
      CHECK(wape.at("auto") < wape.at("seasonal_naive_24"));
      CHECK(wape.at("auto") < wape.at("seasonal_naive_168"));
    }
  }
}

}  // namespace edgeward
