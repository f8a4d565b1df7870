#pragma once

#include <string>
#include <string_view>

#include "controller/planning/plan_report.hpp"

namespace edgeward::controller {

/// The answer to `GET /v1/plans`; of one edge, with its actions and calibration, where it is named.
[[nodiscard]] std::string plans_json(const PlanStatus& status, std::string_view edge = {});

}  // namespace edgeward::controller
