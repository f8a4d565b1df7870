#include "controller/service/reloader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <utility>

#include "controller/config/effective.hpp"
#include "controller/config/fault.hpp"
#include "controller/measured_rtts.hpp"
#include "controller/service/kept_state.hpp"
#include "controller/service/pacing.hpp"
#include "controller/terminal.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

namespace {

/// How often files are looked at, and how long they have to lie still before they are read: who
/// copies a database over another is not to be met half-way.
constexpr std::chrono::milliseconds kLookInterval{500};
constexpr std::int64_t kSettledAfterMs = 2000;
/// Round trips kept: fitting takes 0.1 s for ten thousand.
constexpr std::size_t kMeasuredMax = 100'000;
constexpr const char* kChangedFiles = "changed files";
/// Errors of one reload that are told, each in a line; `check` tells all.
constexpr std::size_t kErrorsMax = 20;

}  // namespace

StateRules state_rules(const Config& config) {
  return {.silent_after_ms = config.routing.health_age_max_ms,
          .recovery_hold_ms = config.serve.recovery_hold_ms,
          .is_silent_ready = config.serve.unreported == Unreported::ready,
          .slow_start_ms = config.serve.slow_start_ms};
}

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

Reloader::Reloader(Parts parts, Publisher& publisher, HitLearning& learning,
                   const Supervisor& supervisor, const Log& log)
    : load_(std::move(parts.load)),
      read_more_(std::move(parts.read_more)),
      publisher_(publisher),
      learning_(learning),
      supervisor_(supervisor),
      log_(log),
      config_(std::move(parts.config)),
      compiler_(std::move(parts.compiler)),
      compiled_(compiler_.made_of()),
      seen_(compiled_),
      fleet_(std::move(parts.fleet)),
      observations_(fleet_->points()),
      thread_([this] { run(); }) {}

Reloader::~Reloader() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Reloader::start(const char* cause) {
  supervisor_.reloading();
  {
    const std::lock_guard lock(mutex_);
    asked_by_ = cause;
  }
  wake_.notify_one();
}

void Reloader::run() {
  keep_config();  // it has been compiled
  while (true) {
    const char* asked_by = nullptr;
    bool has_compiled = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kLookInterval,
                     [this] { return asked_by_ != nullptr || has_compiled_ || is_ending_; });
      if (is_ending_) break;
      asked_by = std::exchange(asked_by_, nullptr);
      has_compiled = std::exchange(has_compiled_, false);
    }
    const std::int64_t now_ms = wall_ms();
    if (has_compiled) {
      end_compilation();
      const char* const waited = std::exchange(waiting_, nullptr);
      if (asked_by == nullptr) asked_by = waited;
    }
    if (asked_by != nullptr) {
      is_asked_for_ = true;
      reload(asked_by);
    } else if (!compilation_) {
      look_at_files(now_ms);
    }
    bool has_news = false;
    {
      const std::lock_guard lock(measured_mutex_);
      has_news = has_news_ && now_ms - measured_at_ms_ >= config_.serve.rtt_interval_ms;
    }
    if (has_news) {
      (void)attempt("round trips", [this] {
        take({.done = "round trips taken in",
              .cause = "round trips",
              .begun_s = steady_seconds(),
              .config = config_});
      });
    }
    const std::lock_guard lock(mutex_);
    if (is_asked_for_ && asked_by_ == nullptr && !compilation_) {
      is_asked_for_ = false;
      has_ended_ = true;
    }
  }
  if (compilation_) compilation_->thread.join();
}

bool Reloader::attempt(const char* cause, const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const ConfigError& error) {
    std::vector<std::string> errors;
    for (const Fault& fault : error.faults()) errors.push_back(fault.text());
    refuse(errors, cause);
  } catch (const std::exception& error) {
    refuse({error.what()}, cause);
  }
  return false;
}

void Reloader::refuse(const std::vector<std::string>& errors, const char* cause) {
  for (std::size_t i = 0; i < std::min(errors.size(), kErrorsMax); ++i) {
    log_.write(
        {.level = LogLevel::error,
         .message = "reload refused, going on as before",
         .fields = {
             {"cause", cause}, {"error", errors[i]}, {"errors", std::uint64_t{errors.size()}}}});
  }
  publisher_.refuse_reload(errors.front(), wall_ms());
}

