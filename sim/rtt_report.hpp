#pragma once

#include <string>

#include "sim/rtt_evaluation.hpp"
#include "sim/rtt_pairs.hpp"

namespace edgeward::sim {

/// The evaluation as JSON: names are stable, more may be added. Times are ms, ratios 0..1.
[[nodiscard]] std::string rtt_evaluation_json(const RttPairs& pairs,
                                              const RttEvaluation& evaluation);

/// The same for people.
[[nodiscard]] std::string rtt_evaluation_table(const RttEvaluation& evaluation);

}  // namespace edgeward::sim
