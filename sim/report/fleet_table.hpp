#pragma once

#include <string>
#include <vector>

#include "sim/report/report.hpp"
#include "sim/report/writers.hpp"

namespace edgeward::sim {

/// The rows of one capacity of a fleet replay, for people: a row a run, then a row an edge with
/// what each routing sent it, then who got the requests of edges that were failed.
[[nodiscard]] std::string fleet_table(const Report& report,
                                      const std::vector<const ReportedRun*>& rows,
                                      const TableStyle& style);

}  // namespace edgeward::sim
