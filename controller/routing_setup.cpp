#include "controller/routing_setup.hpp"

#include <fmt/format.h>

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
    const auto database = geo::Mmdb::open(path.string());
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

}  // namespace

Routing make_routing(const Config& config, const Talk& talk) {
  Routing routing;
  routing.fleet = std::make_shared<const cache::Fleet>(config.fleet);
  routing.map = read_map(config, talk, routing.databases);
  if (config.geo.overrides) {
    const geo::PrefixOverrides overrides = load_overrides(config.geo.overrides->string(), talk);
    tell_unknown_edges(overrides, config.fleet, config.geo.overrides->string(), talk);
    routing.map = geo::with_overrides(*routing.map, overrides);
  }
  geo::RttCorrections corrections;
  if (config.geo.rtt_observations) {
    corrections = load_corrections(*config.geo.rtt_observations, config.fleet, *routing.map, talk);
    routing.map = with_measured_clients(*routing.map, corrections);
  }
  routing.part =
      std::make_shared<const policy::FleetPart>(routing.fleet, config.routing, routing.map);
  if (config.geo.rtt_observations) routing.rtts = cell_rtts(*routing.part, corrections);
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
