#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
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
#include "controller/service/drained_file.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/server.hpp"
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
};

/// What a command line says goes before what a file says.
Config load_config(const ServeCommand& command) {
  Config config = load_chosen_config(command.config, command.fleet);
  if (!command.listen.empty()) config.serve.listen = command.listen;
  if (!command.admin.empty()) config.serve.admin = command.admin;
  if (!command.dns.empty()) config.serve.dns = command.dns;
  if (command.config.empty()) {
    // So that there is something to see.
    config.serve.unreported = Unreported::ready;
    config.routing.services.push_back({.name = "www.cdn.example"});
  }
  return config;
}

StateRules state_rules(const Config& config) {
  return {.silent_after_ms = config.routing.health_age_max_ms,
          .recovery_hold_ms = config.serve.recovery_hold_ms,
          .is_silent_ready = config.serve.unreported == Unreported::ready};
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

/// Signals are waited for by the main thread alone; other threads inherit that they are blocked.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Reads everything anew beside the service, which goes on with what it has if that fails.
class Reloader {
 public:
  Reloader(const ServeCommand& command, Publisher& publisher)
      : command_(command), publisher_(publisher) {}
  ~Reloader() {
    if (thread_.joinable()) thread_.join();
  }

  /// False if one is under way.
  bool start() {
    if (is_running_.exchange(true)) return false;
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([this] { run(); });
    return true;
  }

 private:
  void run() {
    try {
      const Config config = load_config(command_);
      publisher_.replace(make_routing(config, say), state_rules(config), wall_ms());
      say("reloaded");
    } catch (const ConfigError& error) {
      say("reload refused, going on as before:");
      for (const Fault& fault : error.faults()) say(fault.text());
      publisher_.refuse_reload(error.faults().front().text(), wall_ms());
    } catch (const std::exception& error) {
      say(fmt::format("reload refused, going on as before: {}", error.what()));
      publisher_.refuse_reload(error.what(), wall_ms());
    }
    is_running_ = false;
  }

  const ServeCommand& command_;
  Publisher& publisher_;
  std::atomic<bool> is_running_{false};
  std::thread thread_;
};

void restore_drained(const ServeOptions& serve, Publisher& publisher) {
  if (!serve.state_dir) return;
  for (const std::string& edge : read_drained(*serve.state_dir)) {
    const bool is_known = publisher.set_drained(edge, true);
    say(edge + (is_known ? " is drained, as it was before" : " was drained and is no more there"));
  }
}

/// Keeps on disk what is to survive a restart: noted by whoever changes it, written beside the
/// workers, which wait for no disk.
class Keeper {
 public:
  Keeper(const ServeOptions& serve, const Publisher& publisher)
      : folder_(serve.state_dir), publisher_(publisher) {}

  void note() { is_due_ = true; }
  /// Writes what is due; if that fails it says why and stays due.
  void write() {
    if (!folder_ || !is_due_.exchange(false)) return;
    try {
      write_drained(*folder_, publisher_.drained());
      has_failed_ = false;
    } catch (const std::exception& error) {
      if (!has_failed_) say(fmt::format("drained edges are not kept: {}", error.what()));
      has_failed_ = true;
      is_due_ = true;
    }
  }

 private:
  std::optional<std::filesystem::path> folder_;
  const Publisher& publisher_;
  std::atomic<bool> is_due_{false};
  bool has_failed_ = false;
};

/// Until a signal ends it: a snapshot a tick, a reload at each SIGHUP.
void run_ticks(const sigset_t& signals, std::int64_t tick_ms, Publisher& publisher, Server& server,
               Reloader& reloader, Keeper& keeper) {
  using Clock = std::chrono::steady_clock;
  const auto tick = std::chrono::milliseconds(tick_ms);
  Clock::time_point last = Clock::now();
  while (true) {
    const auto left = last + tick - Clock::now();
    if (left <= Clock::duration::zero()) {
      const Clock::time_point now = Clock::now();
      const double seconds = std::chrono::duration<double>(now - last).count();
      last = now;
      server.publish(publisher.tick(wall_ms(), seconds));
      keeper.write();
      continue;
    }
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    if (signal == SIGHUP && !reloader.start()) say("a reload is under way already");
    if (signal == SIGTERM || signal == SIGINT) return;
  }
}

int run_serve(const ServeCommand& command) {
  const sigset_t signals = block_signals();
  const Config config = load_config(command);
  const std::string token =
      config.serve.admin_token_file ? read_secret(*config.serve.admin_token_file) : std::string();
  if (token.empty() && !is_loopback(config.serve.admin)) {
    throw std::runtime_error(
        fmt::format("the admin listener {} can be reached from other machines: set "
                    "serve.admin_token_file, or listen on 127.0.0.1",
                    config.serve.admin));
  }
  if (config.serve.unreported == Unreported::ready) {
    say("edges that never reported are taken as ready and idle");
  }
  Publisher publisher(make_routing(config, say), state_rules(config), wall_ms());
  restore_drained(config.serve, publisher);
  (void)publisher.tick(wall_ms(), 1);

  Reloader reloader(command, publisher);
  Keeper keeper(config.serve, publisher);
  const ApiOptions api{.trust = config.serve.trust,
                       .admin_token = token,
                       .stale_after_ms = std::max<std::int64_t>(5 * config.serve.tick_ms, 1000),
                       .openapi = read_openapi()};
  const ApiActions actions{.reload = [&] { return reloader.start(); },
                           .save = [&] { keeper.note(); }};
  Server server(config.serve, api, actions, publisher);
  server.start();
  say(fmt::format("listening on http://{}, admin on http://{}, DNS on {}", server.listens_at(),
                  server.admin_at(), server.dns_at().empty() ? "nothing" : server.dns_at()));
  run_ticks(signals, config.serve.tick_ms, publisher, server, reloader, keeper);
  say("draining: no new connections, what has been asked is answered");
  server.drain();
  keeper.write();
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
