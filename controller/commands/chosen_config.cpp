#include "controller/commands/chosen_config.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "controller/data_folder.hpp"
#include "controller/dns/zones.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

void say(std::string_view sentence) {
  fmt::print(stderr, "edgeward: {}\n", sim::printable(sentence));
}

namespace {

/// What the configuration says of its services, the fleet that stands in for its own has to hold.
void require_cnames(const Config& config) {
  const auto faults = cname_faults(config.serve.answers, config.fleet, config.routing.services);
  if (!faults.empty()) throw std::runtime_error("dns: cnames: " + faults.front());
}

}  // namespace

Config load_chosen_config(const std::string& config_file, const std::string& fleet_file,
                          const Talk& talk, const CheckTls& check_tls) {
  const std::filesystem::path data = data_folder();
  const bool has_fleet = !fleet_file.empty();
  Config config;
  if (!config_file.empty()) {
    config = read_config(config_file, data, check_tls);
    if (has_fleet) {
      FleetFile file = read_fleet_file(fleet_file);
      config.fleet = std::move(file.fleet);
      config.routing = std::move(file.routing);
      require_cnames(config);
    }
    return config;
  }
  const std::filesystem::path fleet =
      has_fleet ? std::filesystem::path(fleet_file) : demo_fleet(data);
  if (!has_fleet) {
    talk(fmt::format("no --config and no --fleet: using the made-up fleet {}", fleet.string()));
  }
  talk(
      fmt::format("no --config: locating by the coarse {} (IP Geolocation by DB-IP, "
                  "https://db-ip.com)",
                  world_database(data).string()));
  FleetFile file = read_fleet_file(fleet);
  config.geo = default_geo(file.fleet, data);
  config.fleet = std::move(file.fleet);
  config.routing = std::move(file.routing);
  return config;
}

}  // namespace edgeward::controller
