#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/commands/replay_decisions.hpp"
#include "controller/commands/replay_fleet.hpp"
#include "controller/commands/replay_options.hpp"
#include "controller/commands/report_files.hpp"
#include "controller/terminal.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/replay/replay.hpp"
#include "sim/report/report.hpp"
#include "sim/report/writers.hpp"
#include "sim/trace/load.hpp"

namespace edgeward::controller {

namespace {

#ifdef NDEBUG
constexpr bool kIsDebug = false;
#else
constexpr bool kIsDebug = true;
#endif

struct RunPlan {
  std::vector<sim::RunSpec> runs;
  std::vector<std::string> capacity_texts;
};

/// The runs of one capacity: every policy with every admission and, with a fleet, every routing.
void plan_capacity(const ReplaySettings& settings, const sim::RunSpec& capacity,
                   const std::string& text, bool is_first, RunPlan& plan) {
  const auto add = [&](const sim::RunSpec& run) {
    plan.runs.push_back(run);
    plan.capacity_texts.push_back(text);
  };
  for (const auto& policy : settings.policies) {
    const bool is_unbounded = policy.name == "unbounded";
    if (is_unbounded && !is_first) continue;
    const bool ignores_admission = is_unbounded || policy.name.starts_with("pfoo");
    for (const auto& admission : settings.admissions) {
      if (ignores_admission && &admission != &settings.admissions.front()) continue;
      sim::RunSpec run = capacity;
      run.policy = policy;
      run.admission = ignores_admission ? cache::NamedSettings{.name = "none"} : admission;
      if (settings.routings.empty()) add(run);
      for (const sim::Routing routing : settings.routings) {
        run.routing = routing;
        for (const sim::Planning planning : settings.plannings) {
          run.planning = planning;
          add(run);
        }
      }
    }
  }
}

/// Capacities that come to the same number of bytes count once.
RunPlan plan_runs(const ReplaySettings& settings, std::uint64_t footprint_bytes) {
  RunPlan plan;
  std::set<std::pair<bool, std::uint64_t>> seen;
  for (const std::string& text : settings.capacities) {
    sim::RunSpec run;
    run.is_fleet_capacity = text == kFleetCapacity;
    if (!run.is_fleet_capacity) run.capacity_bytes = parse_capacity(text, footprint_bytes);
    if (!seen.emplace(run.is_fleet_capacity, run.capacity_bytes).second) continue;
    plan_capacity(settings, run, text, seen.size() == 1, plan);
  }
  return plan;
}

void tell_bad_lines(const sim::TraceSummary& trace, sim::Progress& progress) {
  for (const sim::BadLine& bad : trace.first_bad) {
    progress.note(fmt::format("{}:{}: {}", bad.file, bad.line, bad.message));
  }
  const std::uint64_t bad = trace.skipped[static_cast<std::size_t>(sim::SkipReason::bad_line)] +
                            trace.skipped[static_cast<std::size_t>(sim::SkipReason::no_time)] +
                            trace.skipped[static_cast<std::size_t>(sim::SkipReason::no_key)];
  if (bad > trace.first_bad.size()) {
    progress.note(fmt::format("… and {} more bad lines", bad - trace.first_bad.size()));
  }
}

void check_times(const ReplaySettings& settings, const sim::Trace& trace) {
  const bool needs_times =
      settings.freshness.source != sim::Freshness::Source::none || settings.warm_up.duration_ms > 0;
  if (needs_times && !trace.has_times() && trace.summary.requests > 0) {
    throw cache::ParameterError("--ttl and --warmup DURATION need a trace with real times");
  }
}

bool is_worse(const sim::Report& report, double points, bool confident) {
  return std::any_of(report.runs.begin(), report.runs.end(), [&](const sim::ReportedRun& run) {
    if (!run.change || run.is_ceiling) return false;
    const double change =
        confident ? run.change->high.value_or(run.change->hit_ratio) : run.change->hit_ratio;
    return change < -points;
  });
}

int run_replay(const ReplayCommand& command) {
  if (!command.snapshots.empty()) return replay_decisions(command);
  const double started = steady_seconds();
  catch_interrupts();
  const ReplaySettings settings = replay_settings(command);
  const ReportFiles files(command.outputs, command.inputs);
  TerminalProgress progress;
  std::optional<ReplayFleet> fleet;
  if (!command.fleet.empty()) fleet.emplace(command, settings, progress);
  sim::MemoryBudget budget{.limit_bytes = settings.memory_bytes};
  if (const char* const folder = std::getenv("TMPDIR")) budget.spool_folder = folder;

  const sim::Trace trace = sim::load_trace(settings.load, budget, progress);
  progress.finish();
  tell_bad_lines(trace.summary, progress);
  if (trace.summary.requests == 0) progress.note("no countable request in the input");
  check_times(settings, trace);
  const std::vector<sim::Cell> cells = sim::make_cells(trace, settings.warm_up);
  const bool has_counted = std::any_of(cells.begin(), cells.end(),
                                       [](const sim::Cell& cell) { return cell.is_counted; });
  if (!cells.empty() && !has_counted) progress.note("the warm-up leaves no request to count");
  const RunPlan plan = plan_runs(settings, trace.summary.footprint_bytes);
  const auto model = fleet ? fleet->model(trace, progress) : nullptr;
  const sim::ReplayOptions options{.freshness = settings.freshness,
                                   .seed = command.seed,
                                   .threads = command.threads,
                                   .clock = command.no_timing ? nullptr : steady_seconds,
                                   .check_invariants = kIsDebug,
                                   .fleet = model.get(),
                                   .plans = settings.plans};
  const auto results = sim::replay(trace, cells, plan.runs, options, progress);
  progress.finish();
  sim::Report report = sim::make_report(trace, cells, results,
                                        {.baseline = settings.baseline,
                                         .capacity_texts = plan.capacity_texts,
                                         .seed = command.seed,
                                         .fleet = fleet ? fleet->fleet() : nullptr});
  if (!command.no_timing) report.wall_seconds = steady_seconds() - started;

  files.write([&report](ReportFormat format) {
    return format == ReportFormat::csv ? sim::report_csv(report) : sim::report_json(report);
  });
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  fmt::print("{}", command.json ? sim::report_json(report)
                                : sim::report_table(report, {.colour = colour}));
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  if (report.partial) return kExitInterrupted;
  return is_worse(report, settings.points_allowed, command.confident) ? kExitNo : kExitDone;
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  CLI::App& replay = *app.add_subcommand(
      "replay",
      "Replay request logs through cache policies and fleets, and measure the change in hit ratio");
  auto command = std::make_shared<ReplayCommand>();
  add_replay_options(replay, *command);
  replay.callback([command, &action] { action = [command] { return run_replay(*command); }; });
}

}  // namespace edgeward::controller
