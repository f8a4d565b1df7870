#include "controller/service/reloader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "controller/config/effective.hpp"
#include "controller/config/fault.hpp"
#include "controller/measured_rtts.hpp"
#include "controller/service/kept_state.hpp"
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

std::vector<geo::GeoPoint> points_of(const cache::Fleet& fleet) {
  std::vector<geo::GeoPoint> points;
  for (const cache::Edge& edge : fleet.edges) points.push_back(edge.point);
  return points;
}

}  // namespace

StateRules state_rules(const Config& config) {
  return {.silent_after_ms = config.routing.health_age_max_ms,
          .recovery_hold_ms = config.serve.recovery_hold_ms,
          .is_silent_ready = config.serve.unreported == Unreported::ready,
          .slow_start_ms = config.serve.slow_start_ms};
}

Reloader::Reloader(Parts parts, Publisher& publisher, HitLearning& learning,
                   const Supervisor& supervisor, Talk talk)
    : load_(std::move(parts.load)),
      publisher_(publisher),
      learning_(learning),
      supervisor_(supervisor),
      talk_(std::move(talk)),
      config_(std::move(parts.config)),
      compiler_(std::move(parts.compiler)),
      compiled_(RoutingCompiler::inputs(config_)),
      seen_(compiled_),
      fleet_(std::move(parts.fleet)),
      observations_(points_of(*fleet_)),
      thread_([this] { run(); }) {}

Reloader::~Reloader() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool Reloader::start() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_asked_, true)) return false;
  }
  supervisor_.reloading();
  wake_.notify_one();
  return true;
}

void Reloader::run() {
  keep_config();  // it has been compiled
  while (true) {
    bool is_asked = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kLookInterval, [this] { return is_asked_ || is_ending_; });
      if (is_ending_) return;
      is_asked = is_asked_;
    }
    const std::int64_t now_ms = wall_ms();
    if (is_asked) {
      reload();
      const std::lock_guard lock(mutex_);
      is_asked_ = false;  // from now on another may be asked for
      has_ended_ = true;
    } else {
      look_at_files(now_ms);
    }
    bool has_news = false;
    {
      const std::lock_guard lock(measured_mutex_);
      has_news = has_news_ && now_ms - measured_at_ms_ >= config_.serve.rtt_interval_ms;
    }
    if (has_news) (void)attempt([this] { recompile("round trips taken in"); });
  }
}

bool Reloader::attempt(const std::function<void()>& work) {
  std::string wrong;
  try {
    work();
    return true;
  } catch (const ConfigError& error) {
    for (const Fault& fault : error.faults()) talk_(fault.text());
    wrong = error.faults().front().text();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  talk_(fmt::format("refused, going on as before: {}", wrong));
  publisher_.refuse_reload(std::move(wrong));
  return false;
}

void Reloader::reload() {
  const Config before = config_;
  const bool is_taken = attempt([this] {
    config_ = load_();
    recompile("reloaded");
  });
  if (!is_taken) config_ = before;
}

void Reloader::recompile(std::string_view done) {
  const std::int64_t now_ms = wall_ms();
  std::vector<FileStamp> files = RoutingCompiler::inputs(config_);
  Routing routing = compiler_.compile(config_, recent(now_ms), talk_);
  compiled_ = std::move(files);
  measured_at_ms_ = now_ms;
  HitLearning::Learned hits = learning_.replace(routing.fleet, now_ms);
  {
    const std::lock_guard lock(measured_mutex_);
    fleet_ = routing.fleet;
    begin_observations(*routing.map);
  }
  publisher_.replace(std::move(routing), state_rules(config_), std::move(hits));
  keep_config();
  talk_(done);
}

void Reloader::keep_config() {
  if (!config_.serve.state_dir) return;
  try {
    KeptFolder(*config_.serve.state_dir).write(KeptFolder::kConfig, effective_yaml(config_));
  } catch (const std::exception& error) {
    talk_(fmt::format("the configuration is not kept: {}", error.what()));
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
  // If they are refused, they are looked at again when they have changed again.
  if (!attempt([this] { recompile("changed files taken in"); })) compiled_ = files;
}

std::vector<sim::RttLine> Reloader::recent(std::int64_t now_ms) {
  const std::lock_guard lock(measured_mutex_);
  std::erase_if(measured_, [&](const sim::RttLine& line) {
    return now_ms - line.at_ms > config_.serve.rtt_age_max_ms;
  });
  has_news_ = false;
  return measured_;
}

void Reloader::begin_observations(const geo::AddressMap& map) {
  observations_ = geo::RttObservations(points_of(*fleet_));
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
