#include "controller/service/plan_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "controller/config/fault.hpp"
#include "controller/planning/plan_json.hpp"
#include "controller/service/parameters.hpp"
#include "controller/service/problem.hpp"
#include "policy/json.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

OptimizeRequest optimize_request(const Parameters& parameters) {
  constexpr std::uint64_t kHourS = 3600;
  constexpr std::uint64_t kDayS = 86'400;
  constexpr std::uint64_t kPercent = 100;
  OptimizeRequest request;
  if (!parameters.text("measure_after_s").empty()) {
    const std::uint64_t seconds = parameters.count("measure_after_s");
    if (seconds < kHourS || seconds > kDayS) {
      refuse(400, fmt::format("measure_after_s: expected from {} to {}", kHourS, kDayS));
    }
    request.measure_after_ms = static_cast<std::int64_t>(seconds) * 1000;
  }
  if (!parameters.text("canary_percent").empty()) {
    const std::uint64_t percent = parameters.count("canary_percent");
    if (percent < 1 || percent >= kPercent) refuse(400, "canary_percent: expected from 1 to 99");
    request.canary = static_cast<double>(percent) / kPercent;
  }
  return request;
}

}  // namespace

Planning& PlanAnswers::planning() const {
  if (planning_ != nullptr) return *planning_;
  refuse(
      503,
      "no plans are made here: set redis.follow, so that edges are followed through their Redis");
}

std::shared_ptr<const PlanStatus> PlanAnswers::status() const {
  return planning_ == nullptr ? nullptr : planning_->status();
}

std::string PlanAnswers::list(std::string_view edge) const {
  const auto status = planning().status();
  const auto has_name = [&](const EdgeProgress& progress) { return progress.edge == edge; };
  if (!edge.empty() && std::none_of(status->edges.begin(), status->edges.end(), has_name)) {
    refuse(404, fmt::format("no edge is named {}", quote(edge)));
  }
  return plans_json(*status, edge);
}

std::string PlanAnswers::run(bool is_dry) const {
  Planning& planning = this->planning();
  const auto status = planning.status();
  if (!is_dry && !status->is_leader) {
    refuse(409, status->mode == PlanMode::none
                    ? "plan.mode is none: nothing is published; ask with dry_run=1"
                    : "another controller plans, or Redis is away: ask it, or with dry_run=1");
  }
  return policy::json_text(json::object{{"run", planning.run(is_dry)}, {"dry_run", is_dry}});
}

std::string PlanAnswers::optimizing() const {
  const auto run = planning().optimizing();
  if (run == nullptr) refuse(404, "nothing was optimized since the service was started");
  return optimizing_json(*run);
}

std::string PlanAnswers::optimize(const Parameters& parameters) const {
  const OptimizeRequest request = optimize_request(parameters);
  Planning& planning = this->planning();
  if (!planning.status()->is_leader) {
    refuse(409, "this controller does not plan: ask the one that does");
  }
  return policy::json_text(json::object{{"run", planning.optimize(request)}});
}

}  // namespace edgeward::controller
