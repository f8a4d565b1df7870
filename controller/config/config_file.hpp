#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tl/expected.hpp>
#include <vector>

#include "cache/edge.hpp"
#include "controller/agent/agent_options.hpp"
#include "controller/config/redis_options.hpp"
#include "controller/planning/planning_options.hpp"
#include "controller/service/catalog_options.hpp"
#include "controller/service/serve_options.hpp"
#include "controller/tls/context.hpp"
#include "geo/location.hpp"
#include "policy/routing_options.hpp"

namespace edgeward::controller {

/// A fleet file: edges, their origin, and how requests are routed to them.
struct FleetFile {
  cache::Fleet fleet;
  policy::RoutingOptions routing;

  bool operator==(const FleetFile&) const = default;
};

/// What clients are located with. Paths are absolute.
struct GeoSources {
  std::vector<std::filesystem::path> databases;
  std::optional<std::filesystem::path> overrides;
  std::optional<std::filesystem::path> rtt_observations;
  /// Where clients are taken to be of which nothing is known; by default at the origin.
  geo::Location fallback;

  bool operator==(const GeoSources&) const = default;
};

/// Everything that a configuration file says, with the defaults for what it does not.
struct Config {
  cache::Fleet fleet;
  policy::RoutingOptions routing;
  GeoSources geo;
  ServeOptions serve{};
  RedisOptions redis{};
  PlanningOptions plan{};
  AgentOptions agent{};
  CatalogOptions catalog{};

  bool operator==(const Config&) const = default;
};

enum class FileKind { fleet, config };

/// A configuration that cannot be read at all, where ConfigError is one that says wrong things.
class FileUnreadable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Gives the text of a file, or why it cannot be read.
using ReadFile =
    std::function<tl::expected<std::string, std::string>(const std::filesystem::path&)>;

/// A file's text, standard input's for "-"; of what is longer than kYamlBytesMax a first part
/// that is, too.
[[nodiscard]] tl::expected<std::string, std::string> read_text(const std::filesystem::path& path);

/// A file with the key `fleet` or `geo` is a configuration, any other a fleet file.
[[nodiscard]] FileKind file_kind(std::string_view text);

/// Throws ConfigError with everything that is wrong.
[[nodiscard]] FleetFile parse_fleet_file(std::string_view text, const std::string& file);
/// Throws also FileUnreadable.
[[nodiscard]] FleetFile read_fleet_file(const std::filesystem::path& path);

/// What a configuration's text is read with.
struct ConfigContext {
  std::string file;                   ///< its name in messages
  std::filesystem::path folder;       ///< what paths in it are relative to
  std::filesystem::path data_folder;  ///< where the shipped location database lies
  ReadFile read = read_text;          ///< for the fleet file that it names
  /// Whether a database or a file of overrides is there.
  std::function<bool(const std::filesystem::path&)> exists = [](const auto& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error);
  };
  /// None: the files are not looked at, since few may read a private key.
  CheckTls check_tls{};
};

/// Reads a configuration, or a fleet file as a configuration without the rest. Faults of a fleet
/// file that it names are told with that file's name. Throws ConfigError.
[[nodiscard]] Config parse_config(std::string_view text, const ConfigContext& context);
/// Throws also FileUnreadable.
[[nodiscard]] Config read_config(const std::filesystem::path& path,
                                 const std::filesystem::path& data_folder,
                                 const CheckTls& check_tls = {});

/// Where clients are located by a configuration that says nothing of it: by the shipped database,
/// and at the fleet's origin.
[[nodiscard]] GeoSources default_geo(const cache::Fleet& fleet,
                                     const std::filesystem::path& data_folder);

/// The shipped location database.
[[nodiscard]] std::filesystem::path world_database(const std::filesystem::path& data_folder);
/// What is used without a configuration: the demo fleet and the shipped location database.
[[nodiscard]] std::filesystem::path demo_fleet(const std::filesystem::path& data_folder);

}  // namespace edgeward::controller
