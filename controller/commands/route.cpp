#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/ids.hpp"
#include "cache/parameters.hpp"
#include "controller/commands/arguments.hpp"
#include "controller/commands/chosen_config.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/config_file.hpp"
#include "controller/config/routing_reader.hpp"
#include "controller/config/yaml_map.hpp"
#include "controller/decision_text.hpp"
#include "controller/routing_setup.hpp"
#include "controller/state_report.hpp"
#include "controller/terminal.hpp"
#include "geo/ip_address.hpp"
#include "policy/decision_json.hpp"
#include "policy/json.hpp"
#include "policy/router.hpp"
#include "sim/logs/cache_key.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct RouteCommand {
  std::string config;
  std::string fleet;
  std::string client;
  std::string content;
  std::string at;
  std::string service;
  std::string size = "0";
  std::string scoring;
  std::string states;
  bool explain = false;
  bool json = false;
};

policy::ServiceIndex service_of(const std::string& name,
                                const std::vector<policy::Service>& services) {
  const auto found = find_service(name, services);
  if (found) return *found;
  throw cache::ParameterError(
      fmt::format("--service {}: no service of that name{}", quote(name), found.error()));
}

std::int64_t parse_at(const std::string& text) {
  const auto at_ms = sim::parse_time(text);
  if (at_ms) return *at_ms;
  throw cache::ParameterError(fmt::format(
      "--at {}: expected a time such as 2026-01-31T12:00:00Z, or seconds since 1970", quote(text)));
}

geo::IpAddress parse_client(const std::string& text) {
  if (const auto address = geo::IpAddress::parse(text)) return *address;
  throw cache::ParameterError(
      fmt::format("--client {}: expected an IPv4 or IPv6 address", quote(text)));
}

/// The canonical key, as logs and HTTP have it.
std::string canonical_key(const std::string& content) {
  sim::CacheKeyWriter writer(sim::CacheKeyRules{});
  std::string key;
  writer.write("", content, key);
  return key;
}

std::vector<StateReport> load_states(const RouteCommand& command, const cache::Fleet& fleet) {
  if (command.states.empty()) {
    say("no --state: every edge is taken as ready and idle");
    return {};
  }
  const auto text = read_text(command.states);
  if (!text) throw FileUnreadable(fmt::format("{}: {}", command.states, text.error()));
  auto reports = parse_state_reports(*text, command.states, fleet);
  say(fmt::format("{}: {} report{}; edges without one are taken as ready and idle", command.states,
                  reports.size(), reports.size() == 1 ? "" : "s"));
  return reports;
}

/// When nothing else says when: the time of the newest report, so that a file of yesterday's does
/// not make every edge silent for a day.
std::int64_t decision_time_ms(const RouteCommand& command,
                              const std::vector<StateReport>& reports) {
  if (!command.at.empty()) return parse_at(command.at);
  std::optional<std::int64_t> newest;
  for (const StateReport& report : reports) {
    if (report.at_ms && *report.at_ms > newest.value_or(-1)) newest = report.at_ms;
  }
  return newest ? *newest : wall_ms();
}

int run_route(const RouteCommand& command) {
  policy::Request request{.client = parse_client(command.client),
                          .size_bytes = parse_bytes("--size", command.size)};
  const std::string key = canonical_key(command.content);
  request.content = cache::content_id(key);
  if (!command.at.empty()) (void)parse_at(command.at);
  Config config = load_chosen_config(command.config, command.fleet);
  for (const policy::Scoring scoring : {policy::Scoring::weighted, policy::Scoring::latency,
                                        policy::Scoring::nearest, policy::Scoring::random}) {
    if (command.scoring == name(scoring)) config.routing.scoring = scoring;
  }
  request.service = service_of(command.service, config.routing.services);
  const std::vector<StateReport> reports = load_states(command, config.fleet);
  request.at_ms = decision_time_ms(command, reports);

  const Routing routing = RoutingCompiler().compile(config, {}, say);
  const auto states = states_of(reports, config.fleet, request.at_ms);
  const policy::Snapshot snapshot = make_snapshot(routing, states, request.at_ms, 1);
  const policy::Question question{.client = command.client, .key = key};
  const policy::Explanation explanation = policy::explain(request, snapshot);
  if (command.json) {
    const policy::DecisionWriter writer(snapshot.fleet);
    std::string line;
    if (command.explain) {
      writer.append(explanation, question, line);
    } else {
      writer.append(explanation.decision, question, line);
    }
    fmt::print("{}", policy::indented_json(line));
  } else {
    fmt::print("{}", command.explain ? explanation_text(explanation, request, question, snapshot)
                                     : decision_text(explanation, question, snapshot));
  }
  return explanation.decision.edge == cache::kNoEdge ? kExitNo : kExitDone;
}

}  // namespace

void add_route(CLI::App& app, Action& action) {
  CLI::App& route =
      *app.add_subcommand("route", "Which edge should serve this client this content, and why");
  auto command = std::make_shared<RouteCommand>();
  RouteCommand& c = *command;
  route.add_option("--config", c.config, "Configuration; default: the demo fleet")
      ->type_name("FILE");
  route.add_option("--fleet", c.fleet, "Fleet file, instead of the configuration's fleet")
      ->type_name("FILE");
  route.add_option("--client", c.client, "The client's address")->required()->type_name("IP");
  route.add_option("--content", c.content, "The content: a path or a URL")
      ->required()
      ->type_name("KEY");
  route.add_option("--size", c.size, "Size of the content, for latency scoring")
      ->type_name("BYTES");
  route.add_option("--at", c.at, "Time of the request; default: that of the newest state, or now")
      ->type_name("TIME");
  route.add_option("--service", c.service, "Service; default: the first")->type_name("NAME");
  route.add_option("--scoring", c.scoring, "Instead of the configuration's scoring")
      ->check(CLI::IsMember({"weighted", "latency", "nearest", "random"}));
  route
      .add_option("--state", c.states,
                  "States of edges, a JSON line each as for POST /v1/state; - is standard input")
      ->type_name("FILE");
  route.add_flag("--explain", c.explain, "Show every candidate, and why the others are none");
  route.add_flag("--json", c.json, "JSON on standard output");
  route.footer(
      "Exit codes: 0 an edge, 1 no edge may serve the client, 2 usage or configuration error.\n"
      "Examples:\n"
      "  edgeward route --client 81.2.69.142 --content /a --explain\n"
      "  echo '{\"edge\":\"lhr1\",\"mode\":\"drain\"}' |\n"
      "    edgeward route --client 81.2.69.142 --content /a --state - --scoring latency\n");
  route.callback([command, &action] { action = [command] { return run_route(*command); }; });
}

}  // namespace edgeward::controller
