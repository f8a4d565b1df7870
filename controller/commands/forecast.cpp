#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "cache/parameters.hpp"
#include "controller/commands/arguments.hpp"
#include "controller/commands/chosen_config.hpp"
#include "controller/commands/commands.hpp"
#include "controller/commands/report_files.hpp"
#include "controller/terminal.hpp"
#include "policy/forecast/forecaster.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/report/figures.hpp"
#include "sim/series/forecast_report.hpp"
#include "sim/series/series_table.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct ForecastCommand {
  std::string input;
  std::string layout = "auto";
  std::size_t horizon = 24;
  std::string period = "24,168";
  std::string model = "auto";
  double level = 80;
  bool backtest = false;
  bool json = false;
  std::vector<std::string> outputs;
};

constexpr std::size_t kHorizonMax = 100'000;
constexpr double kPeriodHoursMax = 24 * 366;

std::vector<std::int64_t> parse_periods_ms(const std::string& text) {
  std::vector<std::int64_t> periods_ms;
  for (const std::string& part : split_list("--period", text, ',')) {
    const auto hours = sim::parse_finite(part);
    if (!hours || !(*hours > 0 && *hours <= kPeriodHoursMax)) {
      throw cache::ParameterError(
          fmt::format("--period '{}': expected hours, such as 24,168", part));
    }
    periods_ms.push_back(std::llround(*hours * sim::kHourMs));
  }
  std::sort(periods_ms.begin(), periods_ms.end());
  periods_ms.erase(std::unique(periods_ms.begin(), periods_ms.end()), periods_ms.end());
  return periods_ms;
}

policy::ForecastOptions forecast_options(const ForecastCommand& command) {
  policy::ForecastOptions options{.model = command.model,
                                  .horizon = command.horizon,
                                  .level_ratio = command.level / 100,
                                  .periods_ms = parse_periods_ms(command.period)};
  // Before anything is read; what a period of that name is worth depends on the step.
  const auto names = policy::forecast_model_names(options.periods_ms);
  if (std::find(names.begin(), names.end(), command.model) == names.end()) {
    throw cache::ParameterError(
        fmt::format("--model '{}': expected one of {}", command.model, fmt::join(names, ", ")));
  }
  return options;
}

sim::SeriesLayout layout_named(const std::string& layout) {
  if (layout == "long") return sim::SeriesLayout::tall;
  return layout == "wide" ? sim::SeriesLayout::wide : sim::SeriesLayout::detect;
}

/// What had to be done to the input, in one line each.
void tell_faults(const std::string& input, const sim::SeriesTable& table) {
  for (const sim::SeriesTable::Shown& bad : table.first_bad) {
    say(fmt::format("{}:{}: {}", input, bad.line, bad.message));
  }
  for (std::size_t i = 0; i < sim::kSeriesFaults; ++i) {
    if (table.faults[i] == 0) continue;
    const auto fault = static_cast<sim::SeriesFault>(i);
    say(fmt::format("{}: {} {}: {}", input, sim::thousands(table.faults[i]), sim::name(fault),
                    sim::remedy(fault)));
  }
  for (const std::string& note : table.notes) say(fmt::format("{}: {}", input, note));
}

/// On a terminal a line that says how many series are done; ends the work after an interrupt.
class SeriesCount {
 public:
  explicit SeriesCount(std::size_t series)
      : series_(series), is_shown_(::isatty(STDERR_FILENO) == 1), next_at_(steady_seconds() + 1) {}

  bool operator()(std::size_t done) {
    if (is_shown_ && (done == series_ || interrupted())) {
      fmt::print(stderr, "\r\x1B[K");
    } else if (is_shown_ && steady_seconds() >= next_at_) {
      fmt::print(stderr, "\r\x1B[K{} of {} series", sim::thousands(done), sim::thousands(series_));
      next_at_ += 0.2;
    }
    return !interrupted();
  }

