#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>

#include "cache/parameters.hpp"
#include "controller/commands/commands.hpp"
#include "controller/terminal.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"
#include "sim/rtt_evaluation.hpp"
#include "sim/rtt_pairs.hpp"
#include "sim/rtt_report.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct GeoEvaluateCommand {
  std::string input;
  sim::RttEvaluationOptions options;
  std::string observed = "10%";
  std::string forged = "5%";
  bool json = false;
};

/// "10%" or a ratio: 0.1.
double parse_share(std::string_view option, const std::string& text) {
  const bool is_percent = text.ends_with('%');
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used) / (is_percent ? 100 : 1);
  } catch (const std::exception&) {
    used = 0;  // told below
  }
  if (used == 0 || used + (is_percent ? 1U : 0U) != text.size() || !(value >= 0 && value <= 1)) {
    throw cache::ParameterError(
        fmt::format("{} '{}': expected a share from 0% to 100%", option, text));
  }
  return value;
}

void tell_bad_rows(const GeoEvaluateCommand& command, const sim::RttPairs& pairs) {
  const auto tell = [](const std::string& text) {
    fmt::print(stderr, "edgeward: {}\n", sim::printable(text));
  };
  for (const sim::BadRow& bad : pairs.first_bad) {
    tell(fmt::format("{}:{}: {}", command.input, bad.line, bad.message));
  }
  const auto count = std::accumulate(pairs.faults.begin(), pairs.faults.end(), std::uint64_t{0});
  if (count > 0) tell(fmt::format("{} rows left out", count));
}

int run_geo_evaluate(const GeoEvaluateCommand& command) {
  sim::RttEvaluationOptions options = command.options;
  options.observed_ratio = parse_share("--observed", command.observed);
  options.forged_ratio = parse_share("--forged", command.forged);
  const auto source = sim::open_input(command.input);
  const sim::RttPairs pairs = sim::read_rtt_pairs(*source, command.input);
  tell_bad_rows(command, pairs);
  const sim::RttEvaluation evaluation = sim::evaluate_rtt(pairs, options);
  fmt::print("{}", command.json ? sim::rtt_evaluation_json(pairs, evaluation)
                                : sim::rtt_evaluation_table(evaluation));
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  return kExitDone;
}

}  // namespace

void add_geo_evaluate(CLI::App& geo, Action& action) {
  CLI::App& evaluate = *geo.add_subcommand(
      "evaluate", "Measure distance model and corrections on measured round trips between cities");
  auto command = std::make_shared<GeoEvaluateCommand>();
  GeoEvaluateCommand& c = *command;
  evaluate
      .add_option("pairs", c.input,
                  "Columns a,b,lat_a,lon_a,lat_b,lon_b,distance_km,rtt_avg_ms,suspect; plain, gzip "
                  "or zstd; - is standard input")
      ->required()
      ->type_name("PAIRS.csv");
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return evaluate.add_option(name, value, help)->capture_default_str();
  };
  option("--edges", c.options.edges, "Cities that are edges in a draw")->check(CLI::Range(2, 1000));
  option("--draws", c.options.draws, "Draws of edges")->check(CLI::Range(1, 10'000));
  option("--observed", c.observed, "Share of the pairs that corrections see");
  option("--forged", c.forged, "Share of the observations that are forged, where some are");
  option("--seeds", c.options.seeds, "Draws of observed pairs")->check(CLI::Range(1, 100));
  option("--folds", c.options.folds, "Folds of cities for the model's hold-out")
      ->check(CLI::Range(2, 100));
  option("--seed", c.options.seed, "The same seed gives the same figures");
  evaluate.add_flag("--json", c.json, "JSON on standard output instead of the table");
  evaluate.footer("Example:\n  edgeward geo evaluate pairs.csv.gz --edges 20 --observed 10%\n");
  evaluate.callback(
      [command, &action] { action = [command] { return run_geo_evaluate(*command); }; });
}

}  // namespace edgeward::controller
