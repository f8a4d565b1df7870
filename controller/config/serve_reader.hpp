#pragma once

#include <filesystem>

#include "controller/config/yaml_map.hpp"
#include "controller/service/serve_options.hpp"
#include "controller/tls/context.hpp"

namespace edgeward::controller {

/// Reads the value of the key `serve`: what it does not name stays as it is in `options`. Paths are
/// relative to `folder`. Certificates and keys are judged by `check_tls`, if there is one.
void read_serve(const YamlNode& node, const std::filesystem::path& folder, ServeOptions& options,
                Faults& faults, const CheckTls& check_tls);

/// Reads the value of the key `dns`, likewise.
void read_dns(const YamlNode& node, const std::filesystem::path& folder, DnsOptions& options,
              Faults& faults);

}  // namespace edgeward::controller
