#include "controller/commands/replay_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "controller/commands/arguments.hpp"

namespace edgeward::controller {

namespace {

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
void check_baseline(const ReplaySettings& settings) {
  const sim::BaselineChoice& baseline = settings.baseline;
  const auto names = [](const auto& all, const std::string& text) {
    return std::any_of(all.begin(), all.end(), [&](const cache::NamedSettings& one) {
      return one.name == text || one.text() == text;
    });
  };
  if (!baseline.policy.empty() && baseline.policy != "recorded" &&
      !names(settings.policies, baseline.policy)) {
    throw cache::ParameterError(
        fmt::format("--baseline policy={}: no run has that policy", baseline.policy));
  }
  if (!baseline.admission.empty() && !names(settings.admissions, baseline.admission)) {
    throw cache::ParameterError(
        fmt::format("--baseline admission={}: no run has that admission", baseline.admission));
  }
  if (baseline.routing && std::find(settings.routings.begin(), settings.routings.end(),
                                    *baseline.routing) == settings.routings.end()) {
    throw cache::ParameterError(
        fmt::format("--baseline routing={}: no run has that routing{}", name(*baseline.routing),
                    settings.routings.empty() ? "; routings need --fleet" : ""));
  }
  if (baseline.planning && std::find(settings.plannings.begin(), settings.plannings.end(),
                                     *baseline.planning) == settings.plannings.end()) {
    throw cache::ParameterError(
        fmt::format("--baseline plan={}: no run has that plan{}", name(*baseline.planning),
                    settings.plannings.empty() ? "; plans need --fleet" : ""));
  }
}

void read_plan_settings(const ReplayCommand& command, ReplaySettings& settings) {
  for (const std::string& text : split_list("--plan", command.plannings, ',')) {
    const auto planning = sim::parse_planning(text);
    if (!planning) {
      throw cache::ParameterError(
          fmt::format("--plan '{}': expected none, independent or cooperative", text));
    }
    if (std::find(settings.plannings.begin(), settings.plannings.end(), *planning) ==
        settings.plannings.end()) {
      settings.plannings.push_back(*planning);
    }
  }
  settings.plans.interval_ms = parse_duration_ms("--plan-interval", command.plan_interval);
  constexpr std::int64_t kIntervalMsMin = 60'000;
  if (settings.plans.interval_ms < kIntervalMsMin) {
    throw cache::ParameterError("--plan-interval: expected at least 1m");
  }
  const auto objective = policy::parse_plan_objective(command.plan_objective);
  if (!objective) {
    throw cache::ParameterError(fmt::format(
        "--plan-objective '{}': expected requests, bytes or milliseconds", command.plan_objective));
  }
  settings.plans.objective = *objective;
}

/// The options that a fleet gives a meaning.
void read_fleet_settings(const ReplayCommand& command, ReplaySettings& settings) {
  if (command.fleet.empty()) {
    if (!command.failures.empty()) throw cache::ParameterError("--fail needs --fleet");
    if (command.plannings != ReplayCommand{}.plannings) {
      throw cache::ParameterError("--plan needs --fleet");
    }
    return;
  }
  settings.load.with_clients = true;
  for (const std::string& text : split_list("--routing", command.routings, ',')) {
    const auto routing = sim::parse_routing(text);
    if (!routing) {
      throw cache::ParameterError(fmt::format(
          "--routing '{}': expected nearest, recorded, random, weighted or latency", text));
    }
    if (std::find(settings.routings.begin(), settings.routings.end(), *routing) ==
        settings.routings.end()) {
      settings.routings.push_back(*routing);
    }
  }
  read_plan_settings(command, settings);
  settings.tick_ms = parse_duration_ms("--tick", command.tick);
  if (settings.tick_ms < 1) throw cache::ParameterError("--tick: expected at least 1ms");
  for (const cache::NamedSettings& policy : settings.policies) {
    if (!cache::policy_kind(policy.name).is_ceiling) continue;
    throw cache::ParameterError(fmt::format(
        "--policy {}: ceilings see the future of one cache; with --fleet the requests that an "
        "edge gets depend on what the edges hold",
        policy.name));
  }
}

void check_capacities(const ReplayCommand& command, const ReplaySettings& settings) {
  for (const std::string& text : settings.capacities) {
    if (text != kFleetCapacity) {
      (void)parse_capacity(text, 0);
    } else if (command.fleet.empty()) {
      throw cache::ParameterError("--capacity fleet needs --fleet");
    } else if (command.unit_size) {
      throw cache::ParameterError(
          "--unit-size counts objects, the fleet's capacities are bytes: give --capacity");
    }
  }
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
      "  zcat access.log.gz | edgeward replay - --json\n"
      "  edgeward replay access.log --fleet fleet.yaml --capacity 1%,10% --baseline "
      "routing=nearest\n"
      "  edgeward replay access.log --fleet fleet.yaml --fail fra1@2h+30m\n"
      "  edgeward replay access.log --fleet fleet.yaml --routing weighted --plan "
      "none,independent\n"
      "  edgeward replay decisions.ndjson --snapshots /var/lib/edgeward/snapshots\n";
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
  option("--policy", c.policies, "Eviction policies [lru,s3fifo,gdsf,belady; with --fleet: lru]");
  option("--admission", c.admissions, "Admission policies, each with every eviction policy");
  option("--capacity", c.capacities,
         "Bytes (10GiB) or percent of the footprint; of EACH edge with --fleet, where `fleet` "
         "stands for what the fleet file gives each [0.1%,1%,10%; with --fleet: fleet]");
  app.add_flag("--unit-size", c.unit_size, "Every object counts 1")->group(group);
  option("--ttl", c.ttl, "Freshness: none, log, or a duration such as 10m");
  option("--warmup", c.warm_up, "Replay this much uncounted first: 20% of the requests, or 2h");
  group = "Fleet";
  option("--fleet", c.fleet,
         "Route the requests to the edges of this fleet file or configuration, by clients' "
         "addresses or countries where the log names them")
      ->type_name("FILE");
  option("--routing", c.routings,
         "Routings to compare: nearest, recorded (the edge that the log names), random, weighted, "
         "latency");
  option("--plan", c.plannings,
         "Plans to compare: none, independent (each edge by itself), cooperative (with an eye on "
         "what its neighbours hold)");
  option("--plan-interval", c.plan_interval, "How often plans are made");
  option("--plan-objective", c.plan_objective,
         "What plans are to save: requests, bytes, milliseconds");
  app.add_option("--fail", c.failures,
                 "Take an edge down from T on for D: T after the first request, or a time such as "
                 "2015-05-17T12:00:00Z. What it caches survives. May be repeated")
      ->group(group)
      ->type_name("EDGE@T+D");
  option("--snapshots", c.snapshots,
         "The input is a decision log: make its decisions again, with the snapshots kept in this "
         "folder (serve.decision_log); with --fleet by that file's routing options")
      ->type_name("FOLDER");
  option("--tick", c.tick, "How often loads, inventories and shares are fed back into routing");
  group = "Results";
  option("--baseline", c.baseline,
         "What changes are against: policy=NAME,admission=NAME,routing=NAME,plan=NAME; "
         "policy=recorded: the "
         "log's own cache");
  option("--fail-if-worse", c.fail_if_worse, "Exit 1 if a run loses more than this: 0.5pp");
  app.add_flag("--confident", c.confident, "With it: only if the whole 95% interval is below that")
      ->group(group);
  app.add_flag("--json", c.json, "JSON on standard output instead of the table")->group(group);
  app.add_option("-o,--output", c.outputs, "Also write FILE.json or FILE.csv; may be repeated")
      ->group(group)
      ->type_name("FILE");
  app.add_option("--threads", c.threads, "Runs replayed at once; default: one a core")
      ->group(group)
      ->check(CLI::Range(1U, 1024U));
  option("--seed", c.seed, "Seed of sampling policies and intervals");
  app.add_flag("--no-timing", c.no_timing, "No rates and times: same input, same bytes out")
      ->group(group);
}

}  // namespace

void add_replay_options(CLI::App& app, ReplayCommand& command) {
  add_input_options(app, command);
  add_run_options(app, command);
  app.footer(footer);
}

ReplaySettings replay_settings(const ReplayCommand& command) {
  const bool has_fleet = !command.fleet.empty();
  const auto given = [](const std::string& text, const char* otherwise) {
    return text.empty() ? std::string(otherwise) : text;
  };
  ReplaySettings settings{.load = load_options(command)};
  settings.policies = named_settings(
      "--policy", given(command.policies, has_fleet ? "lru" : "lru,s3fifo,gdsf,belady"));
  settings.admissions = named_settings("--admission", command.admissions);
  settings.capacities =
      split_list("--capacity", given(command.capacities, has_fleet ? "fleet" : "0.1%,1%,10%"), ',');
  check_settings(settings.policies, settings.admissions);
  read_fleet_settings(command, settings);
  check_capacities(command, settings);
  settings.warm_up = parse_warm_up(command.warm_up);
  settings.freshness = parse_ttl(command.ttl);
  if (!command.fail_if_worse.empty()) {
    settings.points_allowed = parse_points("--fail-if-worse", command.fail_if_worse);
  }
  if (!command.baseline.empty()) settings.baseline = parse_baseline(command.baseline);
  check_baseline(settings);
  settings.memory_bytes = parse_bytes("--memory", command.memory);
  return settings;
}

}  // namespace edgeward::controller
