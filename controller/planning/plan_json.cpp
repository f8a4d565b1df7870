#include "controller/planning/plan_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "policy/json.hpp"

namespace edgeward::controller {

namespace json = boost::json;

namespace {

json::value in_seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

json::object sum_json(const ActionSum& sum) {
  return {{"contents", sum.contents}, {"bytes", sum.bytes}};
}

json::value calibration_json(const Calibration& one) {
  return json::object{{"at", in_seconds(one.at_ms)},
                      {"predicted", one.predicted},
                      {"realised", one.realised ? json::value(*one.realised) : json::value()},
                      {"requests", one.requests}};
}

json::object action_json(const ToldAction& told) {
  return {{"kind", cache::name(told.action.kind)},
          {"content", cache::to_hex(told.action.content)},
          {"key", told.action.key},
          {"size_bytes", told.action.size_bytes},
          {"gain", told.action.gain},
          {"expected_requests", told.requests}};
}

json::object report_json(const EdgePlanReport& report) {
  json::array foremost;
  for (const ToldAction& told : report.foremost) foremost.push_back(action_json(told));
  return {{"edge", report.edge},
          {"plan", cache::to_hex(cache::ContentId{report.plan})},
          {"valid_until", in_seconds(report.valid_until_ms)},
          {"capacity_bytes", report.capacity_bytes},
          {"share", report.share},
          {"budget_bytes", report.budget_bytes},
          {"fill_bytes", report.fill_bytes},
          {"evict", sum_json(report.evict)},
          {"keep", sum_json(report.keep)},
          {"prefetch", sum_json(report.prefetch)},
          {"omitted_actions", report.omitted},
          {"expected_requests", report.expected_requests},
          {"hit_ratio_before", report.hit_ratio_before},
          {"hit_ratio_after", report.hit_ratio_after},
          {"foremost_actions", std::move(foremost)}};
}

json::value run_json(const std::optional<PlanRun>& run, std::string_view edge) {
  if (!run) return nullptr;
  json::array edges;
  for (const EdgePlanReport& report : run->edges) {
    if (edge.empty() || report.edge == edge) edges.push_back(report_json(report));
  }
  return json::object{{"run", run->run},
                      {"dry_run", run->is_dry},
                      {"at", in_seconds(run->at_ms)},
                      {"duration_ms", run->duration_ms},
                      {"edges", std::move(edges)}};
}

json::value plan_json(const EdgeProgress& edge) {
  if (!edge.plan) return nullptr;
  return json::object{{"plan", cache::to_hex(cache::ContentId{edge.plan->id})},
                      {"epoch", edge.plan->epoch},
                      {"valid_until", in_seconds(edge.plan->valid_until_ms)},
                      {"status", cache::name(edge.plan->status)},
                      {"actions", edge.plan->actions},
                      {"prefetch_bytes", edge.plan->prefetch_bytes},
                      {"done", edge.plan->done},
                      {"failed", edge.plan->failed}};
}

json::object progress_json(const EdgeProgress& edge, bool has_history) {
  json::object result{{"edge", edge.edge},
                      {"reachable", edge.is_reachable},
                      {"error", edge.error.empty() ? json::value() : json::value(edge.error)},
                      {"requests", edge.requests},
                      {"lag_seconds", edge.lag_ms ? in_seconds(*edge.lag_ms) : json::value()},
                      {"lost_entries", edge.lost_entries},
                      {"bad_entries", edge.bad_entries},
                      {"held_objects", edge.held_objects},
                      {"held_bytes", edge.held_bytes},
                      {"share", edge.share},
                      {"published", edge.is_published},
                      {"plan", plan_json(edge)}};
  json::array calibration;
  for (const Calibration& one : edge.calibration) calibration.push_back(calibration_json(one));
  if (has_history) {
    result["calibration"] = std::move(calibration);
  } else {
    // The last of which it is known what came.
    const auto known =
        std::find_if(edge.calibration.rbegin(), edge.calibration.rend(),
                     [](const Calibration& one) { return one.realised.has_value(); });
    result["calibration"] =
        known == edge.calibration.rend() ? json::value() : calibration_json(*known);
  }
  return result;
}

}  // namespace

std::string plans_json(const PlanStatus& status, std::string_view edge) {
  json::array edges;
  for (const EdgeProgress& progress : status.edges) {
    if (edge.empty() || progress.edge == edge) {
      edges.push_back(progress_json(progress, !edge.empty()));
    }
  }
  return policy::json_text(json::object{{"mode", name(status.mode)},
                                        {"controller", status.controller},
                                        {"leader", status.is_leader},
                                        {"epoch", status.epoch},
                                        {"next_at", in_seconds(status.next_at_ms)},
                                        {"edges", std::move(edges)},
                                        {"last_run", run_json(status.last, edge)},
                                        {"last_dry_run", run_json(status.last_dry, edge)}});
}

}  // namespace edgeward::controller
