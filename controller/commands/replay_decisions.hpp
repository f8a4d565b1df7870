#pragma once

#include "controller/commands/replay_options.hpp"

namespace edgeward::controller {

/// `replay --snapshots`: makes the decisions of a decision log again, with the snapshots they were
/// made with, or, with --fleet, by that file's routing options. Returns the exit code: 1 if one
/// came out otherwise without --fleet; throws for a snapshot that is missing or damaged.
[[nodiscard]] int replay_decisions(const ReplayCommand& command);

}  // namespace edgeward::controller
