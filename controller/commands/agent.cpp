#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "cache/redis/agent_store.hpp"
#include "cache/redis/purges.hpp"
#include "controller/agent/agent.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/config_file.hpp"
#include "controller/data_folder.hpp"
#include "controller/log/log.hpp"
#include "controller/redis_access.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct AgentCommand {
  std::string config;
  std::string edge;
  std::string listen;
};

const cache::Edge& find_edge(const cache::Fleet& fleet, const std::string& name) {
  if (const auto id = fleet.find(name)) return fleet[*id];
  throw std::runtime_error(fmt::format("the fleet has no edge '{}'", name));
}

/// Where an edge gets what it does not hold.
HttpUrl fill_source(const cache::Edge& edge, const Config& config) {
  const bool has_parent = edge.fill == cache::FillSource::parent;
  std::string text = has_parent ? config.agent.parent : config.agent.origin;
  if (has_parent && text.empty()) {
    const cache::Edge& parent = config.fleet[edge.parent];
    text = "http://" + (parent.endpoint.empty() ? parent.name : parent.endpoint);
  }
  if (text.empty()) {
    throw std::runtime_error("agent.origin is not set: where are contents fetched from?");
  }
  const auto url = parse_http_url(text);
  if (url) return *url;
  throw std::runtime_error(fmt::format("cannot fetch from '{}': expected http://HOST:PORT", text));
}

int run_agent(const AgentCommand& command) {
  Config config = read_config(command.config, data_folder());
  if (!command.listen.empty()) config.agent.listen = command.listen;
  const cache::Edge& edge = find_edge(config.fleet, command.edge);
  const cache::redis::Servers servers = servers_of(config.redis);
  const Log log(config.serve.log);
  const HttpUrl from = fill_source(edge, config);
  const std::uint64_t seed = redis_seed();
  Agent agent({.edge = edge,
               .options = config.agent,
               .fill_from = from,
               .make_store =
                   [&](unsigned thread) {
                     return std::make_unique<cache::redis::RedisAgentStore>(
                         edge.name, servers, redis_clock_ms, seed + thread);
                   },
               .make_purges =
                   [&](unsigned thread) {
                     return std::make_unique<cache::redis::RedisEdgePurges>(
                         edge.name, servers, redis_clock_ms, seed + 1000 + thread);
                   }},
              log);
  log.write({.message = "starting",
             .fields = {{"edge", edge.name},
                        {"redis", servers.of(edge.name).address.text()},
                        {"fill_from", from.authority()},
                        {"version", EDGEWARD_VERSION},
                        {"pid", std::int64_t{::getpid()}}}});
  agent.run([&] {
    log.write({.message = fmt::format("listening on http://{}", agent.listens_at()),
               .fields = {{"listen", agent.listens_at()}}});
  });
  return kExitDone;
}

}  // namespace

void add_agent(CLI::App& app, Action& action) {
  CLI::App& agent = *app.add_subcommand(
      "agent", "Be an edge: an HTTP cache in a Redis, which reports and does what plans say");
  auto command = std::make_shared<AgentCommand>();
  AgentCommand& c = *command;
  agent.add_option("--config", c.config, "Configuration: its fleet, redis and agent")
      ->required()
      ->type_name("FILE");
  agent.add_option("--edge", c.edge, "Which edge of the fleet it is")
      ->required()
      ->type_name("NAME");
  agent.add_option("--listen", c.listen, "Where clients ask; default: 127.0.0.1:8090")
      ->type_name("ADDRESS:PORT");
  agent.footer(
      "Objects lie in the edge's Redis (`redis:`), up to the edge's capacity; what was used "
      "longest\n"
      "ago goes first. What it does not hold is fetched from `agent.origin`, or from its parent.\n"
      "Cache-Control, ranges, ETag and Last-Modified are honoured; Cache-Status says what was "
      "done.\n"
      "Plans (`edgeward:{EDGE}:plan`) are carried out as they come; what cannot be done is told "
      "in\n"
      "`edgeward:{EDGE}:dead`. While Redis is away, clients are served from the origin.\n"
      "SIGTERM and Ctrl-C answer what has been asked and end.\n"
      "Exit codes: 0 done, 2 usage or configuration error, 75 Redis cannot be reached.\n"
      "Examples:\n"
      "  edgeward agent --config edgeward.yaml --edge fra1\n"
      "  curl -i http://127.0.0.1:8090/video/1.mp4\n");
  agent.callback([command, &action] { action = [command] { return run_agent(*command); }; });
}

}  // namespace edgeward::controller
