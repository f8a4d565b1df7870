#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/terminal.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/replay/replay.hpp"
#include "sim/report/report.hpp"
#include "sim/report/writers.hpp"
#include "sim/trace/load.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct ReplayCommand {
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::string fields;
  std::string time;
  std::string client;
  std::string key_columns;
  std::string size;
  std::string key;
  std::vector<std::string> host_aliases;
  std::string query = "keep";
  std::string methods = "GET";
  std::string statuses = "200,203,206,304,301,404,410";
  std::string object_size = "max";
  std::string chunk = "0";
  std::string ttl = "none";
  std::string policies = "lru,s3fifo,gdsf,belady";
  std::string admissions = "none";
  std::string capacities = "0.1%,1%,10%";
  bool unit_size = false;
  std::string warm_up = "0";
  std::string baseline;
  std::string fail_if_worse;
  bool confident = false;
  std::string memory = "4GiB";
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t seed = 0;
  bool no_timing = false;
  bool json = false;
  std::vector<std::string> outputs;
};

std::vector<std::string> columns(std::string_view option, const std::string& text) {
  return text.empty() ? std::vector<std::string>{} : split_list(option, text, '+');
}

sim::CacheKeyRules key_rules(const ReplayCommand& command) {
  sim::CacheKeyRules rules;
  rules.use_host = command.key != "path";
  if (!sim::set_query_rule(command.query, rules)) {
    throw cache::ParameterError(
        fmt::format("--query '{}': expected keep, drop, sort or drop:NAME,NAME…", command.query));
  }
  for (const std::string& alias : command.host_aliases) {
    const std::vector<std::string> hosts = split_list("--host-alias", alias, '=');
    if (hosts.size() != 2 || !rules.host_aliases.emplace(hosts[0], hosts[1]).second) {
      throw cache::ParameterError(
          fmt::format("--host-alias '{}': expected A=B, each A once", alias));
    }
  }
  return rules;
}

sim::LoadOptions load_options(const ReplayCommand& command) {
  sim::LoadOptions options;
  options.inputs = command.inputs;
  options.format = command.format;
  options.columns = {.time = columns("--time", command.time),
                     .client = columns("--client", command.client),
                     .key = columns("--key-columns", command.key_columns),
                     .size = columns("--size", command.size),
                     .fields = command.fields.empty()
                                   ? std::vector<std::string>{}
                                   : split_list("--fields", command.fields, ',')};
  options.key = key_rules(command);

  options.methods = split_list("--methods", command.methods, ',');
  options.statuses.clear();
  for (const std::string& status : split_list("--statuses", command.statuses, ',')) {
    const cache::NamedSettings settings{.name = "--statuses", .settings = {{"status", status}}};
    options.statuses.push_back(
        static_cast<int>(cache::Parameters(settings).count("status", 200, 100, 999)));
  }
  options.object_size = command.object_size == "first" ? sim::LoadOptions::ObjectSize::first
                                                       : sim::LoadOptions::ObjectSize::max;
  options.chunk_bytes = parse_bytes("--chunk", command.chunk);
  options.unit_size = command.unit_size;
  options.ttl_from_log = command.ttl == "log";
  if (options.unit_size && options.chunk_bytes > 0) {
    throw cache::ParameterError("--unit-size counts objects, --chunk cuts them up: take one");
  }
  return options;
}

/// `pfoo` stands for both of its bounds. Repeated names count once.
std::vector<cache::NamedSettings> named_settings(std::string_view option, const std::string& text) {
  std::vector<cache::NamedSettings> result;
  const auto add = [&](cache::NamedSettings settings) {
    if (std::find(result.begin(), result.end(), settings) == result.end()) {
      result.push_back(std::move(settings));
    }
  };
  for (const std::string& part : split_list(option, text, ',')) {
    cache::NamedSettings settings = cache::NamedSettings::parse(part);
    if (settings.name != "pfoo") {
      add(std::move(settings));
      continue;
    }
    for (const char* const bound : {"pfoo_lower", "pfoo_upper"}) {
      settings.name = bound;
      add(settings);
    }
  }
  return result;
}

