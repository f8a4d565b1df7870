#include "cache/store/edge_values.hpp"

#include <xxhash.h>

#include <array>

namespace edgeward::cache {

std::string_view name(PlanStatus status) {
  return status == PlanStatus::complete ? "complete" : "writing";
}

std::uint64_t digest_of(const Holding& holding) {
  const std::array<std::uint64_t, 2> words{static_cast<std::uint64_t>(holding.content),
                                           holding.size_bytes};
  return XXH3_64bits(words.data(), sizeof words);
}

PlanSummary summary_of(const Plan& plan) {
  PlanSummary summary{.id = plan.id,
                      .epoch = plan.epoch,
                      .valid_until_ms = plan.valid_until_ms,
                      .actions = plan.actions.size()};
  for (const Action& action : plan.actions) {
    if (action.kind == ActionKind::prefetch) summary.prefetch_bytes += action.size_bytes;
  }
  return summary;
}

}  // namespace edgeward::cache
