#pragma once

#include <string>
#include <vector>

#include "cache/edge.hpp"
#include "controller/config/yaml_map.hpp"

namespace edgeward::controller {

/// A name somewhere in a file that has to be one of a list.
struct Reference {
  std::string name;
  Position at;
};

/// Edges and origin as written, and the services that edges name: those are defined elsewhere.
struct FleetRead {
  cache::Fleet fleet;
  std::vector<Reference> services;
};

/// Reads the keys `origin` and `edges`, and checks the invariants of a Fleet.
[[nodiscard]] FleetRead read_fleet(YamlMap& map);

/// Whether a text names an edge or a service: 1 to 63 of a-z, 0-9, '-', '_' and '.', the first a
/// letter or a digit. Names are used in host names, metric labels, Redis keys and URLs as they are.
[[nodiscard]] bool is_plain_name(std::string_view text);
inline constexpr std::string_view kPlainName =
    "a name of 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit";

/// The names of a fleet's edges, by EdgeId.
[[nodiscard]] std::vector<std::string_view> edge_names(const cache::Fleet& fleet);

/// A place from the keys lat and lon, both needed.
void read_point(YamlMap& map, geo::GeoPoint& point);

}  // namespace edgeward::controller
