#include "controller/commands/command_line.hpp"

#include <CLI/CLI.hpp>

namespace edgeward::controller {

std::unique_ptr<CLI::App> command_line(Action& action) {
  auto app = std::make_unique<CLI::App>(
      "Edgeward: routes clients to CDN edges, replays request logs through caches and fleets, and "
      "measures the change");
  app->name("edgeward");
  app->set_version_flag("--version", "edgeward " EDGEWARD_VERSION);
  app->require_subcommand(1);
  app->footer("`edgeward COMMAND --help` explains a command, with examples.");
  add_agent(*app, action);
  add_catalog(*app, action);
  add_check(*app, action);
  add_edge(*app, action);
  add_forecast(*app, action);
  add_geo(*app, action);
  add_optimize(*app, action);
  add_plan(*app, action);
  add_purge(*app, action);
  add_replay(*app, action);
  add_route(*app, action);
  add_serve(*app, action);
  add_synth(*app, action);
  return app;
}

}  // namespace edgeward::controller
