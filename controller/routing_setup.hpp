#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache/edge.hpp"
#include "controller/config/config_file.hpp"
#include "controller/locator_loading.hpp"
#include "geo/address_map.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::controller {

/// A location database as it says itself.
struct DatabaseFacts {
  std::string file;
  std::string type;
  std::uint64_t built_at_s = 0;  ///< since the epoch
};

/// What routing needs of files, compiled: the parts of a snapshot that change when one of them
/// does.
struct Routing {
  std::shared_ptr<const cache::Fleet> fleet;
  std::shared_ptr<const geo::AddressMap> map;
  std::shared_ptr<const policy::FleetPart> part;
  std::shared_ptr<const geo::CellRtts> rtts;  ///< null without measured round trips
  std::vector<DatabaseFacts> databases;       ///< that the map was made of, each once
};

/// Reads databases, country centres, overrides and measured round trips and compiles them with the
/// fleet. Seconds for the
/// largest databases. Says which records cannot be read and which of the overrides' edges there are
/// not. Throws sim::InputError for files that cannot be used.
[[nodiscard]] Routing make_routing(const Config& config, const Talk& talk);

/// A snapshot with these states of the edges and nothing learned yet: no hit model, no admit
/// shares.
[[nodiscard]] policy::Snapshot make_snapshot(const Routing& routing,
                                             std::span<const cache::EdgeState> states,
                                             std::int64_t now_ms, std::uint64_t version);

}  // namespace edgeward::controller
