#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/planned_cache.hpp"
#include "policy/plan_budget.hpp"
#include "sim/replay/replay.hpp"

namespace edgeward::sim {

/// Which of a trace's objects shadow caches see: those whose hash falls into a part of 2^-k, so
/// that whole objects are in or out (SHARDS: Waldspurger, Park, Garthwaite, Ahmad, FAST 2015), and
/// their sizes under dense numbers of their own. Immutable, shared by all edges of a run.
class ObjectSample {
 public:
  /// All objects where there are no more than `objects_max`, else about that many or half.
  ObjectSample(std::span<const std::uint64_t> sizes_bytes, std::size_t objects_max);

  /// The object's number in the sample; kNoObject if it is not in it.
  [[nodiscard]] cache::ObjectIndex operator[](cache::ObjectIndex object) const {
    return numbers_[object];
  }
  [[nodiscard]] std::span<const std::uint64_t> sizes_bytes() const { return sizes_bytes_; }
  /// Of the objects, what part is in the sample.
  [[nodiscard]] double ratio() const { return ratio_; }

 private:
  std::vector<cache::ObjectIndex> numbers_;
  std::vector<std::uint64_t> sizes_bytes_;
  double ratio_ = 1;
};

/// An edge's shadow caches, one for each share that plans may have of its capacity: the same
/// policy, a capacity as much smaller as the sample is, plans made as the edge's own are.
class ShadowCaches {
 public:
  ShadowCaches(const RunSpec& spec, std::uint64_t capacity_bytes, std::uint64_t seed,
               const ObjectSample& sample);

  /// Requests of the edge, in order, and what its own cache said of each.
  void replay(std::span<const cache::ObjectIndex> accesses, std::span<const std::uint8_t> answered);

  /// Where `candidates` (contents are object numbers of the trace) stand for what the edge could
  /// keep: plans for each share, carried out at once. `limits` are those of the whole edge.
  void plan(std::span<const policy::PlanCandidate> candidates, const policy::PlanLimits& limits);

  /// What they did since the last call.
  [[nodiscard]] policy::PlanBudget::Interval take();

 private:
  void evict_others(cache::PlannedCache& cache);

  const ObjectSample& sample_;
  std::array<std::unique_ptr<cache::PlannedCache>, policy::PlanBudget::kLevels> caches_;
  std::array<std::uint64_t, policy::PlanBudget::kLevels> prefetched_bytes_{};  ///< at the last take
  policy::PlanBudget::Interval interval_;
  std::vector<cache::ObjectIndex> accesses_;
  std::vector<std::uint8_t> flags_;
  std::vector<policy::PlanCandidate> sampled_;
  std::uint32_t plans_ = 0;
  std::vector<std::uint32_t> candidate_in_;  ///< by object of the sample: the last such plan
  std::vector<cache::ObjectIndex> gone_;
};

}  // namespace edgeward::sim
