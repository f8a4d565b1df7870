#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "controller/commands/chosen_config.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/fault.hpp"
#include "controller/data_folder.hpp"
#include "controller/routing_setup.hpp"
#include "controller/secret_file.hpp"
#include "controller/service/api.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/service/inherited_sockets.hpp"
#include "controller/service/keeper.hpp"
#include "controller/service/kept_state.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/reloader.hpp"
#include "controller/service/server.hpp"
#include "controller/service/supervisor.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct ServeCommand {
  std::string config;
  std::string fleet;
  std::string listen;
  std::string admin;
  std::string dns;
  std::string state_dir;
};

/// What a command line says goes before what a file says.
Config load_config(const ServeCommand& command) {
  Config config = load_chosen_config(command.config, command.fleet);
  if (!command.listen.empty()) config.serve.listen = command.listen;
  if (!command.admin.empty()) config.serve.admin = command.admin;
  if (!command.dns.empty()) config.serve.dns = command.dns;
  if (!command.state_dir.empty()) config.serve.state_dir = command.state_dir;
  if (command.config.empty()) {
    // So that there is something to see.
    config.serve.unreported = Unreported::ready;
    config.routing.services.push_back({.name = "www.cdn.example"});
  }
  return config;
}

std::string read_openapi() {
  const std::filesystem::path file = data_folder() / "openapi.yaml";
  const auto text = read_text(file);
  if (!text) throw FileUnreadable(fmt::format("{}: {}", file.string(), text.error()));
  return *text;
}

bool is_loopback(std::string_view endpoint) {
  return endpoint.starts_with("127.") || endpoint.starts_with("[::1]:");
}

void require_private(const std::string& admin) {
  if (is_loopback(admin)) return;
  throw std::runtime_error(
      fmt::format("the admin listener {} can be reached from other machines: set "
                  "serve.admin_token_file, or listen on 127.0.0.1",
                  admin));
}

/// Signals are waited for by the main thread alone; other threads inherit that they are blocked.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// As load_config; but at the start, where the configuration cannot be used, the last that was
/// good.
Config load_first_config(const ServeCommand& command, std::string& wrong) {
  try {
    return load_config(command);
  } catch (const std::exception& error) {
    if (command.state_dir.empty()) throw;
    const KeptFolder folder(command.state_dir);
    if (!folder.read(KeptFolder::kConfig)) throw;
    wrong = error.what();
    ServeCommand last = command;
    last.config = folder.file(KeptFolder::kConfig).string();
    last.fleet.clear();
    say(fmt::format("the configuration cannot be used: {}", wrong));
    say(fmt::format("going on with the last that was good, {}", last.config));
    return load_config(last);
  }
}

std::string listening(const Server& server) {
  const std::string dns = server.dns_at();
  return fmt::format("listening on http://{}, admin on http://{}, DNS on {}", server.listens_at(),
                     server.admin_at(), dns.empty() ? "nothing" : dns);
}

/// What goes on beside the workers.
struct Service {
  Publisher& publisher;
  Server& server;
  HitLearning& learning;
  Reloader& reloader;
  Supervisor& supervisor;
};

void run_tick(const Service& service, double seconds) {
  // Asked first, so that this tick's snapshot is of what was reloaded.
  const bool has_reloaded = service.reloader.has_ended();
  if (auto hits = service.learning.learn(wall_ms())) service.publisher.set_hits(std::move(*hits));
  service.server.publish(service.publisher.tick(wall_ms(), seconds));
  if (!has_reloaded) return;
  const std::string error = service.publisher.reloads().last_error;
  service.supervisor.ready(error.empty() ? listening(service.server) : "reload refused: " + error);
}

/// Until a signal ends it: a snapshot a tick, a reload at each SIGHUP.
void run_ticks(const sigset_t& signals, std::int64_t tick_ms, const Service& service) {
  using Clock = std::chrono::steady_clock;
  const auto tick = std::chrono::milliseconds(tick_ms);
  Clock::time_point last = Clock::now();
  while (true) {
    const Clock::time_point now = Clock::now();
    service.supervisor.feed(now);
    if (now >= last + tick) {
      const double seconds = std::chrono::duration<double>(now - last).count();
      last = now;
      run_tick(service, seconds);
      continue;
    }
    const auto left =
        std::min<Clock::time_point>(last + tick, service.supervisor.next_feed()) - now;
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    if (signal == SIGHUP && !service.reloader.start()) say("a reload is under way already");
    if (signal == SIGTERM || signal == SIGINT) return;
  }
}

