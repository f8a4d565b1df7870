#include "policy/shadow_caches.hpp"

namespace edgeward::policy {

ShadowCaches::ShadowCaches(const Factory& make, std::uint64_t capacity_bytes, std::uint64_t seed,
                           const ShadowSample& sample)
    : sample_(sample), candidate_in_(sample.sizes_bytes.size()) {
  const double scaled = static_cast<double>(capacity_bytes) * sample.ratio;
  for (auto& cache : caches_) {
    cache = make({.sizes_bytes = sample.sizes_bytes,
                  .capacity_bytes = static_cast<std::uint64_t>(scaled),
                  .seed = seed,
                  .is_one_of_many = true});
  }
}

void ShadowCaches::replay(std::span<const cache::ObjectIndex> numbers,
                          std::span<const std::uint8_t> answered) {
  accesses_.clear();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == cache::kNoObject) continue;
    const std::uint64_t size_bytes = sample_.sizes_bytes[numbers[i]];
    accesses_.push_back(numbers[i]);
    interval_.bytes += size_bytes;
    interval_.realised.hits += answered[i];
    interval_.realised.hit_bytes += answered[i] * size_bytes;
  }
  if (accesses_.empty()) return;
  interval_.requests += accesses_.size();
  flags_.resize(accesses_.size());
  for (std::size_t level = 0; level < PlanBudget::kLevels; ++level) {
    caches_[level]->replay(accesses_, flags_.data());
    PlanBudget::Outcome& outcome = interval_.outcomes[level];
    for (std::size_t i = 0; i < accesses_.size(); ++i) {
      outcome.hits += flags_[i];
      outcome.hit_bytes += flags_[i] * sample_.sizes_bytes[accesses_[i]];
    }
  }
}

void ShadowCaches::plan(std::span<const PlanCandidate> candidates,
                        std::span<const cache::ObjectIndex> numbers, const PlanLimits& limits) {
  sampled_.clear();
  sampled_numbers_.clear();
  ++plans_;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (numbers[i] == cache::kNoObject) continue;
    sampled_.push_back(candidates[i]);
    sampled_numbers_.push_back(numbers[i]);
    candidate_in_[numbers[i]] = plans_;
  }
  for (std::size_t level = 1; level < PlanBudget::kLevels; ++level) {
    cache::PlannedCache& cache = *caches_[level];
    evict_others(cache);
    for (std::size_t i = 0; i < sampled_.size(); ++i) {
      sampled_[i].is_held = cache.contains(sampled_numbers_[i]);
      sampled_[i].is_kept = cache.keeps(sampled_numbers_[i]);
    }
    PlanLimits scaled = limits;
    scaled.budget_bytes = static_cast<std::uint64_t>(PlanBudget::kShares[level] *
                                                     static_cast<double>(cache.capacity_bytes()));
    scaled.fill_bytes =
        static_cast<std::uint64_t>(static_cast<double>(limits.fill_bytes) * sample_.ratio);
    const PlanSelection selection = select(sampled_, scaled);
    for (const std::uint32_t i : selection.evict) cache.evict(sampled_numbers_[i]);
    for (const auto* part : {&selection.keep, &selection.prefetch}) {
      for (const std::uint32_t i : *part) (void)cache.keep(sampled_numbers_[i]);
    }
  }
}

/// What is no candidate any more is not worth keeping.
void ShadowCaches::evict_others(cache::PlannedCache& cache) {
  gone_.clear();
  for (const cache::ObjectIndex object : cache.kept()) {
    if (candidate_in_[object] != plans_) gone_.push_back(object);
  }
  for (const cache::ObjectIndex object : gone_) cache.evict(object);
}

PlanBudget::Interval ShadowCaches::take() {
  PlanBudget::Interval taken = interval_;
  for (std::size_t level = 0; level < PlanBudget::kLevels; ++level) {
    const std::uint64_t bytes = caches_[level]->prefetched().bytes;
    taken.outcomes[level].prefetched_bytes = bytes - prefetched_bytes_[level];
    prefetched_bytes_[level] = bytes;
  }
  interval_ = {};
  return taken;
}

}  // namespace edgeward::policy