/// Builds each policy and admission once on an empty cache, so that a mistyped setting is told
/// before hours of reading.
void check_settings(const std::vector<cache::NamedSettings>& policies,
                    const std::vector<cache::NamedSettings>& admissions) {
  const cache::CacheSpec nothing;
  for (const auto& policy : policies) (void)cache::make_policy(policy, nothing);
  for (const auto& admission : admissions) (void)cache::make_admission(admission, nothing);
}

/// The report would find a baseline that is no run only after the whole replay.
void check_baseline(const sim::BaselineChoice& baseline,
                    const std::vector<cache::NamedSettings>& policies,
                    const std::vector<cache::NamedSettings>& admissions) {
  const auto names = [](const auto& settings, const std::string& text) {
    return std::any_of(settings.begin(), settings.end(), [&](const cache::NamedSettings& one) {
      return one.name == text || one.text() == text;
    });
  };
  if (!baseline.policy.empty() && baseline.policy != "recorded" &&
      !names(policies, baseline.policy)) {
    throw cache::ParameterError(
        fmt::format("--baseline policy={}: no run has that policy", baseline.policy));
  }
  if (!baseline.admission.empty() && !names(admissions, baseline.admission)) {
    throw cache::ParameterError(
        fmt::format("--baseline admission={}: no run has that admission", baseline.admission));
  }
}

struct RunPlan {
  std::vector<sim::RunSpec> runs;
  std::vector<std::string> capacity_texts;
};

RunPlan plan_runs(const std::vector<cache::NamedSettings>& policies,
                  const std::vector<cache::NamedSettings>& admissions,
                  const std::vector<std::string>& capacities, std::uint64_t footprint_bytes) {
  RunPlan plan;
  std::set<std::uint64_t> seen;
  for (const std::string& text : capacities) {
    const std::uint64_t capacity = parse_capacity(text, footprint_bytes);
    if (!seen.insert(capacity).second) continue;
    for (const auto& policy : policies) {
      const bool is_unbounded = policy.name == "unbounded";
      if (is_unbounded && seen.size() > 1) continue;
      const bool ignores_admission = is_unbounded || policy.name.starts_with("pfoo");
      for (const auto& admission : admissions) {
        if (ignores_admission && &admission != &admissions.front()) continue;
        plan.runs.push_back(
            {.policy = policy,
             .admission = ignores_admission ? cache::NamedSettings{.name = "none"} : admission,
             .capacity_bytes = capacity});
        plan.capacity_texts.push_back(text);
      }
    }
  }
  return plan;
}

/// The files named with -o; the suffix picks the writer. That they can be written is tried before
/// the work begins; what they held is replaced only by a finished report.
class Outputs {
 public:
  Outputs(std::vector<std::string> paths, const std::vector<std::string>& inputs)
      : paths_(std::move(paths)) {
    for (const std::string& path : paths_) {
      if (!path.ends_with(".json") && !path.ends_with(".csv")) {
        throw cache::ParameterError(
            fmt::format("-o {}: expected a name that ends in .json or .csv", path));
      }
      for (const std::string& input : inputs) {
        std::error_code absent;
        if (std::filesystem::equivalent(path, input, absent)) {
          throw cache::ParameterError(fmt::format("-o {}: is an input", path));
        }
      }
      if (!std::ofstream(path, std::ios::app)) {
        throw sim::InputError(fmt::format("-o {}: cannot be written", path));
      }
    }
  }

  void write(const sim::Report& report) const {
    for (const std::string& path : paths_) {
      std::ofstream file(path, std::ios::binary);
      file << (path.ends_with(".csv") ? sim::report_csv(report) : sim::report_json(report));
      file.close();
      if (!file) throw sim::InputError(fmt::format("-o {}: writing failed", path));
    }
  }

 private:
  std::vector<std::string> paths_;
};

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

bool is_worse(const sim::Report& report, double points, bool confident) {
  return std::any_of(report.runs.begin(), report.runs.end(), [&](const sim::ReportedRun& run) {
    if (!run.change || run.is_ceiling) return false;
    const double change =
        confident ? run.change->high.value_or(run.change->hit_ratio) : run.change->hit_ratio;
    return change < -points;
  });
}

