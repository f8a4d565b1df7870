#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cache/edge.hpp"
#include "cache/plan.hpp"
#include "sim/replay/edge_cache.hpp"
#include "sim/replay/fleet_counts.hpp"
#include "sim/replay/fleet_model.hpp"
#include "sim/replay/holders.hpp"
#include "sim/replay/recent_ratio.hpp"
#include "sim/replay/replay.hpp"
#include "sim/replay/steering.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// The caches of all edges, and how they fill from each other. For each tick: replay() once, then
/// settle() or pass() for its requests in the trace's order, then close().
///
/// Memory: what the policy needs for each object of the trace, at every edge; lru only for what an
/// edge holds.
class FleetCaches {
 public:
  /// What an edge is asked in one tick.
  struct Asked {
    /// In order; a parent's come while requests are settled, and only where plans are made.
    std::vector<cache::ObjectIndex> accesses;
    std::vector<std::uint8_t> flags;         ///< what its policy said of them
    std::vector<std::uint8_t> parent_flags;  ///< the same of a parent's
    std::size_t next = 0;                    ///< which of them is settled next
    std::uint64_t requests = 0;              ///< of clients
    std::uint64_t served = 0;                ///< requests, and fetches of children and peers
    std::uint64_t served_bytes = 0;
    std::uint64_t fetches = 0;     ///< of children, for what may be cached
    std::uint64_t fetch_hits = 0;  ///< of these

    void note(cache::ObjectIndex object, bool flag) {
      accesses.push_back(object);
      parent_flags.push_back(flag ? 1 : 0);
    }
  };

  /// `keeps_holders`: whether holders() is wanted.
  FleetCaches(const Trace& trace, const RunSpec& spec, const ReplayOptions& options,
              bool keeps_holders);

  /// Holders::mark.
  bool mark(cache::ObjectIndex object, std::uint64_t stamp) { return holders_.mark(object, stamp); }
  /// Makes the rows of these objects true.
  void refresh_holders(std::span<const cache::ObjectIndex> objects);
  [[nodiscard]] const Holders& holders() const { return holders_; }

  /// Lets the policies of all edges but parents replay what the tick asks of them. Parents are
  /// asked one by one while settling, since their children's fetches come between. `states` says
  /// which edges are down, until the next call.
  void replay(std::span<const RoutedRequest> requests, std::span<const cache::EdgeState> states);

  // Each counts a request that an edge got, but for the edge's requests and bytes, and says how
  // long it waits for what the edge does not hold: for the slowest of its accesses.
  [[nodiscard]] std::int64_t settle(const RoutedRequest& request, HitCounts& cell,
                                    std::vector<EdgeCounts>& edges);
  /// Of what may not be cached: through parents, from the origin.
  [[nodiscard]] std::int64_t pass(const RoutedRequest& request, HitCounts& cell,
                                  std::vector<EdgeCounts>& edges);
  void close();

  /// Has an edge carry out one action of a plan, of an object (its number is the content). False
  /// if there is no room for it. `time` in the trace's units. Bytes fetched count as those of a
  /// miss do.
  bool carry_out(cache::EdgeId edge, const cache::Action& action, std::uint32_t time,
                 HitCounts& cell, std::vector<EdgeCounts>& edges);

  /// Plans are over at that edge: it goes on with its own eviction.
  void end_plans(std::size_t edge) { caches_[edge].release_all(); }

  [[nodiscard]] const Asked& asked(std::size_t edge) const { return asked_[edge]; }
  /// What its cache said of each of asked(edge).accesses, when all are settled.
  [[nodiscard]] std::span<const std::uint8_t> answered(std::size_t edge) const {
    const Asked& asked = asked_[edge];
    const bool is_parent = model_.is_parent(static_cast<cache::EdgeId>(edge));
    return std::span(is_parent ? asked.parent_flags : asked.flags).first(asked.accesses.size());
  }
  [[nodiscard]] const cache::PlannedCache& cache(std::size_t edge) const {
    return caches_[edge].cache();
  }
  [[nodiscard]] double fetch_hit_ratio(std::size_t edge) const { return fetch_hits_[edge].ratio(); }
  [[nodiscard]] std::uint64_t evictions(std::size_t edge) const {
    return caches_[edge].cache().policy().evictions();
  }
  [[nodiscard]] std::uint64_t hits() const { return hits_; }
  /// EvictionPolicy::check_invariants of all.
  void check_invariants() const;

 private:
  struct Fill {
    std::int64_t us = 0;
    std::uint64_t origin_bytes = 0;
    std::uint64_t peer_bytes = 0;
  };

  [[nodiscard]] Fill fill(cache::EdgeId edge, const EdgeCache::Access& access,
                          std::vector<EdgeCounts>& edges);
  [[nodiscard]] Fill fill_from_parent(cache::EdgeId edge, cache::EdgeId parent,
                                      const EdgeCache::Access& access,
                                      std::vector<EdgeCounts>& edges);
  [[nodiscard]] bool is_down(cache::EdgeId edge) const {
    return states_[cache::index(edge)].mode != cache::EdgeMode::ready;
  }

  const Trace& trace_;
  const FleetModel& model_;
  const cache::Fleet& fleet_;
  std::vector<EdgeCache> caches_;
  std::vector<Asked> asked_;
  std::vector<RecentRatio> fetch_hits_;
  std::span<const cache::EdgeState> states_;
  bool keeps_holders_;
  bool has_plans_;
  Holders holders_;
  /// Objects that an edge missed in this tick and may hold from the next on.
  std::vector<std::pair<cache::ObjectIndex, cache::EdgeId>> inserted_;
  std::uint64_t hits_ = 0;
};

}  // namespace edgeward::sim
