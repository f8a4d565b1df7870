#pragma once

#include <filesystem>

#include "controller/config/yaml_map.hpp"
#include "controller/service/serve_options.hpp"

namespace edgeward::controller {

/// Reads the value of the key `serve`: what it does not name stays as it is in `options`. Paths are
/// relative to `folder`.
void read_serve(const YamlNode& node, const std::filesystem::path& folder, ServeOptions& options,
                Faults& faults);

/// Reads the value of the key `dns`, likewise.
void read_dns(const YamlNode& node, const std::filesystem::path& folder, DnsOptions& options,
              Faults& faults);

}  // namespace edgeward::controller
