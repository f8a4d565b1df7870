#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "controller/config/fleet_reader.hpp"
#include "policy/routing_options.hpp"

namespace edgeward::controller {

/// Reads the key `routing`, if there is one: what it does not name stays as it is in `options`.
void read_routing(YamlMap& map, policy::RoutingOptions& options);

/// Reads the key `services`, a list of {name: …} or a map by name. Without it there is the one
/// service "default".
[[nodiscard]] std::vector<policy::Service> read_services(YamlMap& map, const cache::Fleet& fleet);

/// The service of that name, the first where none is given; else suggestion(): what helps with it.
[[nodiscard]] tl::expected<policy::ServiceIndex, std::string> find_service(
    std::string_view name, std::span<const policy::Service> services);

/// Notes each service that an edge names and that there is not.
void check_services(std::span<const Reference> named, std::span<const policy::Service> services,
                    Faults& faults);

}  // namespace edgeward::controller
