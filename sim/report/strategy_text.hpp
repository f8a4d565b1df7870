#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "policy/optimization.hpp"
#include "policy/strategy.hpp"

namespace edgeward::sim {

struct StrategyTextOptions {
  std::size_t contents_max = 5;  ///< that are listed of an action
  /// The canonical key of a content, empty: not known; null: none are known.
  std::function<std::string(cache::ContentId)> key_of;
};

/// An edge's strategy for people: the verdict and why, then what to do, numbered, each with what it
/// should bring. Names and keys may be anybody's: they are escaped.
[[nodiscard]] std::string strategy_text(std::string_view edge, const policy::Strategy& strategy,
                                        const StrategyTextOptions& options = {});

/// What optimizing a fleet brought: a row an edge, the averages, the canary.
[[nodiscard]] std::string optimization_text(const policy::Optimization& optimization);

}  // namespace edgeward::sim