void Reloader::reload(const char* cause) {
  (void)attempt(cause, [&] {
    Reload next{.done = "reloaded", .cause = cause, .begun_s = steady_seconds(), .config = {}};
    {
      const Pacing pacing;
      next.config = load_();
      next.tls = read_certificates(next.config.serve);
      if (read_more_) next.take_more = read_more_(next.config);
    }
    if (compiler_.has_databases_on_disk(next.config)) {
      take(std::move(next));
      if (compilation_) compilation_->is_superseded = true;
    } else if (!compilation_) {
      compile_beside(std::move(next));
    } else if (compiler_.has_databases(next.config)) {
      // Those that have taken their place on disk come after it.
      take(std::move(next));
      compilation_->is_superseded = true;
    } else {
      waiting_ = cause;
    }
  });
}

/// Anew; but whether a listener speaks TLS at all was settled at the start.
TlsContexts Reloader::read_certificates(const ServeOptions& serve) const {
  TlsContexts before = publisher_.tls();
  if ((before.clients != nullptr) != serve.tls.has_value() ||
      (before.admin != nullptr) != serve.admin_tls.has_value()) {
    log_.write({.level = LogLevel::warning,
                .message = "whether a listener speaks TLS changes at a restart only"});
  }
  TlsContexts now = load_tls(before.clients ? serve.tls : std::nullopt,
                             before.admin ? serve.admin_tls : std::nullopt);
  if (!now.clients) now.clients = std::move(before.clients);
  if (!now.admin) now.admin = std::move(before.admin);
  return now;
}

void Reloader::tell_fleets(std::function<void(std::shared_ptr<const cache::Fleet>)> tell) {
  const std::lock_guard lock(mutex_);
  tell_fleet_ = std::move(tell);
}

void Reloader::take(Reload reload) {
  Routing routing;
  {
    // Only here, where nothing is held that a worker might want.
    const std::vector<sim::RttLine> measured = recent(reload.config.serve, wall_ms());
    const Pacing pacing;
    routing = compiler_.compile(reload.config, measured, talk_to(log_));
  }
  put_in_force(std::move(reload), std::move(routing));
  if (compilation_) compilation_->is_passed = true;
}

void Reloader::put_in_force(Reload reload, Routing routing) {
  const std::int64_t now_ms = wall_ms();
  config_ = std::move(reload.config);
  compiled_ = compiler_.made_of();
  measured_at_ms_ = now_ms;
  HitLearning::Learned hits = learning_.replace(routing.fleet, now_ms);
  {
    const std::lock_guard lock(measured_mutex_);
    fleet_ = routing.fleet;
    begin_observations(*routing.map);
  }
  LogRecord record = configuration_record(reload.done, config_, routing);
  {
    const std::lock_guard lock(mutex_);
    if (tell_fleet_) tell_fleet_(routing.fleet);
  }
  publisher_.replace(std::move(routing), state_rules(config_), std::move(hits), now_ms);
  if (reload.tls) publisher_.set_tls(std::move(*reload.tls));
  if (reload.take_more) reload.take_more();
  keep_config();
  record.fields.push_back({"cause", reload.cause});
  record.fields.push_back(
      {"duration_ms", std::llround((steady_seconds() - reload.begun_s) * 1000)});
  log_.write(record);
}

void Reloader::compile_beside(Reload reload) {
  std::vector<sim::RttLine> measured = recent(reload.config.serve, wall_ms());
  std::vector<FileStamp> files = RoutingCompiler::inputs(reload.config);
  compilation_ = std::make_unique<Compilation>(
      Compilation{.reload = std::move(reload), .compiler = compiler_, .files = std::move(files)});
  compilation_->compiler.forget_databases();
  log_.write({.message = "databases are read anew, to be in force once they are compiled",
              .fields = {{"cause", compilation_->reload.cause}}});
  compilation_->thread = std::thread([this, measured = std::move(measured)] {
    Compilation& mine = *compilation_;
    try {
      const Pacing pacing;
      mine.routing = mine.compiler.compile(mine.reload.config, measured, talk_to(log_));
    } catch (...) {
      mine.error = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      has_compiled_ = true;
    }
    wake_.notify_one();
  });
}

void Reloader::end_compilation() {
  const std::unique_ptr<Compilation> ended = std::move(compilation_);
  ended->thread.join();
  if (ended->is_superseded && compiler_.has_databases_on_disk(config_)) {
    log_.write({.message = "databases that were read are wanted no more",
                .fields = {{"cause", ended->reload.cause}}});
    return;
  }
  const char* const cause = ended->reload.cause;
  const bool is_taken = attempt(cause, [&] {
    if (ended->error) std::rethrow_exception(ended->error);
    compiler_ = std::move(ended->compiler);
    if (!ended->is_passed) {
      put_in_force(std::move(ended->reload), std::move(ended->routing));
      return;
    }
    if (ended->is_superseded) {
      ended->reload.config = config_;
      ended->reload.tls.reset();
      ended->reload.take_more = nullptr;
    }
    take(std::move(ended->reload));
  });
  // If files are refused, they are looked at again when they have changed again.
  if (!is_taken && cause == kChangedFiles) compiled_ = ended->files;
}

