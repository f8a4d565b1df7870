#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "controller/commands/admin_options.hpp"
#include "controller/commands/commands.hpp"
#include "controller/terminal.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// The options as they were typed.
struct EdgeCommand {
  AdminOptions admin;
  std::string edge;
  bool json = false;
};

double number(const json::value& value) {
  return value.is_null() ? 0 : value.to_number<double>();
}

std::string age(const json::value& age_ms) {
  return age_ms.is_null() ? "never" : fmt::format("{:.1f} s", number(age_ms) / 1000);
}

int list(EdgeCommand& command) {
  read_token(command.admin);
  const std::string body = ask_for(command.admin, "GET", "/v1/edges");
  if (command.json) {
    fmt::print("{}", body);
    return kExitDone;
  }
  const json::object answer = json::parse(body).as_object();
  fmt::print("{:<16} {:<8} {:<11} {:>6} {:>10} {:>10}  {}\n", "edge", "mode", "gets none", "load",
             "req/s", "may take", "reported");
  for (const json::value& value : answer.at("edges").as_array()) {
    const json::object& edge = value.as_object();
    const json::value& excluded = edge.at("excluded");
    fmt::print("{:<16} {:<8} {:<11} {:>6.2f} {:>10.1f} {:>10.0f}  {}\n",
               sim::printable(edge.at("edge").as_string().c_str()),
               edge.at("mode").as_string().c_str(),
               excluded.is_null() ? "-" : excluded.as_string().c_str(),
               number(edge.at("load_ratio")), number(edge.at("requests_per_second")),
               number(edge.at("fair_share_requests_per_second")), age(edge.at("age_ms")));
  }
  return kExitDone;
}

int post(EdgeCommand& command, const char* action) {
  read_token(command.admin);
  (void)ask_for(command.admin, "POST", fmt::format("/v1/edges/{}/{}", command.edge, action));
  return kExitDone;
}

}  // namespace

void add_edge(CLI::App& app, Action& action) {
  CLI::App& edge = *app.add_subcommand("edge", "See, drain and undrain the edges of a service");
  edge.require_subcommand(1);
  auto command = std::make_shared<EdgeCommand>();
  EdgeCommand& c = *command;
  CLI::App& list_edges = *edge.add_subcommand("list", "How edges are, and why some get no clients");
  add_admin_options(list_edges, c.admin);
  list_edges.add_flag("--json", c.json, "JSON on standard output");
  list_edges.callback([command, &action] { action = [command] { return list(*command); }; });
  for (const char* name : {"drain", "undrain"}) {
    const bool is_drain = std::string_view(name) == "drain";
    CLI::App& sub = *edge.add_subcommand(
        name, is_drain ? "Send no clients to an edge, whatever it reports" : "End its drain");
    add_admin_options(sub, c.admin);
    sub.add_option("NAME", c.edge, "The edge")->required();
    sub.callback(
        [command, name, &action] { action = [command, name] { return post(*command, name); }; });
  }
  edge.footer(
      "Exit codes: 0 done, 2 the service refused it, 75 the service cannot be reached.\n"
      "Examples:\n"
      "  edgeward edge list\n"
      "  edgeward edge drain lhr1\n"
      "  edgeward edge undrain lhr1 --admin https://cdn.example:8081 --token-file token\n");
}

}  // namespace edgeward::controller
