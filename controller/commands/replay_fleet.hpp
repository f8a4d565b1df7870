#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/commands/replay_options.hpp"
#include "sim/progress.hpp"
#include "sim/replay/fleet_model.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::controller {

/// A `--fail EDGE@T+D` as it was typed. T may be an absolute time, which the trace's start turns
/// into one that is relative.
struct FailureChoice {
  std::string text;
  std::string edge;
  std::int64_t at_ms = 0;  ///< since the first request, or the Unix epoch
  bool is_absolute = false;
  std::int64_t duration_ms = 0;

  bool operator==(const FailureChoice&) const = default;
};
/// Throws cache::ParameterError.
[[nodiscard]] FailureChoice parse_failure(std::string_view text);

/// The fleet of a replay. It is read before the log, so that its faults are told at once.
class ReplayFleet {
 public:
  /// Reads the fleet file or configuration and compiles what clients are located with. Throws for
  /// what cannot be read, and for failures of edges that are not there.
  ReplayFleet(const ReplayCommand& command, const ReplaySettings& settings,
              sim::Progress& progress);

  [[nodiscard]] std::shared_ptr<const cache::Fleet> fleet() const { return setup_.fleet; }

  /// Throws cache::ParameterError for a trace that cannot be routed. Says what of it is doubtful.
  [[nodiscard]] std::unique_ptr<sim::FleetModel> model(const sim::Trace& trace,
                                                       sim::Progress& progress) const;

 private:
  sim::FleetSetup setup_;
  std::vector<FailureChoice> failures_;
};

}  // namespace edgeward::controller
