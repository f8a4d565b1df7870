#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "controller/commands/admin_options.hpp"
#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/config_file.hpp"
#include "controller/data_folder.hpp"
#include "controller/terminal.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// The options as they were typed.
struct OptimizeCommand {
  AdminOptions admin;
  std::string config;
  std::string measure_after = "24h";
  std::string canary;
  bool is_status = false;
  bool json = false;
};

std::string ratio_text(const json::value& ratio) {
  return ratio.is_null() ? "-" : fmt::format("{:.2f} %", ratio.to_number<double>() * 100);
}

std::string points(const json::value& difference) {
  return difference.is_null() ? "-"
                              : fmt::format("{:+.2f} pp", difference.to_number<double>() * 100);
}

void print_strategy(const json::object& strategy) {
  fmt::print("{}: {}, hit ratio {} of {} requests{}\n",
             sim::printable(strategy.at("edge").as_string().c_str()),
             strategy.at("verdict").as_string().c_str(), ratio_text(strategy.at("hit_ratio")),
             strategy.at("requests").to_number<std::uint64_t>(),
             strategy.at("applied").as_bool() ? "" : " (left as it is, to be compared with)");
  for (const json::value& value : strategy.at("actions").as_array()) {
    const json::object& action = value.as_object();
    std::string what;
    if (const json::value* const count = action.if_contains("count")) {
      what = fmt::format(": {} contents, {} bytes", json::serialize(*count),
                         json::serialize(action.at("bytes")));
    }
    fmt::print("  {}. {}{}\n", action.at("number").to_number<std::uint64_t>(),
               action.at("action").as_string().c_str(), what);
  }
}

void print_outcome(const json::object& outcome) {
  fmt::print("\n{:<16} {:<22} {:>10} {:>10} {:>12}\n", "edge", "strategy", "before", "after",
             "improvement");
  for (const json::value& value : outcome.at("edges").as_array()) {
    const json::object& edge = value.as_object();
    fmt::print("{:<16} {:<22} {:>10} {:>10} {:>12}\n",
               sim::printable(edge.at("edge").as_string().c_str()),
               edge.at("applied").as_bool() ? edge.at("strategy").as_string().c_str() : "(rest)",
               ratio_text(edge.at("baseline_hit_ratio")),
               ratio_text(edge.at("optimized_hit_ratio")), points(edge.at("improvement")));
  }
  fmt::print("{} edges optimized; on average {}, by requests {}\n",
             outcome.at("edges_optimized").to_number<std::uint64_t>(),
             points(outcome.at("average_improvement")),
             points(outcome.at("average_improvement_weighted")));
  if (outcome.at("canary").is_null()) return;
  const json::object& canary = outcome.at("canary").as_object();
  fmt::print("against the rest {} [{}, {}]: {}\n", points(canary.at("effect")),
             points(canary.at("low")), points(canary.at("high")),
             canary.at("verdict").as_string().c_str());
}

/// "10%" in whole percent.
unsigned canary_percent(const std::string& text) {
  unsigned value = 0;
  std::size_t read = 0;
  try {
    value = static_cast<unsigned>(std::stoul(text, &read));
  } catch (const std::exception&) {
    read = 0;
  }
  if (read == 0 || text.substr(read) != "%" || value < 1 || value > 99) {
    throw std::runtime_error(fmt::format("--canary: expected from 1% to 99%, found '{}'", text));
  }
  return value;
}

/// Begins a run, and waits until strategies are there: a moment.
std::string begin(const OptimizeCommand& command) {
  const std::int64_t after_ms = parse_duration_ms("--measure-after", command.measure_after);
  std::string target = fmt::format("/v1/optimize?measure_after_s={}", after_ms / 1000);
  if (!command.canary.empty()) {
    target += fmt::format("&canary_percent={}", canary_percent(command.canary));
  }
  const json::value started = json::parse(ask_for(command.admin, "POST", target));
  const auto run = started.at("run").to_number<std::uint64_t>();
  while (true) {
    const HttpReply reply = ask(command.admin, "GET", "/v1/optimize");
    if (reply.status == 200) {
      const json::value told = json::parse(reply.body);
      if (told.at("run").to_number<std::uint64_t>() >= run) return reply.body;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

int run_optimize(OptimizeCommand& command) {
  if (!command.config.empty()) {
    command.admin.access.address = read_config(command.config, data_folder()).serve.admin;
  }
  read_token(command.admin);
  const std::string body =
      command.is_status ? ask_for(command.admin, "GET", "/v1/optimize") : begin(command);
  if (command.json) {
    fmt::print("{}", body);
    return kExitDone;
  }
  const json::value run = json::parse(body);
  for (const json::value& strategy : run.at("strategies").as_array()) {
    print_strategy(strategy.as_object());
  }
  if (run.at("outcome").is_object()) print_outcome(run.at("outcome").as_object());
  if (run.at("status").as_string() == "measuring") {
    fmt::print(stderr,
               "edgeward: it is measured at {:.0f} (seconds since the epoch): "
               "edgeward optimize --status\n",
               run.at("measured_at").to_number<double>());
  }
  return run.at("rolled_back").as_bool() ? kExitNo : kExitDone;
}

}  // namespace

void add_optimize(CLI::App& app, Action& action) {
  CLI::App& optimize = *app.add_subcommand(
      "optimize",
      "Give a running service's edges strategies and plans, and measure what they bring");
  auto command = std::make_shared<OptimizeCommand>();
  OptimizeCommand& c = *command;
  optimize.add_option("--measure-after", c.measure_after, "1h to 24h; default: 24h")
      ->type_name("DURATION");
  optimize
      .add_option("--canary", c.canary,
                  "Only this part of the edges gets plans, the rest none: it is compared with, and "
                  "plans end where they lose")
      ->type_name("PERCENT%");
  optimize.add_flag("--status", c.is_status, "How the last one is, or was");
  optimize.add_option("--config", c.config, "Configuration whose serve.admin is asked")
      ->type_name("FILE");
  add_admin_options(optimize, c.admin);
  optimize.add_flag("--json", c.json, "JSON on standard output");
  optimize.footer(
      "The service has to follow its edges (`redis.follow`), and be the one that plans.\n"
      "Exit codes: 0 done, 1 it was rolled back, 2 the service refused it, 75 it cannot be\n"
      "reached.\n"
      "Examples:\n"
      "  edgeward optimize\n"
      "  edgeward optimize --canary 10% --measure-after 6h\n"
      "  edgeward optimize --status\n");
  optimize.callback([command, &action] { action = [command] { return run_optimize(*command); }; });
}

}  // namespace edgeward::controller
