#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>

#include "policy/strategy.hpp"

namespace edgeward::policy {

/// The canonical key of a content; empty: not known.
using ContentKey = std::function<std::string(cache::ContentId)>;

struct StrategyJsonOptions {
  /// Contents that are listed of an action; `count` and `bytes` are always of all.
  std::size_t contents_max = std::numeric_limits<std::size_t>::max();
  ContentKey key_of;  ///< null: no keys are known
};

/// A strategy as this project spells it. Ratios have nine digits; what is not known is null.
///
///     {"verdict":"aggressive_prefetch","requests":N,"hits":N,"hit_ratio":X,"bytes":N,
///      "hit_bytes":N,"byte_hit_ratio":X,"capacity_bytes":N,"free_bytes":N,
///      "predicted":{"unchanged":ESTIMATE,"changed":ESTIMATE},"thresholds":{…},
///      "actions":[{"number":1,"action":"precache_missed",…,"hit_ratio":ESTIMATE},…]}
///
/// ESTIMATE is null or {"expected":X,"low":X,"high":X}. Actions with contents have `count`,
/// `bytes`, what each kind adds, and `contents`: [{"content":HEX,"key":K,"size_bytes":N,…}].
[[nodiscard]] boost::json::object strategy_json(const Strategy& strategy,
                                                const StrategyJsonOptions& options = {});

/// ESTIMATE, of that.
[[nodiscard]] boost::json::value estimate_json(const std::optional<HitRatioEstimate>& estimate);

}  // namespace edgeward::policy
