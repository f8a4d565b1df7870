#include "sim/replay/shadow_caches.hpp"

#include "sim/replay/edge_cache.hpp"

namespace edgeward::sim {

using policy::PlanBudget;

ObjectSample::ObjectSample(std::span<const std::uint64_t> sizes_bytes, std::size_t objects_max) {
  unsigned halvings = 0;
  while (sizes_bytes.size() >> halvings > objects_max) ++halvings;
  numbers_.assign(sizes_bytes.size(), cache::kNoObject);
  for (std::size_t object = 0; object < sizes_bytes.size(); ++object) {
    const std::uint64_t mixed = object * std::uint64_t{0x9E37'79B9'7F4A'7C15};
    if (halvings > 0 && mixed >> (64 - halvings) != 0) continue;
    numbers_[object] = static_cast<cache::ObjectIndex>(sizes_bytes_.size());
    sizes_bytes_.push_back(sizes_bytes[object]);
  }
  ratio_ = 1.0 / static_cast<double>(std::uint64_t{1} << halvings);
}

ShadowCaches::ShadowCaches(const RunSpec& spec, std::uint64_t capacity_bytes, std::uint64_t seed,
                           const ObjectSample& sample)
    : sample_(sample), candidate_in_(sample.sizes_bytes().size()) {
  const double scaled = static_cast<double>(capacity_bytes) * sample.ratio();
  for (auto& cache : caches_) {
    cache = make_planned_cache(spec, {.sizes_bytes = sample.sizes_bytes(),
                                      .capacity_bytes = static_cast<std::uint64_t>(scaled),
                                      .seed = seed,
                                      .is_one_of_many = true});
  }
}

void ShadowCaches::replay(std::span<const cache::ObjectIndex> accesses,
                          std::span<const std::uint8_t> answered) {
  accesses_.clear();
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    const cache::ObjectIndex object = sample_[accesses[i]];
    if (object == cache::kNoObject) continue;
    const std::uint64_t size_bytes = sample_.sizes_bytes()[object];
    accesses_.push_back(object);
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
      outcome.hit_bytes += flags_[i] * sample_.sizes_bytes()[accesses_[i]];
    }
  }
}

void ShadowCaches::plan(std::span<const policy::PlanCandidate> candidates,
                        const policy::PlanLimits& limits) {
  sampled_.clear();
  ++plans_;
  for (const policy::PlanCandidate& candidate : candidates) {
    const auto object = static_cast<cache::ObjectIndex>(candidate.content);
    if (sample_[object] == cache::kNoObject) continue;
    sampled_.push_back(candidate);
    candidate_in_[sample_[object]] = plans_;
  }
  for (std::size_t level = 1; level < PlanBudget::kLevels; ++level) {
    cache::PlannedCache& cache = *caches_[level];
    evict_others(cache);
    for (policy::PlanCandidate& candidate : sampled_) {
      const auto object = sample_[static_cast<cache::ObjectIndex>(candidate.content)];
      candidate.is_held = cache.contains(object);
      candidate.is_kept = cache.keeps(object);
    }
    policy::PlanLimits scaled = limits;
    scaled.budget_bytes = static_cast<std::uint64_t>(PlanBudget::kShares[level] *
                                                     static_cast<double>(cache.capacity_bytes()));
    scaled.fill_bytes =
        static_cast<std::uint64_t>(static_cast<double>(limits.fill_bytes) * sample_.ratio());
    const policy::PlanSelection selection = policy::select(sampled_, scaled);
    const auto object_of = [&](std::uint32_t position) {
      return sample_[static_cast<cache::ObjectIndex>(sampled_[position].content)];
    };
    for (const std::uint32_t position : selection.evict) cache.evict(object_of(position));
    for (const auto* part : {&selection.keep, &selection.prefetch}) {
      for (const std::uint32_t position : *part) (void)cache.keep(object_of(position));
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

}  // namespace edgeward::sim
