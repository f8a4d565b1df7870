#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgeward::policy {

/// What plans are to save.
enum class PlanObjective : std::uint8_t { requests, bytes, milliseconds };
[[nodiscard]] std::string_view name(PlanObjective objective);
[[nodiscard]] std::optional<PlanObjective> parse_plan_objective(std::string_view text);

struct ContentDemandOptions {
  std::size_t tracked_contents = 100'000;
  double half_life_s = 86'400;  ///< after so long a request counts half

  bool operator==(const ContentDemandOptions&) const = default;
};

/// How plans are made.
struct PlannerOptions {
  bool is_cooperative = false;           ///< edges together, else each alone
  std::int64_t interval_ms = 3'600'000;  ///< from one plan to the next
  std::int64_t horizon_ms = 86'400'000;  ///< what a plan looks ahead
  PlanObjective objective = PlanObjective::bytes;
  /// Hours of the day, those of the least forecast demand, in which contents are fetched ahead
  /// where an edge has no window of its own; all of them from the first on with 24.
  int off_peak_hours = 8;
  /// Of an edge's bandwidth, what fetching ahead may take.
  double fill_ratio = 0.1;
  ContentDemandOptions demand;  ///< of each edge
  /// Contents of all edges together that are tracked.
  std::size_t fleet_contents = 1'000'000;

  /// Of an edge's capacity, what plans may have; nothing: what they prove to be worth.
  std::optional<double> share;
  /// What plans cost an edge is what they cost its shadow: the hits of a real edge differ from a
  /// simulated one's for many reasons (lifetimes, restarts, requests that came together), which
  /// are no plan's doing.
  bool judges_by_shadows = false;

  bool operator==(const PlannerOptions&) const = default;
};

}  // namespace edgeward::policy
