#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/planner_options.hpp"
#include "policy/strategy.hpp"

namespace edgeward::controller {

/// Whether plans are made, and how edges are taken in them.
enum class PlanMode : std::uint8_t {
  none,         ///< edges go on with their own eviction
  independent,  ///< each edge alone
  cooperative,  ///< with what others hold in mind
};
[[nodiscard]] std::string_view name(PlanMode mode);
[[nodiscard]] std::optional<PlanMode> parse_plan_mode(std::string_view text);

/// Everything that the operator may set about plans: the key `plan`.
struct PlanningOptions {
  PlanMode mode = PlanMode::independent;
  policy::PlannerOptions planner;
  policy::StrategyOptions strategy;
  std::int64_t lease_ms = 15'000;  ///< a planner that is silent for so long is replaced
  /// Who this controller is, for others; empty: the machine's name and the admin port.
  std::string controller;
  /// Contents of all edges together that shadow caches see.
  std::size_t sampled_contents = 65'536;

  bool operator==(const PlanningOptions&) const = default;
};

}  // namespace edgeward::controller
