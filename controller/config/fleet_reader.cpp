#include "controller/config/fleet_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>

#include "controller/config/quantity.hpp"
#include "controller/config/time_zone.hpp"

namespace edgeward::controller {

namespace {

using cache::Edge;
using cache::EdgeId;
using cache::FillSource;

constexpr std::array kFillSources{FillSource::origin, FillSource::parent, FillSource::peer};

/// What reading one edge leaves for later.
struct Pending {
  Position at;
  Reference parent;
};

bool is_endpoint(std::string_view text) {
  constexpr std::size_t kLengthMax = 260;  // a host name of 253, a colon, a port
  return text.size() <= kLengthMax && std::all_of(text.begin(), text.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ||
                  c == ':' || c == '[' || c == ']' || c == '_';
         });
}

void read_storage(YamlMap& map, Edge& edge) {
  const bool has_storage = map.size("storage", edge.storage_bytes);
  const bool has_capacity = map.size("capacity", edge.capacity_bytes);
  if (!has_storage) edge.storage_bytes = edge.capacity_bytes;
  if (!has_capacity) edge.capacity_bytes = edge.storage_bytes;
  if (edge.capacity_bytes > edge.storage_bytes) {
    map.fault(map.find("capacity")->at,
              fmt::format("capacity: {} is more than the storage of {}",
                          size_text(edge.capacity_bytes), size_text(edge.storage_bytes)));
  }
}

void read_fill(YamlMap& map, Edge& edge, Pending& pending) {
  map.choice<FillSource>("fill", edge.fill, kFillSources);
  const bool has_parent = map.text("parent", pending.parent.name);
  const YamlNode* const parent = map.find("parent");
  if (has_parent) pending.parent.at = parent->at;
  if (has_parent && edge.fill != FillSource::parent) {
    map.fault(parent->at, "parent: only an edge with 'fill: parent' has one");
  }
  if (parent == nullptr && edge.fill == FillSource::parent) {
    const YamlNode* const fill = map.find("fill");
    map.fault(fill->at, "fill: parent needs the parent's name: 'parent: NAME'");
  }
}

void read_fill_window(YamlMap& map, Edge& edge) {
  std::string text;
  if (!map.text("fill_window", text)) return;
  edge.fill_window = parse_daily_hours(text);
  const auto& at = map.find("fill_window")->at;
  if (!edge.fill_window) {
    map.fault(at,
              fmt::format("fill_window: expected hours of the day such as 01:00-07:00, found {}",
                          quote(text)));
  } else if (edge.time_zone != "UTC") {
    if (const auto fault = missing_time_zones()) map.fault(at, "fill_window: " + *fault);
  }
}

Edge read_edge(YamlMap& map, std::string name, FleetRead& read, Pending& pending) {
  Edge edge{.name = std::move(name)};
  read_point(map, edge.point);
  if (map.text("time_zone", edge.time_zone)) {
    if (const auto fault = time_zone_fault(edge.time_zone)) {
      map.fault(map.find("time_zone")->at, "time_zone: " + *fault);
    }
  }
  read_storage(map, edge);
  if (map.find("storage") == nullptr && map.find("capacity") == nullptr) {
    map.require("storage");
  }
  map.bandwidth("bandwidth", edge.bandwidth_bps, 1000);
  map.number("requests_per_second_max", edge.requests_per_second_max, {0.001, 1e9});
  map.number("max_load", edge.max_load, {0.01, 1});
  map.count("servers", edge.servers, 1, 10'000);
  map.number("service_ms", edge.service_ms, {0.001, 600'000, "ms"});
  read_fill(map, edge, pending);
  read_fill_window(map, edge);
  map.flag("shield", edge.is_shield);
  if (map.text("endpoint", edge.endpoint) && !is_endpoint(edge.endpoint)) {
    map.fault(map.find("endpoint")->at,
              fmt::format("endpoint: expected a host name, with or without a port, found {}",
                          quote(edge.endpoint)));
  }
  if (edge.endpoint == edge.name) edge.endpoint.clear();  // which says the same
  if (const YamlNode* const addresses = map.find("addresses")) {
    for (const YamlNode* const word : words(*addresses, "addresses", map.faults())) {
      if (const auto address = geo::IpAddress::parse(word->text)) {
        edge.addresses.push_back(*address);
      } else {
        map.fault(word->at, fmt::format("addresses: expected an IPv4 or IPv6 address, found {}",
                                        quote(word->text)));
      }
    }
    constexpr std::size_t kAddressesMax = 8;
    if (edge.addresses.size() > kAddressesMax) {
      map.fault(addresses->at, fmt::format("addresses: at most {}", kAddressesMax));
    }
  }
  if (const YamlNode* const services = map.find("services")) {
    for (const YamlNode* const word : words(*services, "services", map.faults())) {
      edge.services.push_back(word->text);
      read.services.push_back({.name = word->text, .at = word->at});
    }
    if (services->kind == YamlNode::Kind::list && services->children.empty()) {
      map.fault(services->at, "services: an empty list; leave it out for all services");
    }
  }
  map.finish();
  return edge;
}

/// Reads the edges, a list of {name: …} or a map by name.
std::vector<Pending> read_edges(const YamlNode& node, FleetRead& read, Faults& faults) {
  std::vector<Pending> pending;
  const bool is_list = node.kind == YamlNode::Kind::list;
  if (!is_list && node.kind != YamlNode::Kind::map) {
    faults.add(node.at, fmt::format("edges: expected a list of edges, or edges by name, found {}",
                                    description(node)));
    return pending;
  }
  if (node.children.empty()) faults.add(node.at, "edges: a fleet has at least one");
  for (const YamlNode& child : node.children) {
    if (read.fleet.edges.size() == cache::kEdgesMax) {
      faults.add(child.at, fmt::format("edges: more than {}", cache::kEdgesMax));
      break;
    }
    YamlMap map(child, is_list ? "an edge" : fmt::format("edge {}", quote(child.key)), faults);
    std::string name = child.key;
    Position named_at = child.key_at;
    bool has_name = !is_list;
    if (is_list) {
      const YamlNode* const given = map.require("name");
      has_name = map.text("name", name);
      named_at = given != nullptr ? given->at : child.at;
    }
    if (has_name && !is_plain_name(name)) {
      faults.add(named_at, fmt::format("name: expected {}, found {}", kPlainName, quote(name)));
    }
    Pending& one = pending.emplace_back(Pending{.at = named_at, .parent = {}});
    read.fleet.edges.push_back(read_edge(map, std::move(name), read, one));
  }
  return pending;
}

/// Name → id, the first of equal names.
using EdgeIndex = std::unordered_map<std::string_view, EdgeId>;

EdgeIndex index_names(const cache::Fleet& fleet, const std::vector<Pending>& pending,
                      Faults& faults) {
  EdgeIndex ids;
  for (std::size_t i = 0; i < fleet.edges.size(); ++i) {
    const std::string& name = fleet.edges[i].name;
    const auto [first, is_new] = ids.emplace(name, static_cast<EdgeId>(i));
    if (is_new || name.empty()) continue;
    // In the words of a key given twice, which this is where edges are written by name.
    faults.add(pending[i].at, fmt::format("{} is given twice; first in line {}", quote(name),
                                          pending[cache::index(first->second)].at.line));
  }
  return ids;
}

void resolve_parents(cache::Fleet& fleet, const std::vector<Pending>& pending, Faults& faults) {
  const EdgeIndex ids = index_names(fleet, pending, faults);
  const std::vector<std::string_view> names = edge_names(fleet);
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const Reference& parent = pending[i].parent;
    if (parent.name.empty() || fleet.edges[i].fill != FillSource::parent) continue;
    const auto found = ids.find(parent.name);
    if (found != ids.end()) {
      fleet.edges[i].parent = found->second;
    } else {
      faults.add(parent.at, fmt::format("parent: no edge is named {}{}", quote(parent.name),
                                        suggestion(parent.name, names)));
    }
  }
}

/// Each cycle is told once, at the first of its edges in the file.
void check_cycles(const cache::Fleet& fleet, const std::vector<Pending>& pending, Faults& faults) {
  std::vector<std::size_t> walk_of(fleet.edges.size(), 0);  // 0: not walked over yet
  for (std::size_t start = 0; start < fleet.edges.size(); ++start) {
    std::size_t at = start;
    std::string path;
    while (walk_of[at] == 0 && fleet.edges[at].parent != cache::kNoEdge) {
      walk_of[at] = start + 1;
      at = cache::index(fleet.edges[at].parent);
    }
    if (walk_of[at] != start + 1) continue;
    const std::size_t first = at;
    std::size_t length = 0;
    do {
      constexpr std::size_t kShownMax = 8;
      if (length++ < kShownMax) path += fleet.edges[at].name + " → ";
      at = cache::index(fleet.edges[at].parent);
    } while (at != first);
    faults.add(pending[first].parent.at,
               fmt::format("parent: edges that fill from each other: "
                           "{}{}{}",
                           path, length > 8 ? "… → " : "", fleet.edges[first].name));
  }
}

void read_origin(const YamlNode& node, cache::Origin& origin, Faults& faults) {
  YamlMap map(node, "origin", faults);
  read_point(map, origin.point);
  map.number("service_ms", origin.service_ms, {0, 600'000, "ms"});
  map.finish();
}

}  // namespace

FleetRead read_fleet(YamlMap& map) {
  FleetRead read;
  if (const YamlNode* const node = map.require("origin")) {
    read_origin(*node, read.fleet.origin, map.faults());
  }
  const YamlNode* const node = map.require("edges");
  if (node == nullptr) return read;
  const std::vector<Pending> pending = read_edges(*node, read, map.faults());
  resolve_parents(read.fleet, pending, map.faults());
  check_cycles(read.fleet, pending, map.faults());
  const std::vector<Edge>& edges = read.fleet.edges;
  if (!edges.empty() &&
      std::all_of(edges.begin(), edges.end(), [](const Edge& edge) { return edge.is_shield; })) {
    map.fault(node->at, "edges: all are shields, so none serves clients");
  }
  return read;
}

bool is_plain_name(std::string_view text) {
  constexpr std::size_t kLengthMax = 63;  // a label of a host name, RFC 1035 §2.3.4
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= kLengthMax && is_alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

std::vector<std::string_view> edge_names(const cache::Fleet& fleet) {
  std::vector<std::string_view> names;
  for (const Edge& edge : fleet.edges) names.push_back(edge.name);
  return names;
}

void read_point(YamlMap& map, geo::GeoPoint& point) {
  map.require("lat");
  map.number("lat", point.lat_deg, {-90, 90, "degrees"});
  map.require("lon");
  map.number("lon", point.lon_deg, {-180, 180, "degrees"});
}

}  // namespace edgeward::controller
