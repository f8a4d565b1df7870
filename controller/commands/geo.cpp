#include <CLI/CLI.hpp>

#include "controller/commands/commands.hpp"

namespace edgeward::controller {

void add_geo(CLI::App& app, Action& action) {
  CLI::App& geo = *app.add_subcommand("geo", "Where clients are, and how far that is");
  geo.require_subcommand(1);
  add_geo_evaluate(geo, action);
}

}  // namespace edgeward::controller