int run_serve(const ServeCommand& command) {
  const sigset_t signals = block_signals();
  std::string wrong;
  const Config config = load_first_config(command, wrong);
  const std::string token =
      config.serve.admin_token_file ? read_secret(*config.serve.admin_token_file) : std::string();
  const InheritedSockets inherited = inherited_sockets();
  if (token.empty()) {
    if (inherited.admin.empty()) require_private(config.serve.admin);
    for (const int socket : inherited.admin) require_private(local_address(socket));
  }
  if (config.serve.unreported == Unreported::ready) {
    say("edges that never reported are taken as ready and idle");
  }
  RoutingCompiler compiler;
  const Routing routing = compiler.compile(config, {}, say);
  Publisher publisher(routing, state_rules(config), wall_ms());
  HitLearning learning(routing.fleet, config.serve.hit_model, config.routing.hit_prior);
  if (config.serve.state_dir) {
    restore_kept(KeptFolder(*config.serve.state_dir), publisher, learning, say);
  }
  if (!wrong.empty()) publisher.refuse_reload(wrong);
  if (auto hits = learning.learn(wall_ms())) publisher.set_hits(std::move(*hits));
  (void)publisher.tick(wall_ms(), 1);

  Supervisor supervisor;
  Reloader reloader({.load = [&] { return load_config(command); },
                     .config = config,
                     .compiler = std::move(compiler),
                     .fleet = routing.fleet},
                    publisher, learning, supervisor, say);
  Keeper keeper(config.serve.state_dir, publisher, learning, say);
  const ApiOptions api{.trust = config.serve.trust,
                       .admin_token = token,
                       .stale_after_ms = std::max<std::int64_t>(5 * config.serve.tick_ms, 1000),
                       .openapi = read_openapi()};
  const ApiActions actions{
      .reload = [&] { return reloader.start(); },
      .save = [&] { keeper.note(); },
      .learn = [&](auto events, const cache::Fleet& fleet) { return learning.add(events, fleet); },
      .measure = [&](auto body, const geo::AddressMap& map,
                     auto now_ms) { return reloader.measure(body, map, now_ms); }};
  Server server(config.serve, api, actions, publisher, inherited);
  server.start();
  say(listening(server));
  supervisor.ready(listening(server));
  run_ticks(signals, config.serve.tick_ms, {publisher, server, learning, reloader, supervisor});
  supervisor.stopping();
  say("draining: no new connections, what has been asked is answered");
  server.drain();
  return kExitDone;
}

}  // namespace

void add_serve(CLI::App& app, Action& action) {
  CLI::App& serve =
      *app.add_subcommand("serve", "Answer over HTTP and DNS which edge should serve");
  auto command = std::make_shared<ServeCommand>();
  ServeCommand& c = *command;
  serve.add_option("--config", c.config, "Configuration; default: the demo fleet")
      ->type_name("FILE");
  serve.add_option("--fleet", c.fleet, "Fleet file, instead of the configuration's fleet")
      ->type_name("FILE");
  serve.add_option("--listen", c.listen, "Where clients ask; default: 127.0.0.1:8080")
      ->type_name("ADDRESS:PORT");
  serve.add_option("--admin", c.admin, "Where operators and edges ask; default: 127.0.0.1:8081")
      ->type_name("ADDRESS:PORT");
  serve.add_option("--dns", c.dns, "Where resolvers ask; default: 127.0.0.1:5353; none: no DNS")
      ->type_name("ADDRESS:PORT");
  serve
      .add_option(
          "--state-dir", c.state_dir,
          "Where what outlives a restart is kept: states, drains, what was learned, and the "
          "last good configuration, which is used if the one given cannot be")
      ->envname("STATE_DIRECTORY")
      ->type_name("FOLDER");
  serve.footer(
      "For clients:\n"
      "  GET  /v1/route?content=KEY   a decision as JSON (&client=IP, service=, size_bytes=, "
      "explain=1)\n"
      "  POST /v1/route               many: a JSON array or NDJSON of {client, content, …}\n"
      "  GET  /r/KEY                  302 to the edge; the Host field names the service\n"
      "  GET  /healthz, /readyz       is it alive, can it answer\n"
      "  GET  /openapi.yaml           all of this, for machines\n"
      "For operators and edges, on the admin listener:\n"
      "  GET  /metrics                for Prometheus\n"
      "  GET  /v1/edges               how edges are, and why some get no clients\n"
      "  POST /v1/edges/NAME/drain    and undrain\n"
      "  POST /v1/state               what an edge says of itself\n"
      "  POST /v1/events              what edges say of their requests: chances of a hit\n"
      "  POST /v1/rtt                 measured round trips, NDJSON or CSV\n"
      "  POST /v1/reload              as SIGHUP\n"
      "SIGHUP reads configuration and databases anew; SIGTERM and Ctrl-C answer what has been\n"
      "asked and end.\n"
      "Examples:\n"
      "  edgeward serve &\n"
      "  curl 'http://127.0.0.1:8080/v1/route?client=81.2.69.142&content=/a'\n"
      "  curl -i http://127.0.0.1:8080/r/a\n"
      "  curl -X POST http://127.0.0.1:8081/v1/edges/lhr1/drain\n"
      "  curl -d '{\"edge\":\"fra1\",\"load_ratio\":0.4}' http://127.0.0.1:8081/v1/state\n");
  serve.callback([command, &action] { action = [command] { return run_serve(*command); }; });
}

}  // namespace edgeward::controller
