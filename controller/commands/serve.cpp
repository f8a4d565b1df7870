#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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

#include "cache/redis/catalog_store.hpp"
#include "cache/redis/purges.hpp"
#include "controller/catalog_file.hpp"
#include "controller/commands/chosen_config.hpp"
#include "controller/commands/commands.hpp"
#include "controller/config/fault.hpp"
#include "controller/data_folder.hpp"
#include "controller/log/log.hpp"
#include "controller/network/inherited_sockets.hpp"
#include "controller/network/server.hpp"
#include "controller/planning/redis_planning.hpp"
#include "controller/redis_access.hpp"
#include "controller/routing_setup.hpp"
#include "controller/secret_file.hpp"
#include "controller/service/api.hpp"
#include "controller/service/decision_log.hpp"
#include "controller/service/hit_learning.hpp"
#include "controller/service/keeper.hpp"
#include "controller/service/kept_state.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/purging.hpp"
#include "controller/service/reloader.hpp"
#include "controller/service/served_catalog.hpp"
#include "controller/service/supervisor.hpp"
#include "controller/service/watch.hpp"
#include "controller/terminal.hpp"
#include "geo/huge_blocks.hpp"

namespace edgeward::controller {

namespace {

using Clock = std::chrono::steady_clock;

/// The options as they were typed.
struct ServeCommand {
  std::string config;
  std::string fleet;
  std::string listen;
  std::string admin;
  std::string dns;
  std::string state_dir;
  std::optional<LogFormat> log_format;
  std::optional<LogLevel> log_level;
};

/// What a command line says goes before what a file says.
Config load_config(const ServeCommand& command, const Talk& talk) {
  Config config = load_chosen_config(command.config, command.fleet, talk, tls_fault);
  if (!command.listen.empty()) config.serve.listen = command.listen;
  if (!command.admin.empty()) config.serve.admin = command.admin;
  if (!command.dns.empty()) config.serve.dns = command.dns;
  if (!command.state_dir.empty()) config.serve.state_dir = command.state_dir;
  config.serve.log.format = command.log_format.value_or(config.serve.log.format);
  config.serve.log.level = command.log_level.value_or(config.serve.log.level);
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

std::int64_t ms_since(double begun_s) {
  return std::llround((steady_seconds() - begun_s) * 1000);
}

LogRecord with_fields(LogRecord record, std::vector<LogField> fields) {
  std::move(fields.begin(), fields.end(), std::back_inserter(record.fields));
  return record;
}

/// What the service starts with.
struct Start {
  Config config;
  Routing routing;
  std::vector<cache::CatalogUpdate> contents;  ///< of the catalogue's file
  std::string wrong;  ///< with the configuration that was given; empty: it is in force
};

/// The configuration, compiled; if it or a database it names cannot be used, the last that was good
/// (KeptFolder), where there is one.
Start begin(const ServeCommand& command, RoutingCompiler& compiler, const Talk& talk) {
  Start start;
  std::filesystem::path folder = command.state_dir;
  try {
    start.config = load_config(command, talk);
    if (start.config.serve.state_dir) folder = *start.config.serve.state_dir;
    start.routing = compiler.compile(start.config, {}, talk);
    start.contents = read_catalog_file(start.config.catalog, talk);
    return start;
  } catch (const std::exception& error) {
    if (folder.empty() || !KeptFolder(folder).read(KeptFolder::kConfig)) throw;
    start.wrong = error.what();
  }
  ServeCommand last = command;
  last.config = KeptFolder(folder).file(KeptFolder::kConfig).string();
  last.fleet.clear();
  talk(fmt::format("the configuration cannot be used: {}", start.wrong));
  talk(fmt::format("going on with the last that was good, {}", last.config));
  start.config = load_config(last, talk);
  start.routing = compiler.compile(start.config, {}, talk);
  return start;
}

/// Where else the catalogue is to be; null: nowhere.
std::unique_ptr<cache::CatalogStore> catalog_store(const Config& config) {
  if (config.catalog.store == CatalogBackend::memory) return nullptr;
  return std::make_unique<cache::redis::RedisCatalogStore>(servers_of(config.redis), redis_clock_ms,
                                                           redis_seed());
}

void take_in(std::span<const cache::CatalogUpdate> contents, ServedCatalog& catalog,
             const Talk& talk) {
  if (contents.empty()) return;
  const CatalogTaken taken = catalog.take(contents);
  talk(
      fmt::format("the catalogue has {} contents: {} of its file are new, {} were known, for {} "
                  "there was no room",
                  catalog.counts().entries, taken.added, taken.updated, taken.full));
}

std::string listening(const Server& server, const TlsContexts& tls) {
  const std::string dns = server.dns_at();
  return fmt::format("listening on {}://{}, admin on {}://{}, DNS on {}",
                     tls.clients ? "https" : "http", server.listens_at(),
                     tls.admin ? "https" : "http", server.admin_at(),
                     dns.empty() ? "nothing" : dns);
}

/// What goes on beside the workers.
struct RunningService {
  Publisher& publisher;
  Server& server;
  HitLearning& learning;
  Reloader& reloader;
  Supervisor& supervisor;
  Watch& watch;
  const Log& log;
};

/// What the log is to say of a tick.
std::vector<LogRecord> news_of(const RunningService& service, std::int64_t now_ms) {
  const std::vector<EdgeView> edges = service.publisher.edges(now_ms);
  const Totals totals = service.publisher.totals();
  std::vector<LogRecord> news = service.watch.update(edges, totals.traffic, now_ms);
  news.push_back({.level = LogLevel::debug,
                  .message = "a snapshot was published",
                  .fields = {{"version", service.publisher.current()->version},
                             {"decisions", totals.decisions.total()}}});
  return news;
}

void run_tick(const RunningService& service, double seconds) {
  // Asked first, so that this tick's snapshot is of what was reloaded.
  const bool has_reloaded = service.reloader.has_ended();
  const std::int64_t now_ms = wall_ms();
  if (auto hits = service.learning.learn(now_ms)) service.publisher.set_hits(std::move(*hits));
  const Publisher::Snapshot snapshot = service.publisher.tick(now_ms, seconds);
  // Asked before workers come for the publisher's lock, told when nobody waits for it.
  const std::vector<LogRecord> news = news_of(service, now_ms);
  service.server.publish(snapshot);
  for (const LogRecord& record : news) service.log.write(record);
  if (!has_reloaded) return;
  const std::string error = service.publisher.reloads().last_error;
  service.supervisor.ready(error.empty() ? listening(service.server, service.publisher.tls())
                                         : "reload refused: " + error);
}

/// Until a signal ends it: a snapshot a tick, a reload at each SIGHUP. Returns the signal's name.
const char* run_ticks(const sigset_t& signals, std::int64_t tick_ms,
                      const RunningService& service) {
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
    if (signal == SIGHUP) service.reloader.start("SIGHUP");
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
std::string read_token(const ServeOptions& serve, const InheritedSockets& inherited) {
  const std::string token =
      serve.admin_token_file ? read_secret(*serve.admin_token_file) : std::string();
  if (token.empty()) {
    if (inherited.admin.empty()) require_private(serve.admin);
    for (const int socket : inherited.admin) require_private(local_address(socket));
  }
  return token;
}

LogRecord listening_record(const Server& server, const TlsContexts& tls) {
  return {
      .message = listening(server, tls),
      .fields = {
          {"listen", server.listens_at()}, {"admin", server.admin_at()}, {"dns", server.dns_at()}}};
}

/// Nothing where edges share nothing with the service.
std::unique_ptr<Purging> make_purging(const RedisOptions& redis, const Log& log) {
  if (!redis.is_configured) return nullptr;
  return std::make_unique<Purging>(std::make_unique<cache::redis::RedisPurgeStore>(
                                       servers_of(redis), redis_clock_ms, redis_seed()),
                                   log);
}

int run_serve(const ServeCommand& command) {
  const double begun = steady_seconds();
  const sigset_t signals = block_signals();
  geo::HugeBlocks::keep(true);  // databases will be compiled again beside requests
  // How to log is known once the configuration is read.
  std::vector<std::string> said;
  RoutingCompiler compiler;
  auto [config, routing, contents, wrong] =
      begin(command, compiler, [&said](std::string_view sentence) { said.emplace_back(sentence); });
  const Log log(config.serve.log);
  const Talk talk = talk_to(log);
  for (const std::string& sentence : said) talk(sentence);
  const InheritedSockets inherited = inherited_sockets();
  const std::string token = read_token(config.serve, inherited);
  if (config.serve.unreported == Unreported::ready) {
    talk("edges that never reported are taken as ready and idle");
  }
  log.write(with_fields(configuration_record("starting", config, routing),
                        {{"config", command.config},
                         {"version", EDGEWARD_VERSION},
                         {"pid", std::int64_t{::getpid()}}}));
  DecisionLog decisions(config.serve.decision_log, log);
  Publisher publisher(routing, state_rules(config), wall_ms(), decisions.last_version() + 1);
  const TlsContexts tls = load_tls(config.serve.tls, config.serve.admin_tls);
  publisher.set_tls(tls);
  HitLearning learning(routing.fleet, config.serve.hit_model, config.routing.hit_prior);
  if (config.serve.state_dir) {
    restore_kept(KeptFolder(*config.serve.state_dir), publisher, learning, talk);
  }
  if (!wrong.empty()) publisher.refuse_reload(wrong, wall_ms());
  if (auto hits = learning.learn(wall_ms())) publisher.set_hits(std::move(*hits));
  (void)publisher.tick(wall_ms(), 1);

  ServedCatalog catalog({.entries_max = config.catalog.entries_max,
                         .folder = config.serve.state_dir,
                         .store = catalog_store(config),
                         .now_ms = wall_ms},
                        talk, log);
  take_in(std::exchange(contents, {}), catalog, talk);

  Supervisor supervisor;
  const auto read_catalog = [&](const Config& read) {
    return [&catalog, &talk, list = read_catalog_file(read.catalog, talk)] {
      take_in(list, catalog, talk);
    };
  };
  Reloader reloader({.load = [&] { return load_config(command, talk); },
                     .config = config,
                     .compiler = std::move(compiler),
                     .fleet = routing.fleet,
                     .read_more = read_catalog},
                    publisher, learning, supervisor, log);
  Keeper keeper(config.serve.state_dir, publisher, learning, log);
  const std::unique_ptr<Purging> purging = make_purging(config.redis, log);
  Watch watch;
  (void)watch.update(publisher.edges(wall_ms()), {}, wall_ms());  // changes are told from here on
  const ApiOptions api{
      .trust = config.serve.trust,
      .admin_token = token,
      .stale_after_ms = std::max<std::int64_t>(5 * config.serve.tick_ms, 1000),
      .logged_ratio = decisions.is_on() ? config.serve.decision_log.sample_ratio : 0,
      .openapi = read_openapi()};
  const auto learn = [&](std::span<const cache::CacheEvent> events, const cache::Fleet& fleet) {
    if (!learning.add(events, fleet)) return false;
    catalog.note(events);
    return true;
  };
  const std::unique_ptr<Planning> planning =
      make_planning(config, routing.fleet, publisher, learn, log);
  if (planning) reloader.tell_fleets([&](auto fleet) { planning->replace(std::move(fleet)); });
  const ApiActions actions{
      .reload = [&] { reloader.start("POST /v1/reload"); },
      .save = [&] { keeper.note(); },
      .learn =
          [&](auto events, const cache::Fleet& fleet) {
            if (!learn(events, fleet)) return false;
            if (planning) planning->add(events, fleet);
            return true;
          },
      .measure = [&](auto body, const geo::AddressMap& map,
                     auto now_ms) { return reloader.measure(body, map, now_ms); },
      .log = [&](LoggedDecisions logged) { return decisions.add(std::move(logged)); },
      .planning = planning.get(),
      .purging = purging.get(),
      .catalog = &catalog};
  Server server(config.serve, api, actions, publisher, inherited);
  server.start();
  log.write(with_fields(listening_record(server, tls), {{"duration_ms", ms_since(begun)}}));
  supervisor.ready(listening(server, tls));
  const char* const cause =
      run_ticks(signals, config.serve.tick_ms,
                {publisher, server, learning, reloader, supervisor, watch, log});
  supervisor.stopping();
  log.write({.message = "draining: no new connections, what has been asked is answered",
             .fields = {{"cause", cause}}});
  server.drain();
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
  serve
      .add_option(
          "--state-dir", c.state_dir,
          "Where what outlives a restart is kept: states, drains, what was learned, and the "
          "last good configuration, which is used if the one given cannot be")
      ->envname("STATE_DIRECTORY")
      ->type_name("FOLDER");
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
      "  POST /v1/events              what edges say of their requests: chances of a hit\n"
      "  POST /v1/rtt                 measured round trips, NDJSON or CSV\n"
      "  POST /v1/reload              as SIGHUP\n"
      "  POST /v1/purge               what edges are to hold no more; /v1/purges/ID: how far it "
      "is\n"
      "  GET  /v1/catalog?top=20      the most popular contents; POST takes a list of them\n"
      "  GET  /v1/catalog/KEY         one of them; PUT and DELETE too\n"
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
