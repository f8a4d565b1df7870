#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cache/planned_cache.hpp"
#include "policy/plan_budget.hpp"

namespace edgeward::policy {

/// Objects that shadow caches see, under dense numbers of their own: what part of all there are,
/// and their sizes by number.
struct ShadowSample {
  std::span<const std::uint64_t> sizes_bytes;
  double ratio = 1;
};

/// An edge's shadow caches, one for each share that plans may have of its capacity: the edge's
/// policy, a capacity as much smaller as the sample is, plans made as the edge's own are.
class ShadowCaches {
 public:
  /// One such cache: the edge's policy on this spec.
  using Factory = std::function<std::unique_ptr<cache::PlannedCache>(const cache::CacheSpec&)>;

  ShadowCaches(const Factory& make, std::uint64_t capacity_bytes, std::uint64_t seed,
               const ShadowSample& sample);

  /// Requests of the edge, in order, by number in the sample (kNoObject: not in it), and what its
  /// own cache said of each.
  void replay(std::span<const cache::ObjectIndex> numbers, std::span<const std::uint8_t> answered);

  /// Where `candidates` stand for what the edge could keep, `numbers` for which of them are in the
  /// sample: plans for each share, carried out at once. `limits` are those of the whole edge.
  void plan(std::span<const PlanCandidate> candidates, std::span<const cache::ObjectIndex> numbers,
            const PlanLimits& limits);

  /// What they did since the last call.
  [[nodiscard]] PlanBudget::Interval take();

 private:
  void evict_others(cache::PlannedCache& cache);

  ShadowSample sample_;
  std::array<std::unique_ptr<cache::PlannedCache>, PlanBudget::kLevels> caches_;
  std::array<std::uint64_t, PlanBudget::kLevels> prefetched_bytes_{};  ///< at the last take
  PlanBudget::Interval interval_;
  std::vector<cache::ObjectIndex> accesses_;
  std::vector<std::uint8_t> flags_;
  std::vector<PlanCandidate> sampled_;
  std::vector<cache::ObjectIndex> sampled_numbers_;
  std::uint32_t plans_ = 0;
  std::vector<std::uint32_t> candidate_in_;  ///< by number: the last such plan
  std::vector<cache::ObjectIndex> gone_;
};

}  // namespace edgeward::policy