int run_replay(const ReplayCommand& command) {
  const double started = steady_seconds();
  catch_interrupts();
  const sim::LoadOptions load = load_options(command);
  const auto policies = named_settings("--policy", command.policies);
  const auto admissions = named_settings("--admission", command.admissions);
  const auto capacities = split_list("--capacity", command.capacities, ',');
  check_settings(policies, admissions);
  for (const std::string& text : capacities) (void)parse_capacity(text, 0);
  const sim::WarmUp warm_up = parse_warm_up(command.warm_up);
  const sim::Freshness freshness = parse_ttl(command.ttl);
  const double points_allowed = command.fail_if_worse.empty()
                                    ? std::numeric_limits<double>::infinity()
                                    : parse_points("--fail-if-worse", command.fail_if_worse);
  const sim::BaselineChoice baseline =
      command.baseline.empty() ? sim::BaselineChoice{} : parse_baseline(command.baseline);
  check_baseline(baseline, policies, admissions);
  const Outputs outputs(command.outputs, command.inputs);
  sim::MemoryBudget budget{.limit_bytes = parse_bytes("--memory", command.memory)};
  if (const char* const folder = std::getenv("TMPDIR")) budget.spool_folder = folder;

  TerminalProgress progress;
  const sim::Trace trace = sim::load_trace(load, budget, progress);
  progress.finish();
  tell_bad_lines(trace.summary, progress);
  if (trace.summary.requests == 0) progress.note("no countable request in the input");
  const bool needs_times =
      freshness.source != sim::Freshness::Source::none || warm_up.duration_ms > 0;
  if (needs_times && !trace.has_times() && trace.summary.requests > 0) {
    throw cache::ParameterError("--ttl and --warmup DURATION need a trace with real times");
  }
  const std::vector<sim::Cell> cells = sim::make_cells(trace, warm_up);
  const bool has_counted = std::any_of(cells.begin(), cells.end(),
                                       [](const sim::Cell& cell) { return cell.is_counted; });
  if (!cells.empty() && !has_counted) progress.note("the warm-up leaves no request to count");
  const RunPlan plan = plan_runs(policies, admissions, capacities, trace.summary.footprint_bytes);
  const sim::ReplayOptions options{.freshness = freshness,
                                   .seed = command.seed,
                                   .threads = command.threads,
                                   .clock = command.no_timing ? nullptr : steady_seconds,
#ifdef NDEBUG
                                   .check_invariants = false};
#else
                                   .check_invariants = true};
#endif
  const auto results = sim::replay(trace, cells, plan.runs, options, progress);
  progress.finish();
  sim::Report report = sim::make_report(
      trace, cells, results,
      {.baseline = baseline, .capacity_texts = plan.capacity_texts, .seed = command.seed});
  if (!command.no_timing) report.wall_seconds = steady_seconds() - started;

  outputs.write(report);
  const bool colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  fmt::print("{}", command.json ? sim::report_json(report)
                                : sim::report_table(report, {.colour = colour}));
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  if (report.partial) return kExitInterrupted;
  return is_worse(report, points_allowed, command.confident) ? kExitNo : kExitDone;
}

std::string footer() {
  std::string text = "Policies (NAME:SETTING=VALUE…, several separated by commas):\n";
  for (const cache::PolicyKind& kind : cache::policy_kinds()) {
    text +=
        fmt::format("  {:<12} {}{}\n", kind.name, kind.is_ceiling ? "ceiling: " : "", kind.summary);
  }
  text += "Admission:\n";
  for (const cache::AdmissionKind& kind : cache::admission_kinds()) {
    text += fmt::format("  {:<12} {}\n", kind.name, kind.summary);
  }
  text += "Formats:\n";
  for (const sim::LogFormat& format : sim::log_formats()) {
    text += fmt::format("  {:<20} {}\n", format.name, format.summary);
  }
  text +=
      "  oracle_general       24-byte binary records (libCacheSim)\n"
      "Examples:\n"
      "  edgeward replay access.log.gz\n"
      "  edgeward replay access.log*.gz --policy lru,s3fifo,gdsf --capacity 10GiB,100GiB --warmup "
      "20%\n"
      "  edgeward replay day.csv --time date+time --key-columns package+version --size size\n"
      "  edgeward replay access.log --policy lru,sieve --fail-if-worse 0.5pp --confident\n"
      "  zcat access.log.gz | edgeward replay - --json\n";
  return text;
}

