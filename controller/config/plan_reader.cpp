#include "controller/config/plan_reader.hpp"

#include <array>
#include <cstdint>

namespace edgeward::controller {

namespace {

constexpr std::array kPlanModes{PlanMode::none, PlanMode::independent, PlanMode::cooperative};
constexpr std::array kPlanObjectives{policy::PlanObjective::requests, policy::PlanObjective::bytes,
                                     policy::PlanObjective::milliseconds};
constexpr std::int64_t kWeekMs = 604'800'000;
constexpr std::int64_t kYearMs = 365 * std::int64_t{86'400'000};

void read_contents(YamlMap& map, std::string_view key, std::size_t& contents) {
  auto value = static_cast<unsigned>(contents);
  if (map.count(key, value, 1000, 100'000'000)) contents = value;
}

}  // namespace

void read_strategy(const YamlNode& node, policy::StrategyOptions& options, Faults& faults) {
  YamlMap map(node, "plan.strategy", faults);
  const auto count = [&](std::string_view key, std::uint64_t& value) {
    auto number = static_cast<unsigned>(value);
    if (map.count(key, number, 1, 1'000'000'000)) value = number;
  };
  count("requests_min", options.requests_min);
  map.number("hit_ratio_min", options.hit_ratio_min, {0, 1});
  map.size("free_min", options.free_bytes_min);
  map.size("growth_max", options.growth_bytes_max);
  count("misses_min", options.misses_min);
  map.number("probability_min", options.probability_min, {0, 1});
  map.number("fetch_requests_min", options.fetch_requests_min, {1, 1e9});
  std::int64_t idle_ms = 0;
  if (map.duration("idle_min", idle_ms, 1000, kYearMs)) {
    options.idle_s_min = static_cast<double>(idle_ms) / 1000;
  }
  map.size("block", options.block_bytes);
  double ratio = 0;
  if (map.number("compressed_ratio", ratio, {0, 1})) options.compressed_ratio = ratio;
  map.finish();
}

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
  if (const YamlNode* const strategy = map.find("strategy")) {
    read_strategy(*strategy, options.strategy, faults);
  }
  map.finish();
}

}  // namespace edgeward::controller
