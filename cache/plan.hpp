#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/ids.hpp"

namespace edgeward::cache {

enum class ActionKind : std::uint8_t {
  evict,
  prefetch,
};
[[nodiscard]] std::string_view name(ActionKind kind);

/// One step of a plan.
struct Action {
  ActionKind kind = ActionKind::evict;
  ContentId content{};
  std::string key;  ///< canonical; what to ask the origin for
  std::uint64_t size_bytes = 0;
  double gain = 0;  ///< expected saving over the horizon, in units of the plan's objective

  bool operator==(const Action&) const = default;
};

/// What one edge should fetch and drop, in this order, so that it holds what it will be asked for.
///
/// Never over the capacity at any prefix: what makes room stands before what needs it. A plan is
/// a prediction with an end: past `valid_until_ms` nobody acts on it.
struct Plan {
  std::uint64_t id = 0;  ///< id_of() the rest
  EdgeId edge = kNoEdge;
  std::uint64_t epoch = 0;  ///< fencing token: plans of an earlier one are refused
  std::int64_t valid_until_ms = 0;
  std::vector<Action> actions;

  bool operator==(const Plan&) const = default;
};

/// A hash of what a plan asks for (edge, end, actions; not its epoch): the same plan twice has the
/// same id, so that publishing or applying it again does nothing. `edge` by name, since numbers
/// change with the fleet.
[[nodiscard]] std::uint64_t id_of(const Plan& plan, std::string_view edge_name);

}  // namespace edgeward::cache
