#include "controller/config/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "controller/config/agent_reader.hpp"
#include "controller/config/fleet_reader.hpp"
#include "controller/config/plan_reader.hpp"
#include "controller/config/routing_reader.hpp"
#include "controller/config/serve_reader.hpp"
#include "controller/dns/zones.hpp"

namespace edgeward::controller {

namespace {

namespace fs = std::filesystem;

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

bool is_config(const YamlNode& root) {
  return std::any_of(root.children.begin(), root.children.end(), [](const YamlNode& member) {
    return member.key == "fleet" || member.key == "geo";
  });
}

FleetFile read_fleet_keys(YamlMap& map) {
  FleetRead read = read_fleet(map);
  FleetFile file{.fleet = std::move(read.fleet), .routing = {}};
  read_routing(map, file.routing);
  file.routing.services = read_services(map, file.fleet);
  check_services(read.services, file.routing.services, map.faults());
  map.finish();
  return file;
}

fs::path resolved(const std::string& text, const fs::path& folder) {
  return (folder / fs::path(text)).lexically_normal();
}

geo::Location read_fallback(const YamlNode& node, Faults& faults) {
  geo::Location location{.source = geo::LocationSource::fallback};
  YamlMap map(node, "fallback", faults);
  read_point(map, location.point);
  std::string code;
  if (map.text("country", code)) {
    if (const auto country = geo::parse_country(code)) {
      location.country = *country;
    } else {
      map.fault(map.find("country")->at,
                fmt::format("country: expected two letters (ISO 3166-1) such as DE, found {}",
                            quote(code)));
    }
  }
  map.finish();
  return location;
}

geo::Location at_origin(const cache::Fleet& fleet) {
  return {.point = fleet.origin.point, .source = geo::LocationSource::fallback};
}

/// The file that a text names; a fault where it is not there.
fs::path find_file(std::string_view what, const YamlNode& node, const ConfigContext& context,
                   Faults& faults) {
  fs::path path = resolved(node.text, context.folder);
  if (!context.exists(path)) {
    faults.add(node.at, fmt::format("{}: no such file: {}", what, path.string()));
  }
  return path;
}

void read_geo(const YamlNode& node, const ConfigContext& context, GeoSources& geo, Faults& faults) {
  YamlMap map(node, "geo", faults);
  if (const YamlNode* const databases = map.find("databases")) {
    geo.databases.clear();
    for (const YamlNode* const word : words(*databases, "databases", faults)) {
      geo.databases.push_back(find_file("databases", *word, context, faults));
    }
  }
  const auto optional_file = [&](std::string_view key, std::optional<fs::path>& path) {
    std::string text;
    if (map.text(key, text)) path = find_file(key, *map.find(key), context, faults);
  };
  optional_file("overrides", geo.overrides);
  optional_file("rtt_observations", geo.rtt_observations);
  if (const YamlNode* const fallback = map.find("fallback")) {
    geo.fallback = read_fallback(*fallback, faults);
  }
  map.finish();
}

void read_catalog_keys(const YamlNode& node, const ConfigContext& context, CatalogOptions& options,
                       Faults& faults) {
  YamlMap map(node, "catalog", faults);
  std::string text;
  if (map.text("file", text)) options.file = find_file("file", *map.find("file"), context, faults);
  auto entries = static_cast<unsigned>(options.entries_max);
  if (map.count("entries_max", entries, 1, 10'000'000)) options.entries_max = entries;
  map.choice<CatalogBackend>("store", options.store, kCatalogBackends);
  map.finish();
}

/// What a configuration's `fleet` leads to: keys of its own, or those of a file.
struct FleetPlace {
  std::optional<FleetRead> read{};
  std::optional<YamlNode> root{};    ///< of the file
  std::unique_ptr<Faults> faults{};  ///< of the file; null where the keys are the configuration's
};

/// A fleet file may hold routing and services too; `fleet:` in a configuration only the fleet.
FleetPlace read_fleet_place(const YamlNode& node, const ConfigContext& context, Faults& faults) {
  FleetPlace place;
  if (node.kind == YamlNode::Kind::map) {
    YamlMap map(node, "fleet", faults);
    place.read = read_fleet(map);
    map.finish();
    return place;
  }
  if (node.kind != YamlNode::Kind::text) {
    faults.add(node.at, fmt::format("fleet: expected a file, or origin and edges, found {}",
                                    description(node)));
    return place;
  }
  const fs::path path = resolved(node.text, context.folder);
  const auto text = context.read(path);
  if (!text) {
    faults.add(node.at, fmt::format("fleet: {}: {}", path.string(), text.error()));
    return place;
  }
  place.faults = std::make_unique<Faults>(path.string());
  place.root = parse_yaml(*text, *place.faults);
  return place;
}

/// Reads what a fleet file says. Returns whether it has services.
bool read_file_parts(FleetPlace& place, Config& config) {
  if (!place.root) return false;
  YamlMap file(*place.root, "a fleet file", *place.faults);
  place.read = read_fleet(file);
  read_routing(file, config.routing);
  config.routing.services = read_services(file, place.read->fleet);
  const bool has_services = file.find("services") != nullptr;
  file.finish();
  return has_services;
}

/// Fleet, routing and services; `routing` is laid over that of the fleet file.
void read_parts(YamlMap& map, FleetPlace& place, Config& config) {
  const bool has_services = read_file_parts(place, config);
  read_routing(map, config.routing);
  const YamlNode* const services = map.find("services");
  if (!place.read) return;  // without edges nothing that names them can be judged
  if (services != nullptr) {
    config.routing.services = read_services(map, place.read->fleet);
    if (has_services) {
      map.fault(services->key_at, fmt::format("services: {} has them too; give them in one place",
                                              place.faults->file()));
    }
  }
  Faults& faults = place.faults != nullptr ? *place.faults : map.faults();
  check_services(place.read->services, config.routing.services, faults);
  config.fleet = std::move(place.read->fleet);
}

/// Services and edges have to be known before it can be said which may be answered by a CNAME.
void check_cnames(YamlMap& map, const Config& config) {
  const YamlNode* const dns = map.find("dns");
  if (dns == nullptr) return;
  const auto cnames = std::find_if(dns->children.begin(), dns->children.end(),
                                   [](const YamlNode& member) { return member.key == "cnames"; });
  if (cnames == dns->children.end()) return;
  for (const std::string& fault :
       cname_faults(config.serve.answers, config.fleet, config.routing.services)) {
    map.fault(cnames->at, "cnames: " + fault);
  }
}

}  // namespace

tl::expected<std::string, std::string> read_text(const fs::path& path) {
  errno = 0;
  const bool is_stdin = path == "-";
  std::error_code error;
  if (!is_stdin && fs::is_directory(path, error)) return tl::unexpected(std::string("a folder"));
  const std::unique_ptr<std::FILE, CloseFile> file(is_stdin ? stdin
                                                            : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return tl::unexpected(std::string(std::strerror(errno)));
  std::string text;
  std::array<char, 1 << 16> piece;
  while (text.size() <= kYamlBytesMax) {  // what is longer is refused as it is
    const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get());
    if (count == 0) break;
    text.append(piece.data(), count);
  }
  if (std::ferror(file.get()) != 0) return tl::unexpected(std::string(std::strerror(errno)));
  return text;
}

FileKind file_kind(std::string_view text) {
  Faults ignored{""};
  const auto root = parse_yaml(text, ignored);
  return root && is_config(*root) ? FileKind::config : FileKind::fleet;
}

FleetFile parse_fleet_file(std::string_view text, const std::string& file) {
  Faults faults(file);
  const auto root = parse_yaml(text, faults);
  if (!root) throw ConfigError(faults.sorted());
  YamlMap map(*root, "a fleet file", faults);
  FleetFile result = read_fleet_keys(map);
  if (!faults.empty()) throw ConfigError(faults.sorted());
  return result;
}

FleetFile read_fleet_file(const fs::path& path) {
  const auto text = read_text(path);
  if (!text) throw FileUnreadable(fmt::format("{}: {}", path.string(), text.error()));
  return parse_fleet_file(*text, path.string());
}

Config parse_config(std::string_view text, const ConfigContext& context) {
  Faults faults(context.file);
  const auto root = parse_yaml(text, faults);
  if (!root) throw ConfigError(faults.sorted());
  Config config{.geo = {.databases = {world_database(context.data_folder)}}};
  FleetPlace place;
  if (is_config(*root)) {
    YamlMap map(*root, "a configuration", faults);
    if (const YamlNode* const fleet = map.require("fleet")) {
      place = read_fleet_place(*fleet, context, faults);
    }
    if (const YamlNode* const geo = map.find("geo")) {
      read_geo(*geo, context, config.geo, faults);
    }
    if (const YamlNode* const serve = map.find("serve")) {
      read_serve(*serve, context.folder, config.serve, faults, context.check_tls);
    }
    if (const YamlNode* const dns = map.find("dns")) {
      read_dns(*dns, context.folder, config.serve.answers, faults);
    }
    const YamlNode* const redis = map.find("redis");
    if (redis != nullptr) read_redis(*redis, context.folder, config.redis, faults);
    if (const YamlNode* const plan = map.find("plan")) read_plan(*plan, config.plan, faults);
    if (const YamlNode* const agent = map.find("agent")) read_agent(*agent, config.agent, faults);
    const YamlNode* const catalog = map.find("catalog");
    if (catalog != nullptr) read_catalog_keys(*catalog, context, config.catalog, faults);
    read_parts(map, place, config);
    if (place.read && redis != nullptr) {
      check_redis_edges(*redis, config.redis, config.fleet, faults);
    }
    if (place.read) check_cnames(map, config);
    if (config.geo.fallback == geo::Location{}) config.geo.fallback = at_origin(config.fleet);
    map.finish();
  } else {
    YamlMap map(*root, "a fleet file", faults);
    FleetFile file = read_fleet_keys(map);
    config.fleet = std::move(file.fleet);
    config.routing = std::move(file.routing);
    config.geo = default_geo(config.fleet, context.data_folder);
  }
  std::vector<Fault> all = faults.sorted();
  if (place.faults != nullptr) {
    const std::vector<Fault> more = place.faults->sorted();
    all.insert(all.end(), more.begin(), more.end());
  }
  if (!all.empty()) throw ConfigError(std::move(all));
  return config;
}

Config read_config(const fs::path& path, const fs::path& data_folder, const CheckTls& check_tls) {
  const auto text = read_text(path);
  if (!text) throw FileUnreadable(fmt::format("{}: {}", path.string(), text.error()));
  return parse_config(*text, {.file = path.string(),
                              .folder = fs::absolute(path).parent_path(),
                              .data_folder = data_folder,
                              .check_tls = check_tls});
}

GeoSources default_geo(const cache::Fleet& fleet, const fs::path& data_folder) {
  return {.databases = {world_database(data_folder)}, .fallback = at_origin(fleet)};
}

fs::path world_database(const fs::path& data_folder) {
  return (fs::absolute(data_folder) / "geo" / "world.mmdb").lexically_normal();
}

fs::path demo_fleet(const fs::path& data_folder) {
  return (fs::absolute(data_folder) / "fleets" / "demo.yaml").lexically_normal();
}

}  // namespace edgeward::controller
