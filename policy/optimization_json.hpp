#pragma once

#include <boost/json/fwd.hpp>

#include "policy/optimization.hpp"

namespace edgeward::policy {

/// What optimizing brought, as this project spells it. Ratios have nine digits; improvements and
/// effects are differences of ratios; what is not known is null.
///
///     {"edges":[{"edge":"fra1","strategy":"aggressive_prefetch","applied":true,
///                "baseline_requests":N,"baseline_hit_ratio":X,"requests":N,
///                "optimized_hit_ratio":X,"improvement":X,"predicted":ESTIMATE}],
///      "edges_optimized":N,"average_improvement":X,"average_improvement_weighted":X,
///      "canary":{"edges":N,"rest":N,"effect":X,"low":X,"high":X,"basis":"edges",
///                "verdict":"roll_back"}}
[[nodiscard]] boost::json::object optimization_json(const Optimization& optimization);

}  // namespace edgeward::policy
