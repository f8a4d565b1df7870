#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "controller/commands/commands.hpp"
#include "controller/config/fault.hpp"
#include "controller/http/client.hpp"
#include "controller/terminal.hpp"
#include "sim/printable.hpp"

int main(int argc, char** argv) {
  namespace controller = edgeward::controller;
  CLI::App app{
      "Edgeward: routes clients to CDN edges, replays request logs through caches and fleets, and "
      "measures the change"};
  app.name("edgeward");
  app.set_version_flag("--version", "edgeward " EDGEWARD_VERSION);
  app.require_subcommand(1);
  app.footer("`edgeward COMMAND --help` explains a command, with examples.");
  controller::Action action;
  controller::add_check(app, action);
  controller::add_edge(app, action);
  controller::add_geo(app, action);
  controller::add_replay(app, action);
  controller::add_route(app, action);
  controller::add_serve(app, action);
  controller::add_synth(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "edgeward: {}; see --help\n", edgeward::sim::printable(error.what()));
    return controller::kExitUsage;
  }
  try {
    return action();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "edgeward: out of memory; a smaller --memory spools requests to disk\n");
  } catch (const controller::Unreachable& error) {
    fmt::print(stderr, "edgeward: {}\n", edgeward::sim::printable(error.what()));
    return controller::kExitUnreachable;
  } catch (const controller::ConfigError& error) {
    for (const controller::Fault& fault : error.faults()) {
      fmt::print(stderr, "{}\n", edgeward::sim::printable(fault.text()));
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "edgeward: {}\n", edgeward::sim::printable(error.what()));
  }
  return controller::kExitUsage;
}
