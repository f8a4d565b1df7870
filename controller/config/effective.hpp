#pragma once

#include <string>

#include "controller/config/config_file.hpp"

namespace edgeward::controller {

/// A fleet file that says everything, defaults too, with units; reads back to the same value.
[[nodiscard]] std::string effective_yaml(const FleetFile& file);
/// The same of a configuration: its fleet is written out, its paths are absolute.
[[nodiscard]] std::string effective_yaml(const Config& config);

}  // namespace edgeward::controller
