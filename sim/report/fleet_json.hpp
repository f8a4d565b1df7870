#pragma once

#include <boost/json/object.hpp>

#include "sim/report/report.hpp"

namespace edgeward::sim {

/// Adds to a run's JSON what a fleet run has beside: `unrouted`, `overload_requests`,
/// `distance_km`, `reasons`, `latency_ms`, `edges` and, where edges were failed, `failures`.
/// Included by writers alone, which may see Boost.
void add_fleet_json(const ReportedRun& run, const Report& report, boost::json::object& result);

}  // namespace edgeward::sim
