#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controller/planning/plan_report.hpp"
#include "controller/service/process_usage.hpp"
#include "controller/service/publisher.hpp"
#include "controller/service/served_catalog.hpp"

namespace edgeward::controller {

/// What the publisher does not know.
struct MetricsMoment {
  std::int64_t now_ms = 0;
  bool is_ready = false;  ///< what /readyz says
  ProcessUsage process;
  const PlanStatus* plans = nullptr;  ///< null where edges are not followed
  std::optional<ServedCatalog::Counts> catalog{};
};

/// Everything that is counted and measured, in Prometheus' text format (version 0.0.4). Counts are
/// those of the last tick. Label values are bounded: names of edges and databases by the
/// configuration, of services by kServicesCounted, the others by enums.
[[nodiscard]] std::string metrics_text(const Publisher& publisher, const MetricsMoment& moment);

}  // namespace edgeward::controller