void add_input_options(CLI::App& app, ReplayCommand& c) {
  app.add_option("inputs", c.inputs,
                 "Log files or traces, plain, gzip or zstd; - is standard input")
      ->required()
      ->type_name("INPUT");
  const std::string group = "Input";
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->group(group)->capture_default_str();
  };
  option("--format", c.format, "Log format, or auto");
  option("--fields", c.fields, "Field names of a log without its header, separated by commas");
  option("--time", c.time, "Time column of csv and ndjson, or columns: date+time");
  option("--client", c.client, "Client column");
  option("--key-columns", c.key_columns, "Column or columns that name the content");
  option("--size", c.size, "Size column, in bytes");
  option("--key", c.key, "Cache key: host_path or path; default: host_path where the log has hosts")
      ->check(CLI::IsMember({"host_path", "path"}));
  app.add_option("--host-alias", c.host_aliases, "Count host A as B; may be repeated")
      ->group(group)
      ->type_name("A=B");
  option("--query", c.query, "Query of the key: keep, drop, sort, or drop:NAME,NAME…");
  option("--methods", c.methods, "Methods that count as requests");
  option("--statuses", c.statuses, "Statuses that count as requests");
  option("--object-size", c.object_size,
         "Size of an object: its largest full response, or its first")
      ->check(CLI::IsMember({"max", "first"}));
  option("--chunk", c.chunk, "Cache ranges of this many bytes apart; 0: objects are cached whole");
  option("--memory", c.memory, "Memory for requests; more are spooled to TMPDIR");
}

void add_run_options(CLI::App& app, ReplayCommand& c) {
  std::string group = "Caches";
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->group(group)->capture_default_str();
  };
  option("--policy", c.policies, "Eviction policies");
  option("--admission", c.admissions, "Admission policies, each with every eviction policy");
  option("--capacity", c.capacities, "Bytes (10GiB) or percent of the footprint");
  app.add_flag("--unit-size", c.unit_size, "Every object counts 1")->group(group);
  option("--ttl", c.ttl, "Freshness: none, log, or a duration such as 10m");
  option("--warmup", c.warm_up, "Replay this much uncounted first: 20% of the requests, or 2h");
  group = "Results";
  option(
      "--baseline", c.baseline,
      "What changes are against: policy=NAME,admission=NAME; policy=recorded: the log's own cache");
  option("--fail-if-worse", c.fail_if_worse, "Exit 1 if a policy loses more than this: 0.5pp");
  app.add_flag("--confident", c.confident, "With it: only if the whole 95% interval is below that")
      ->group(group);
  app.add_flag("--json", c.json, "JSON on standard output instead of the table")->group(group);
  app.add_option("-o,--output", c.outputs, "Also write FILE.json or FILE.csv; may be repeated")
      ->group(group)
      ->type_name("FILE");
  option("--threads", c.threads, "Runs replayed at once")->check(CLI::Range(1U, 1024U));
  option("--seed", c.seed, "Seed of sampling policies and intervals");
  app.add_flag("--no-timing", c.no_timing, "No rates and times: same input, same bytes out")
      ->group(group);
}

}  // namespace

void add_replay(CLI::App& app, Action& action) {
  CLI::App& replay = *app.add_subcommand(
      "replay", "Replay request logs through cache policies and measure the change in hit ratio");
  auto command = std::make_shared<ReplayCommand>();
  add_input_options(replay, *command);
  add_run_options(replay, *command);
  replay.footer(footer);
  replay.callback([command, &action] { action = [command] { return run_replay(*command); }; });
}

}  // namespace edgeward::controller
