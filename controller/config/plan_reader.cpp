#include "controller/config/plan_reader.hpp"

#include <array>
#include <cstdint>

namespace edgeward::controller {

namespace {

constexpr std::array kPlanModes{PlanMode::none, PlanMode::independent, PlanMode::cooperative};
constexpr std::array kPlanObjectives{policy::PlanObjective::requests, policy::PlanObjective::bytes,
                                     policy::PlanObjective::milliseconds};
constexpr std::int64_t kWeekMs = 604'800'000;

void read_contents(YamlMap& map, std::string_view key, std::size_t& contents) {
  auto value = static_cast<unsigned>(contents);
  if (map.count(key, value, 1000, 100'000'000)) contents = value;
}

}  // namespace

void read_plan(const YamlNode& node, PlanningOptions& options, Faults& faults) {
  YamlMap map(node, "plan", faults);
  policy::PlannerOptions& planner = options.planner;
  map.choice("mode", options.mode, std::span<const PlanMode>(kPlanModes));
  map.duration("interval", planner.interval_ms, 1000, kWeekMs);
  map.duration("horizon", planner.horizon_ms, 60'000, 4 * kWeekMs);
  map.choice("objective", planner.objective,
             std::span<const policy::PlanObjective>(kPlanObjectives));
  auto hours = static_cast<unsigned>(planner.off_peak_hours);
  if (map.count("off_peak_hours", hours, 0, 24)) planner.off_peak_hours = static_cast<int>(hours);
  map.number("fill_ratio", planner.fill_ratio, {0, 1});
  double share = 0;
  if (map.find("share") != nullptr && map.number("share", share, {0, 0.95})) planner.share = share;
  read_contents(map, "tracked_contents", planner.demand.tracked_contents);
  read_contents(map, "fleet_contents", planner.fleet_contents);
  read_contents(map, "sampled_contents", options.sampled_contents);
  map.duration("lease", options.lease_ms, 1000, kWeekMs);
  map.text("controller", options.controller);
  map.finish();
}

}  // namespace edgeward::controller
