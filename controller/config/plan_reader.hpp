#pragma once

#include "controller/config/yaml_map.hpp"
#include "controller/planning/planning_options.hpp"

namespace edgeward::controller {

/// Reads the key `plan` of a configuration.
void read_plan(const YamlNode& node, PlanningOptions& options, Faults& faults);

}  // namespace edgeward::controller
