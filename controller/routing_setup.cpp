#include "controller/routing_setup.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "controller/measured_rtts.hpp"
#include "geo/address_map_builder.hpp"
#include "geo/country_centres.hpp"
#include "geo/mmdb.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

namespace {

/// Names of zones that are no edges would be left out silently.
void tell_unknown_edges(const geo::PrefixOverrides& overrides, const cache::Fleet& fleet,
                        const std::string& file, const Talk& talk) {
  std::set<std::string> unknown;
  for (const auto& zone : overrides.zones) {
    for (const std::string& name : zone) {
      if (!fleet.find(name)) unknown.insert(name);
    }
  }
  if (unknown.empty()) return;
  talk(fmt::format("{}: {} edges that the fleet does not have are left out, the first is '{}'",
                   file, unknown.size(), *unknown.begin()));
}

std::shared_ptr<const geo::AddressMap> read_map(const Config& config, const Talk& talk,
                                                std::vector<DatabaseFacts>& facts) {
  const geo::CountryCentres centres = load_country_centres(talk);
  geo::AddressMapBuilder builder(config.geo.fallback);
  for (const std::filesystem::path& path : config.geo.databases) {
    const auto database = geo::Mmdb::open_copy(path.string());
    if (!database) throw sim::InputError(database.error());
    const bool is_known = std::any_of(facts.begin(), facts.end(), [&](const DatabaseFacts& known) {
      return known.file == database->path();
    });
    if (!is_known) {
      facts.push_back({.file = database->path(),
                       .type = std::string(database->type()),
                       .built_at_s = database->build_time_s()});
    }
    auto read = geo::read_layer(*database, centres);
    if (!read) throw sim::InputError(read.error());
    if (read->unreadable > 0) {
      talk(fmt::format("{} records cannot be read and are left out: {}", read->unreadable,
                       read->first_unreadable));
    }
    builder.add(std::move(read->layer));
  }
  builder.add_countries(centres);
  return std::move(builder).build();
}

std::vector<FileStamp> databases_on_disk(const Config& config) {
  std::vector<FileStamp> stamps;
  for (const auto& path : config.geo.databases) stamps.push_back(FileStamp::of(path));
  return stamps;
}

}  // namespace

FileStamp FileStamp::of(const std::filesystem::path& path) {
  FileStamp stamp{.path = path};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size_bytes = static_cast<std::uint64_t>(status.st_size);
  stamp.changed_at_ns =
      status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
  return stamp;
}

bool RoutingCompiler::has_databases(const Config& config) const {
  return located_.map != nullptr && located_.fallback == config.geo.fallback &&
         std::equal(located_.files.begin(), located_.files.end(), config.geo.databases.begin(),
                    config.geo.databases.end(),
                    [](const FileStamp& had, const auto& path) { return had.path == path; });
}

bool RoutingCompiler::has_databases_on_disk(const Config& config) const {
  return has_databases(config) && located_.files == databases_on_disk(config);
}

std::vector<FileStamp> RoutingCompiler::inputs(const Config& config) {
  std::vector<FileStamp> stamps = databases_on_disk(config);
  for (const auto& path : {config.geo.overrides, config.geo.rtt_observations}) {
    if (path) stamps.push_back(FileStamp::of(*path));
  }
  return stamps;
}

Routing RoutingCompiler::compile(const Config& config, std::span<const sim::RttLine> measured,
                                 const Talk& talk) {
  const bool is_located = has_databases(config);
  Base located = is_located ? located_
                            : Base{.files = databases_on_disk(config),
                                   .fallback = config.geo.fallback,
                                   .map = nullptr,
                                   .databases = {}};
  if (!is_located) located.map = read_map(config, talk, located.databases);

  Base overridden = located;
  if (config.geo.overrides) {
    overridden.files.push_back(FileStamp::of(*config.geo.overrides));
    const bool is_overridden = is_located && overridden_.files == overridden.files;
    if (is_overridden) {
      overridden.map = overridden_.map;
    } else {
      const geo::PrefixOverrides overrides = load_overrides(config.geo.overrides->string(), talk);
      tell_unknown_edges(overrides, config.fleet, config.geo.overrides->string(), talk);
      overridden.map = geo::with_overrides(*located.map, overrides);
    }
  }

  Routing routing{.fleet = std::make_shared<const cache::Fleet>(config.fleet),
                  .map = overridden.map,
                  .databases = overridden.databases};
  std::vector<FileStamp> made_of = overridden.files;
  if (config.geo.rtt_observations) made_of.push_back(FileStamp::of(*config.geo.rtt_observations));
  std::optional<geo::RttCorrections> corrections;
  if (config.geo.rtt_observations || !measured.empty()) {
    corrections =
        load_corrections(config.geo.rtt_observations, measured, config.fleet, *routing.map, talk);
    routing.map = with_measured_clients(*routing.map, *corrections);
  }
  routing.part = std::make_shared<const policy::FleetPart>(
      routing.fleet, config.routing, routing.map, geo::RttModel{}, part_.get());
  if (corrections) routing.rtts = cell_rtts(*routing.part, *corrections);

  located_ = std::move(located);
  overridden_ = std::move(overridden);
  made_of_ = std::move(made_of);
  part_ = routing.part;
  return routing;
}

policy::Snapshot make_snapshot(const Routing& routing, std::span<const cache::EdgeState> states,
                               std::int64_t now_ms, std::uint64_t version) {
  return {.version = version,
          .published_at_ms = now_ms,
          .fleet = routing.part,
          .live = std::make_shared<const std::vector<policy::LiveEdge>>(
              policy::live_edges(*routing.part, states, now_ms)),
          .rtts = routing.rtts};
}

}  // namespace edgeward::controller
