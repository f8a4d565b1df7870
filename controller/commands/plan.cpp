#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "controller/commands/admin_options.hpp"
#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/config_file.hpp"
#include "controller/data_folder.hpp"
#include "controller/terminal.hpp"
#include "policy/json.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// The options as they were typed.
struct PlanCommand {
  AdminOptions admin;
  std::string config;
  std::string edge;
  std::string timeout = "2m";
  bool is_dry = false;
  bool json = false;
};

/// Bytes as people say them.
std::string amount(const json::value& value) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto bytes = value.to_number<double>();
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

double percent(const json::value& value) {
  return value.to_number<double>() * 100;
}

std::string contents(const json::value& sum) {
  return fmt::format("{} ({})", sum.at("contents").to_number<std::uint64_t>(),
                     amount(sum.at("bytes")));
}

void print_action(const json::object& action) {
  const bool is_evict = action.at("kind").as_string() == "evict";
  const std::string key = sim::printable(action.at("key").as_string().c_str());
  fmt::print("    {}  {:>10}  {}  {}\n", is_evict ? "-" : "+", amount(action.at("size_bytes")),
             key.empty() ? std::string(action.at("content").as_string().c_str()) : key,
             is_evict ? "worth less than what takes its place"
                      : fmt::format("{:.1f} requests expected",
                                    action.at("expected_requests").to_number<double>()));
}

void print_edge(const json::object& edge) {
  fmt::print("{}: plans may have {:.0f} % of {} ({})\n",
             sim::printable(edge.at("edge").as_string().c_str()), percent(edge.at("share")),
             amount(edge.at("capacity_bytes")), amount(edge.at("budget_bytes")));
  if (edge.at("share").to_number<double>() == 0) {
    fmt::print(
        "    no more than its own eviction does, as long as simulated caches with plans are "
        "not ahead\n");
  }
  const bool may_fetch = edge.at("fill_bytes").to_number<std::uint64_t>() > 0;
  fmt::print("    keeps {}, fetches {}, drops {}; may fetch {} until the next plan{}\n",
             contents(edge.at("keep")), contents(edge.at("prefetch")), contents(edge.at("evict")),
             amount(edge.at("fill_bytes")), may_fetch ? "" : ": its off-peak hours are others");
  fmt::print(
      "    hit ratio expected: {:.2f} % as it is, {:.2f} % by the plan, of {:.0f} requests\n",
      percent(edge.at("hit_ratio_before")), percent(edge.at("hit_ratio_after")),
      edge.at("expected_requests").to_number<double>());
  for (const json::value& action : edge.at("foremost_actions").as_array()) {
    print_action(action.as_object());
  }
}

/// The run, once it is told of; null if that takes too long.
json::value wait_for_run(const PlanCommand& command, std::uint64_t run, double timeout_s) {
  const std::string target = "/v1/plans" + (command.edge.empty() ? "" : "/" + command.edge);
  const double begun_s = steady_seconds();
  while (steady_seconds() - begun_s < timeout_s && !interrupted()) {
    json::object status = json::parse(ask_for(command.admin, "GET", target)).as_object();
    for (const char* which : {"last_run", "last_dry_run"}) {
      json::value& told = status.at(which);
      if (told.is_object() && told.at("run").to_number<std::uint64_t>() == run) {
        return std::move(told);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return nullptr;
}

int run_plan(PlanCommand& command) {
  const double timeout_s =
      static_cast<double>(parse_duration_ms("--timeout", command.timeout)) / 1000;
  if (!command.config.empty()) {
    command.admin.access.address = read_config(command.config, data_folder()).serve.admin;
  }
  read_token(command.admin);
  catch_interrupts();
  const std::string started =
      ask_for(command.admin, "POST", command.is_dry ? "/v1/plans/run?dry_run=1" : "/v1/plans/run");
  const json::value answer = json::parse(started);
  const json::value run =
      wait_for_run(command, answer.at("run").to_number<std::uint64_t>(), timeout_s);
  if (interrupted()) return kExitInterrupted;
  if (run.is_null()) throw std::runtime_error("no plan was made within --timeout");
  if (command.json) {
    fmt::print("{}", policy::json_text(run));
    return kExitDone;
  }
  for (const json::value& edge : run.at("edges").as_array()) print_edge(edge.as_object());
  fmt::print(stderr, "edgeward: {}\n",
             run.at("dry_run").as_bool() ? "a dry run: nothing was published"
                                         : "published: edges act on it");
  return kExitDone;
}

}  // namespace

void add_plan(CLI::App& app, Action& action) {
  CLI::App& plan = *app.add_subcommand(
      "plan", "Have a running service make plans now, and see what edges are to keep and fetch");
  auto command = std::make_shared<PlanCommand>();
  PlanCommand& c = *command;
  plan.add_flag("--dry-run", c.is_dry, "Publish nothing");
  plan.add_option("--config", c.config, "Configuration whose serve.admin is asked")
      ->type_name("FILE");
  plan.add_option("--edge", c.edge, "Only this edge is shown")->type_name("NAME");
  plan.add_option("--timeout", c.timeout, "How long to wait; default: 2m")->type_name("DURATION");
  add_admin_options(plan, c.admin);
  plan.add_flag("--json", c.json, "JSON on standard output");
  plan.footer(
      "The service has to follow its edges (`redis.follow`). What plans are made from, how large\n"
      "a part of an edge's cache they may have, and what came of those before: GET /v1/plans.\n"
      "Exit codes: 0 done, 2 the service refused it, 75 the service cannot be reached.\n"
      "Examples:\n"
      "  edgeward plan --dry-run\n"
      "  edgeward plan --edge fra1 --json\n");
  plan.callback([command, &action] { action = [command] { return run_plan(*command); }; });
}

}  // namespace edgeward::controller