void Reloader::keep_config() {
  if (!config_.serve.state_dir) return;
  const Pacing pacing;
  const KeptFolder folder(*config_.serve.state_dir);
  try {
    // Beside it, and in its place named, the files it names: they may be gone or broken by then.
    Config kept = config_;
    kept.catalog.file.reset();  // what it told is in the catalogue, which is kept itself
    std::vector<std::filesystem::path*> places;
    for (auto& path : kept.geo.databases) places.push_back(&path);
    if (kept.geo.overrides) places.push_back(&*kept.geo.overrides);
    if (kept.geo.rtt_observations) places.push_back(&*kept.geo.rtt_observations);
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path* path : places) files.push_back(*path);
    // If they are others by now, they are kept when they have been compiled.
    const std::vector<std::filesystem::path> copies =
        folder.keep_copies(files, [this] { return RoutingCompiler::inputs(config_) == compiled_; });
    if (copies.size() < files.size()) return;
    for (std::size_t i = 0; i < places.size(); ++i) *places[i] = copies[i];
    folder.write(KeptFolder::kConfig, effective_yaml(kept));
  } catch (const std::exception& error) {
    log_.write({.level = LogLevel::error,
                .message = "the configuration is not kept",
                .fields = {{"error", error.what()}}});
  }
}

void Reloader::look_at_files(std::int64_t now_ms) {
  std::vector<FileStamp> files = RoutingCompiler::inputs(config_);
  if (files != seen_) {
    seen_ = std::move(files);
    seen_since_ms_ = now_ms;
    return;
  }
  if (files == compiled_ || now_ms - seen_since_ms_ < kSettledAfterMs) return;
  Reload next{.done = "changed files taken in",
              .cause = kChangedFiles,
              .begun_s = steady_seconds(),
              .config = config_};
  if (!compiler_.has_databases_on_disk(config_)) return compile_beside(std::move(next));
  if (!attempt(kChangedFiles, [&] { take(std::move(next)); })) compiled_ = files;
}

std::vector<sim::RttLine> Reloader::recent(const ServeOptions& serve, std::int64_t now_ms) {
  const std::lock_guard lock(measured_mutex_);
  std::erase_if(measured_, [&](const sim::RttLine& line) {
    return now_ms - line.at_ms > serve.rtt_age_max_ms;
  });
  has_news_ = false;
  return measured_;
}

void Reloader::begin_observations(const geo::AddressMap& map) {
  observations_ = geo::RttObservations(fleet_->points());
  // So that nobody may tell more for having told long ago.
  for (const sim::RttLine& line : measured_) {
    const auto site = fleet_->find(line.edge);
    const auto place = known_place(line.client, map);
    if (!site || !place) continue;
    (void)observations_.add({.client = line.client,
                             .client_at = *place,
                             .site = static_cast<std::uint16_t>(cache::index(*site)),
                             .rtt_ms = line.rtt_ms});
  }
}

sim::RttReading Reloader::measure(std::string_view body, const geo::AddressMap& map,
                                  std::int64_t now_ms) {
  const std::lock_guard lock(measured_mutex_);
  if (fleet_->edges.size() > geo::kRttSitesMax) {
    throw sim::InputError(
        fmt::format("round trips can be taken to {} edges at most", geo::kRttSitesMax));
  }
  const sim::RttLookUp look_up{
      .site = [&](std::string_view edge) -> std::optional<std::uint16_t> {
        const auto found = fleet_->find(edge);
        if (!found) return std::nullopt;
        return static_cast<std::uint16_t>(cache::index(*found));
      },
      .location = [&](const geo::IpPrefix& client) { return known_place(client, map); }};
  const std::size_t before = observations_.accepted().size();
  sim::TextSource source(body);
  sim::RttReading reading = sim::read_rtt_observations(source, "the body", look_up, observations_);
  for (const geo::RttObservation& one : observations_.accepted().subspan(before)) {
    measured_.push_back({.at_ms = now_ms,
                         .client = one.client,
                         .edge = fleet_->edges[one.site].name,
                         .rtt_ms = one.rtt_ms});
  }
  if (measured_.size() > kMeasuredMax) {
    measured_.erase(measured_.begin(), measured_.end() - static_cast<std::ptrdiff_t>(kMeasuredMax));
  }
  has_news_ = has_news_ || reading.accepted > 0;
  return reading;
}

}  // namespace edgeward::controller