 private:
  std::size_t series_;
  bool is_shown_;
  double next_at_;
};

int run_forecast(const ForecastCommand& command) {
  const policy::ForecastOptions options = forecast_options(command);
  const ReportFiles files(command.outputs, {command.input});
  const auto source = sim::open_input(command.input);
  const sim::SeriesTable table =
      sim::read_series(*source, command.input, layout_named(command.layout));
  tell_faults(command.input, table);
  catch_interrupts();  // from here on there is something to print
  if (command.backtest) {
    policy::ForecastOptions of_all = options;
    of_all.model = "auto";
    const sim::BacktestReport report =
        sim::backtest_table(table, of_all, SeriesCount(table.series.size()));
    for (const std::string& note : report.notes) say(note);
    files.write([&report](ReportFormat format) {
      return format == ReportFormat::csv ? sim::backtest_csv(report) : sim::backtest_json(report);
    });
    fmt::print("{}", command.json ? sim::backtest_json(report) : sim::backtest_table_text(report));
  } else {
    const sim::ForecastReport report =
        sim::forecast_table(table, options, SeriesCount(table.series.size()));
    for (const std::string& note : report.notes) say(note);
    files.write([&report](ReportFormat format) {
      return format == ReportFormat::csv ? sim::forecast_csv(report) : sim::forecast_json(report);
    });
    if (command.json) {
      fmt::print("{}", sim::forecast_json(report));
    } else if (command.outputs.empty()) {
      fmt::print("{}", sim::forecast_csv(report));
    }
  }
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  return interrupted() ? kExitInterrupted : kExitDone;
}

}  // namespace

void add_forecast(CLI::App& app, Action& action) {
  CLI::App& forecast = *app.add_subcommand(
      "forecast", "How series go on: by hour of day and week, with an interval");
  auto command = std::make_shared<ForecastCommand>();
  ForecastCommand& c = *command;
  forecast
      .add_option("input", c.input,
                  "Table of series; comma, semicolon or tab; plain, gzip or zstd; - is standard "
                  "input")
      ->required()
      ->type_name("INPUT.csv");
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return forecast.add_option(name, value, help)->capture_default_str();
  };
  option("--layout", c.layout,
         "long: a row a time, with a time column, value columns and perhaps a column 'series'; "
         "wide: a row a series, its name first; auto: the first lines tell")
      ->check(CLI::IsMember({"auto", "long", "wide"}));
  option("--horizon", c.horizon, "Steps to forecast")
      ->check(CLI::Range(std::size_t{1}, kHorizonMax));
  option("--period", c.period, "Periods of the pattern in hours")->type_name("HOURS");
  option("--model", c.model,
         "auto (weighs the others by how they did on the series), combination, profile, "
         "seasonal_naive or seasonal_naive_HOURS")
      ->type_name("NAME");
  option("--level", c.level, "Percent of the true values that the interval is to hold")
      ->check(CLI::Range(1.0, 99.9));
  forecast.add_flag(
      "--backtest", c.backtest,
      "Errors of auto and of every other model instead: the last 20 % forecast from a "
      "new origin every 24 h");
  forecast.add_flag("--json", c.json, "JSON on standard output, with models and backtest errors");
  forecast
      .add_option("-o,--output", c.outputs,
                  "Also write the report to FILE; the suffix .json or .csv says how")
      ->type_name("FILE");
  forecast.footer(
      "Without --json, and where no FILE is given: series,step,timestamp,expected,low,high on "
      "standard output.\n"
      "Examples:\n"
      "  edgeward forecast requests-by-hour.csv\n"
      "  edgeward forecast edges.csv.gz --horizon 168 --level 95 -o forecast.csv\n"
      "  edgeward forecast requests-by-hour.csv --backtest\n"
      "  edgeward forecast m4-hourly.csv --layout wide --horizon 48 --json\n");
  forecast.callback([command, &action] { action = [command] { return run_forecast(*command); }; });
}

}  // namespace edgeward::controller
