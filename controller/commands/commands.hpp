#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace edgeward::controller {

/// What the chosen subcommand does; returns the exit code. Throws for what cannot start.
using Action = std::function<int()>;

// Each adds its subcommand to `app`; parsing it sets `action`.
void add_agent(CLI::App& app, Action& action);
void add_catalog(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_edge(CLI::App& app, Action& action);
void add_forecast(CLI::App& app, Action& action);
void add_geo(CLI::App& app, Action& action);
void add_optimize(CLI::App& app, Action& action);
void add_plan(CLI::App& app, Action& action);
void add_purge(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_route(CLI::App& app, Action& action);
void add_serve(CLI::App& app, Action& action);
void add_synth(CLI::App& app, Action& action);

// Each adds its own to the subcommand `geo`.
void add_geo_build(CLI::App& geo, Action& action);
void add_geo_centres(CLI::App& geo, Action& action);
void add_geo_compare(CLI::App& geo, Action& action);
void add_geo_evaluate(CLI::App& geo, Action& action);

}  // namespace edgeward::controller
