#include "sim/replay/edge_cache.hpp"

#include <limits>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"

namespace edgeward::sim {

std::unique_ptr<cache::PlannedCache> make_planned_cache(const RunSpec& spec,
                                                        const cache::CacheSpec& cache_spec) {
  return std::make_unique<cache::PlannedCache>(cache::make_policy(spec.policy, cache_spec),
                                               cache::make_admission(spec.admission, cache_spec),
                                               cache_spec.sizes_bytes);
}

EdgeCache::EdgeCache(const Trace& trace, const RunSpec& spec, std::uint64_t capacity_bytes,
                     const Freshness& freshness, std::uint64_t seed)
    : trace_(trace),
      freshness_(freshness),
      cache_(make_planned_cache(spec, {.sizes_bytes = trace.sizes_bytes,
                                       .capacity_bytes = capacity_bytes,
                                       .seed = seed,
                                       .is_one_of_many = true})) {
  if (freshness.source != Freshness::Source::none) fresh_until_.resize(trace.sizes_bytes.size());
}

EdgeCache::Outcome EdgeCache::settle(const Access& access, bool flag) {
  using Kind = Outcome::Kind;
  if (const auto ready_us = in_flight_.ready_us(access.object, access.now_us)) {
    return {.kind = Kind::delayed, .wait_us = *ready_us - access.now_us};
  }
  if (fresh_until_.empty()) return {.kind = flag ? Kind::hit : Kind::miss};
  if (flag && access.time < fresh_until_[access.object]) return {.kind = Kind::hit};
  make_fresh(access);
  return {.kind = flag ? Kind::expired : Kind::miss};
}

cache::PlannedCache::Kept EdgeCache::keep(const Access& access) {
  const auto kept = cache_->keep(access.object);
  const bool is_fetched = kept == cache::PlannedCache::Kept::fetched;
  if (is_fetched && freshness_.source == Freshness::Source::fixed) make_fresh(access);
  return kept;
}

void EdgeCache::make_fresh(const Access& access) {
  std::int64_t ttl_ms = freshness_.ttl_ms;
  if (freshness_.source == Freshness::Source::log) {
    const std::uint32_t ttl_s = trace_.ttl_s.view()[access.position];
    if (ttl_s == Trace::kNoTtl) {
      fresh_until_[access.object] = std::numeric_limits<std::int64_t>::max();
      return;
    }
    ttl_ms = std::int64_t{ttl_s} * 1000;
  }
  fresh_until_[access.object] = access.time + ttl_ms / trace_.time_unit_ms;
}

}  // namespace edgeward::sim
