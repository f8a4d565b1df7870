#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controller/commands/chosen_config.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/fault.hpp"
#include "controller/data_folder.hpp"
#include "controller/log/log.hpp"
#include "controller/routing_setup.hpp"
#include "controller/secret_file.hpp"
#include "controller/service/api.hpp"
#include "controller/service/drained_file.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/server.hpp"
#include "controller/service/watch.hpp"
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
  std::optional<LogFormat> log_format;
  std::optional<LogLevel> log_level;
};

/// What a command line says goes before what a file says.
Config load_config(const ServeCommand& command, const Talk& talk) {
  Config config = load_chosen_config(command.config, command.fleet, talk);
  if (!command.listen.empty()) config.serve.listen = command.listen;
  if (!command.admin.empty()) config.serve.admin = command.admin;
  if (!command.dns.empty()) config.serve.dns = command.dns;
  config.serve.log.format = command.log_format.value_or(config.serve.log.format);
  config.serve.log.level = command.log_level.value_or(config.serve.log.level);
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

Talk talk_to(const Log& log) {
  return [&log](std::string_view sentence) { log.write({.message = std::string(sentence)}); };
}

std::int64_t ms_since(double begun_s) {
  return std::llround((steady_seconds() - begun_s) * 1000);
}

LogRecord with_fields(LogRecord record, std::vector<LogField> fields) {
  std::move(fields.begin(), fields.end(), std::back_inserter(record.fields));
  return record;
}

/// What is in force from now on.
LogRecord configuration_record(std::string message, const Config& config, const Routing& routing) {
  std::string databases;
  std::uint64_t oldest_s = 0;
  for (const DatabaseFacts& database : routing.databases) {
    databases += (databases.empty() ? "" : ", ") + database.file;
    oldest_s = oldest_s == 0 ? database.built_at_s : std::min(oldest_s, database.built_at_s);
  }
  return {.message = std::move(message),
          .fields = {{"edges", std::uint64_t{config.fleet.edges.size()}},
                     {"services", std::uint64_t{config.routing.services.size()}},
                     {"scoring", std::string(name(config.routing.scoring))},
                     {"databases", std::move(databases)},
                     {"oldest_database_built_at_s", oldest_s},
                     {"cells", std::uint64_t{routing.map->cells().size()}}}};
}

/// Reads everything anew beside the service, which goes on with what it has if that fails.
class Reloader {
 public:
  Reloader(const ServeCommand& command, Publisher& publisher, const Log& log)
      : command_(command), publisher_(publisher), log_(log) {}
  ~Reloader() {
    if (thread_.joinable()) thread_.join();
  }

  /// False if one is under way. `cause` is who asked for it.
  bool start(const char* cause) {
    const bool starts = !is_running_.exchange(true);
    if (!starts) {
      log_.write({.level = LogLevel::warning,
                  .message = "a reload is under way already",
                  .fields = {{"cause", cause}}});
      return false;
    }
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([this, cause] { run(cause); });
    return true;
  }

 private:
  void run(const char* cause) {
    const double begun = steady_seconds();
    try {
      const Talk talk = talk_to(log_);
      const Config config = load_config(command_, talk);
      Routing routing = make_routing(config, talk);
      const LogRecord record = configuration_record("reloaded", config, routing);
      publisher_.replace(std::move(routing), state_rules(config), wall_ms());
      log_.write(with_fields(record, {{"cause", cause}, {"duration_ms", ms_since(begun)}}));
    } catch (const ConfigError& error) {
      std::vector<std::string> errors;
      for (const Fault& fault : error.faults()) errors.push_back(fault.text());
      refuse(errors, cause);
    } catch (const std::exception& error) {
      refuse({error.what()}, cause);
    }
    is_running_ = false;
  }

  void refuse(const std::vector<std::string>& errors, const char* cause) {
    for (std::size_t i = 0; i < std::min(errors.size(), kErrorsMax); ++i) {
      log_.write(
          {.level = LogLevel::error,
           .message = "reload refused, going on as before",
           .fields = {
               {"cause", cause}, {"error", errors[i]}, {"errors", std::uint64_t{errors.size()}}}});
    }
    publisher_.refuse_reload(errors.front(), wall_ms());
  }

  /// Errors of one reload that are told, each in a line; `check` tells all.
  static constexpr std::size_t kErrorsMax = 20;

  const ServeCommand& command_;
  Publisher& publisher_;
  const Log& log_;
  std::atomic<bool> is_running_{false};
  std::thread thread_;
};

void restore_drained(const ServeOptions& serve, Publisher& publisher, const Log& log) {
  if (!serve.state_dir) return;
  for (const std::string& edge : read_drained(*serve.state_dir)) {
    const bool is_known = publisher.set_drained(edge, true);
    log.write({.level = is_known ? LogLevel::info : LogLevel::warning,
               .message = edge + (is_known ? " is drained, as it was before"
                                           : " was drained and is no more there"),
               .fields = {{"edge", edge}}});
  }
}

/// Keeps on disk what is to survive a restart: noted by whoever changes it, written beside the
/// workers, which wait for no disk.
class Keeper {
 public:
  Keeper(const ServeOptions& serve, const Publisher& publisher, const Log& log)
      : folder_(serve.state_dir), publisher_(publisher), log_(log) {}

  void note() { is_due_ = true; }
  /// Writes what is due; if that fails it says why and stays due.
  void write() {
    if (!folder_ || !is_due_.exchange(false)) return;
    try {
      write_drained(*folder_, publisher_.drained());
      has_failed_ = false;
    } catch (const std::exception& error) {
      if (!has_failed_) {
        log_.write({.level = LogLevel::error,
                    .message = "drained edges are not kept",
                    .fields = {{"error", error.what()}}});
      }
      has_failed_ = true;
      is_due_ = true;
    }
  }

 private:
  std::optional<std::filesystem::path> folder_;
  const Publisher& publisher_;
  const Log& log_;
  std::atomic<bool> is_due_{false};
  bool has_failed_ = false;
};

/// What a tick moves.
struct Running {
  Publisher& publisher;
  Server& server;
  Reloader& reloader;
  Keeper& keeper;
  Watch& watch;
  const Log& log;
};

/// What the log is to say of a tick.
std::vector<LogRecord> news_of(const Running& running, std::int64_t now_ms) {
  const std::vector<EdgeView> edges = running.publisher.edges(now_ms);
  const Totals totals = running.publisher.totals();
  std::vector<LogRecord> news = running.watch.update(edges, totals.traffic, now_ms);
  news.push_back({.level = LogLevel::debug,
                  .message = "a snapshot was published",
                  .fields = {{"version", running.publisher.current()->version},
                             {"decisions", totals.decisions.total()}}});
  return news;
}

/// Until a signal ends it: a snapshot a tick, a reload at each SIGHUP. Returns the signal's name.
const char* run_ticks(const sigset_t& signals, std::int64_t tick_ms, const Running& running) {
  using Clock = std::chrono::steady_clock;
  const auto tick = std::chrono::milliseconds(tick_ms);
  Clock::time_point last = Clock::now();
  while (true) {
    const auto left = last + tick - Clock::now();
    if (left <= Clock::duration::zero()) {
      const Clock::time_point now = Clock::now();
      const double seconds = std::chrono::duration<double>(now - last).count();
      last = now;
      const std::int64_t now_ms = wall_ms();
      const Publisher::Snapshot snapshot = running.publisher.tick(now_ms, seconds);
      // Asked before workers come for the publisher's lock, told when nobody waits for it.
      const std::vector<LogRecord> news = news_of(running, now_ms);
      running.server.publish(snapshot);
      running.keeper.write();
      for (const LogRecord& record : news) running.log.write(record);
      continue;
    }
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const timespec timeout{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    if (signal == SIGHUP) running.reloader.start("SIGHUP");
    if (signal == SIGTERM) return "SIGTERM";
    if (signal == SIGINT) return "SIGINT";
  }
}

/// What was done, for the last line.
LogRecord end_record(const Totals& totals, std::int64_t uptime_ms) {
  std::uint64_t http = 0;
  std::uint64_t dns = 0;
  std::uint64_t connections = 0;
  std::uint64_t cut_off = 0;
  for (const HttpCounts& counts : totals.traffic.http) {
    http = std::accumulate(counts.by_class.begin(), counts.by_class.end(), http);
  }
  for (const DnsCounts& counts : totals.traffic.dns) {
    dns = std::accumulate(counts.by_code.begin(), counts.by_code.end(), dns);
  }
  for (const ConnectionCounts& counts : totals.traffic.connections) {
    connections += counts.opened;
    cut_off += counts.timed_out[static_cast<std::size_t>(TimedOut::drain)];
  }
  return {.message = "stopped",
          .fields = {{"uptime_s", uptime_ms / 1000},
                     {"decisions", totals.decisions.total()},
                     {"http_answers", http},
                     {"dns_answers", dns},
                     {"connections", connections},
                     {"connections_cut_off", cut_off}}};
}

/// Empty for none, which only an admin listener on this machine may do without.
std::string read_token(const ServeOptions& serve) {
  const std::string token =
      serve.admin_token_file ? read_secret(*serve.admin_token_file) : std::string();
  if (token.empty() && !is_loopback(serve.admin)) {
    throw std::runtime_error(
        fmt::format("the admin listener {} can be reached from other machines: set "
                    "serve.admin_token_file, or listen on 127.0.0.1",
                    serve.admin));
  }
  return token;
}

LogRecord listening_record(const Server& server) {
  const std::string dns_at = server.dns_at().empty() ? "nothing" : server.dns_at();
  return {
      .message = fmt::format("listening on http://{}, admin on http://{}, DNS on {}",
                             server.listens_at(), server.admin_at(), dns_at),
      .fields = {
          {"listen", server.listens_at()}, {"admin", server.admin_at()}, {"dns", server.dns_at()}}};
}

int run_serve(const ServeCommand& command) {
  const double begun = steady_seconds();
  const sigset_t signals = block_signals();
  // How to log is known once the configuration is read.
  std::vector<std::string> said;
  const Config config =
      load_config(command, [&said](std::string_view sentence) { said.emplace_back(sentence); });
  const Log log(config.serve.log);
  const Talk talk = talk_to(log);
  for (const std::string& sentence : said) talk(sentence);
  const std::string token = read_token(config.serve);
  if (config.serve.unreported == Unreported::ready) {
    talk("edges that never reported are taken as ready and idle");
  }
  Routing routing = make_routing(config, talk);
  log.write(with_fields(configuration_record("starting", config, routing),
                        {{"config", command.config},
                         {"version", EDGEWARD_VERSION},
                         {"pid", std::int64_t{::getpid()}}}));
  Publisher publisher(std::move(routing), state_rules(config), wall_ms());
  restore_drained(config.serve, publisher, log);
  (void)publisher.tick(wall_ms(), 1);

  Reloader reloader(command, publisher, log);
  Keeper keeper(config.serve, publisher, log);
  Watch watch;
  (void)watch.update(publisher.edges(wall_ms()), {}, wall_ms());  // changes are told from here on
  const ApiOptions api{.trust = config.serve.trust,
                       .admin_token = token,
                       .stale_after_ms = std::max<std::int64_t>(5 * config.serve.tick_ms, 1000),
                       .openapi = read_openapi()};
  const ApiActions actions{.reload = [&] { return reloader.start("POST /v1/reload"); },
                           .save = [&] { keeper.note(); }};
  Server server(config.serve, api, actions, publisher);
  server.start();
  log.write(with_fields(listening_record(server), {{"duration_ms", ms_since(begun)}}));
  const char* const cause =
      run_ticks(signals, config.serve.tick_ms, {publisher, server, reloader, keeper, watch, log});
  log.write({.message = "draining: no new connections, what has been asked is answered",
             .fields = {{"cause", cause}}});
  server.drain();
  keeper.write();
  const Totals totals = publisher.totals();
  if (const auto record = watch.rest(totals.traffic)) log.write(*record);
  log.write(end_record(totals, ms_since(begun)));
  return kExitDone;
}

/// An option whose values are an enum's names.
template <class Enum>
void add_choice(CLI::App& app, const char* option, const char* help, std::optional<Enum>& chosen,
                std::span<const Enum> values) {
  std::vector<std::string> names;
  for (const Enum value : values) names.emplace_back(name(value));
  app.add_option_function<std::string>(
         option,
         [&chosen, values](const std::string& given) {
           chosen = *std::find_if(values.begin(), values.end(),
                                  [&](Enum value) { return name(value) == given; });
         },
         help)
      ->check(CLI::IsMember(names))
      ->type_name(fmt::format("{}", fmt::join(names, "|")));
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
  add_choice(serve, "--log-format", "How the log is written", command->log_format,
             std::span<const LogFormat>(kLogFormats));
  add_choice(serve, "--log-level", "What of the log is written", command->log_level,
             std::span<const LogLevel>(kLogLevels));
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
      "The log goes to stderr, a line for what happens to the service, none for a request.\n"
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
