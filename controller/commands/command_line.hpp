#pragma once

#include <memory>

#include "controller/commands/commands.hpp"

namespace edgeward::controller {

/// The whole command line: parsing it sets `action`, which has to outlive it.
[[nodiscard]] std::unique_ptr<CLI::App> command_line(Action& action);

}  // namespace edgeward::controller
