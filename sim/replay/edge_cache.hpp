#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/planned_cache.hpp"
#include "sim/replay/accountant.hpp"
#include "sim/replay/in_flight.hpp"
#include "sim/replay/replay.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// The policy and admission of a run, for plans to share.
[[nodiscard]] std::unique_ptr<cache::PlannedCache> make_planned_cache(
    const RunSpec& spec, const cache::CacheSpec& cache_spec);

/// The cache of one edge in a fleet replay: an eviction policy and what plans keep, what is fresh,
/// what is under way. Policies are told of accesses in order (replay); what a client sees of an
/// access is settled after that (settle), in order too, since it depends on fetches that other
/// edges take part in.
class EdgeCache {
 public:
  EdgeCache(const Trace& trace, const RunSpec& spec, std::uint64_t capacity_bytes,
            const Freshness& freshness, std::uint64_t seed);

  void replay(std::span<const cache::ObjectIndex> accesses, std::uint8_t* flags) {
    cache_->replay(accesses, flags);
  }
  [[nodiscard]] bool replay_one(cache::ObjectIndex object) {
    std::uint8_t flag = 0;
    replay({&object, 1}, &flag);
    return flag != 0;
  }

  void prefetch(std::span<const cache::ObjectIndex> objects) const { cache_->prefetch(objects); }

  struct Access {
    cache::ObjectIndex object = 0;
    std::uint64_t position = 0;  ///< in the stream, for lifetimes that the log states
    std::uint32_t time = 0;      ///< in the trace's units
    std::int64_t now_us = 0;     ///< the same in µs
  };
  struct Outcome {
    enum class Kind : std::uint8_t { hit, delayed, expired, miss };
    Kind kind = Kind::miss;
    std::int64_t wait_us = 0;  ///< of a delayed hit
  };
  /// `flag`: what the policy said of this access. After expired and miss the caller fetches.
  [[nodiscard]] Outcome settle(const Access& access, bool flag);
  /// The fetch for an access takes so long; it starts at once.
  void fetch(const Access& access, std::int64_t fill_us) {
    in_flight_.add(access.object, access.now_us, access.now_us + fill_us);
  }

  /// Has a plan keep an object. What had to be fetched (the caller fetches it, as after a miss) is
  /// fresh for a lifetime that is fixed; where the log states lifetimes, only as long as what was
  /// fetched before would have been, since the log does not say what this one would have got.
  [[nodiscard]] cache::PlannedCache::Kept keep(const Access& access);
  bool evict(cache::ObjectIndex object) { return cache_->evict(object); }
  void release_all() { cache_->release_all(); }

  [[nodiscard]] bool contains(cache::ObjectIndex object) const { return cache_->contains(object); }
  [[nodiscard]] const cache::PlannedCache& cache() const { return *cache_; }

 private:
  void make_fresh(const Access& access);

  const Trace& trace_;
  Freshness freshness_;
  std::unique_ptr<cache::PlannedCache> cache_;
  InFlight in_flight_;
  std::vector<std::int64_t> fresh_until_;  ///< by object, in the trace's units; empty without ttl
};

}  // namespace edgeward::sim
