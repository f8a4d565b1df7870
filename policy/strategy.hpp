#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "cache/ids.hpp"
#include "policy/demand_profile.hpp"
#include "policy/edge_window.hpp"

namespace edgeward::policy {

/// What an edge's cache needs, by what it showed over the last 24 h: the first that applies.
enum class StrategyVerdict : std::uint8_t {
  insufficient_data,     ///< too few requests to say
  aggressive_prefetch,   ///< it misses too much
  intelligent_eviction,  ///< it hits, and its disk is nearly full
  maintain_current,
};
[[nodiscard]] std::string_view name(StrategyVerdict verdict);
[[nodiscard]] std::optional<StrategyVerdict> parse_strategy_verdict(std::string_view text);

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// Thresholds; below means strictly below.
struct StrategyOptions {
  std::uint64_t requests_min = 1000;          ///< below: insufficient_data
  double hit_ratio_min = 0.85;                ///< below: aggressive_prefetch
  std::uint64_t free_bytes_min = 100 * kGiB;  ///< below: intelligent_eviction
  std::uint64_t growth_bytes_max = 500 * kGiB;
  std::uint64_t misses_min = 5;   ///< a content missed less often is not cached ahead
  double probability_min = 0.01;  ///< of a request within the horizon; below: evicted
  /// Requests that are expected of what is fetched ahead: the first pays for the fetch itself.
  double fetch_requests_min = 2;
  double idle_s_min = 30 * 86'400;   ///< not asked for in more than that: old
  std::uint64_t block_bytes = 4096;  ///< what the disk gives out; packed files waste no part of one
  /// Compressed size of old contents / their size, where somebody measured it.
  std::optional<double> compressed_ratio;

  bool operator==(const StrategyOptions&) const = default;
};

/// What a hit ratio will be, with the interval where that is known.
struct HitRatioEstimate {
  double expected = 0;
  std::optional<double> low;
  std::optional<double> high;

  bool operator==(const HitRatioEstimate&) const = default;
};

/// What whoever can simulate or model it says of the horizon; nothing: not known.
struct StrategyPredictions {
  std::optional<HitRatioEstimate> unchanged;
  std::optional<HitRatioEstimate> changed;  ///< all that the verdict asks for
  // One action alone.
  std::optional<HitRatioEstimate> precache;
  std::optional<HitRatioEstimate> growth;
  std::optional<HitRatioEstimate> prefetch;
  std::optional<HitRatioEstimate> weighted_eviction;
  std::optional<HitRatioEstimate> evict_unlikely;

  bool operator==(const StrategyPredictions&) const = default;
};

/// A content that an edge holds, or may be asked for.
struct ObservedContent {
  cache::ContentId content{};
  std::uint64_t size_bytes = 0;
  /// Its rate times the horizon; it is asked for at all with probability 1 - e^-that.
  double expected_requests = 0;
  std::optional<double> popularity;  ///< the catalogue's
  std::optional<double> idle_s;      ///< since it was last asked for
  bool is_held = false;
  bool is_pinned = false;  ///< not to be evicted

  bool operator==(const ObservedContent&) const = default;
};

/// What an edge showed over the last 24 h, and what is expected of it. A content at most once in
/// `missed` and once in `contents`.
struct ObservedEdge {
  RequestCounts counts;
  std::uint64_t capacity_bytes = 0;            ///< what the cache may use of the disk
  std::optional<std::uint64_t> storage_bytes;  ///< the disk
  std::optional<std::uint64_t> used_bytes;     ///< of the disk
  std::vector<MissedContent> missed;
  std::vector<ObservedContent> contents;
  std::optional<DemandProfile::Expectation> demand;  ///< requests within the horizon
  std::optional<std::uint64_t> prefetch_bytes;       ///< fetched ahead in these 24 h
  std::optional<std::uint64_t> prefetch_used_bytes;  ///< of these, asked for
  StrategyPredictions predicted;
};

/// One content of an action.
struct StrategyContent {
  cache::ContentId content{};
  std::uint64_t size_bytes = 0;
  double requests = 0;     ///< counted misses, or expected requests
  double saved_bytes = 0;  ///< that the origin need not send
  bool is_held = false;

  bool operator==(const StrategyContent&) const = default;
};

/// Contents of an action, in the order in which they are to be done.
struct StrategyContents {
  std::vector<StrategyContent> list;
  std::uint64_t bytes = 0;  ///< of all in the list
  double requests = 0;
  double saved_bytes = 0;
  // What there would have been no room for, or whose size nobody knows.
  std::uint64_t left_out = 0;
  std::uint64_t left_out_bytes = 0;

  /// What is to be fetched: the bytes of those not held.
  [[nodiscard]] std::uint64_t fetch_bytes() const;
  bool operator==(const StrategyContents&) const = default;
};

/// Fetch what was missed often and keep it; each saves its misses but for one fetch.
struct PrecacheMissed {
  StrategyContents contents;  ///< most bytes saved first
  /// What the hit ratio of these 24 h would have been, had they all been there: no more than that.
  double hit_ratio_most = 0;
  std::optional<HitRatioEstimate> hit_ratio;
  bool operator==(const PrecacheMissed&) const = default;
};
/// Let the cache use more of the disk.
struct GrowCapacity {
  std::optional<std::uint64_t> bytes;  ///< by so many; nothing: how full the disk is, is not known
  std::uint64_t capacity_bytes = 0;    ///< to so many
  std::optional<HitRatioEstimate> hit_ratio;
  bool operator==(const GrowCapacity&) const = default;
};
/// Fetch what the forecast expects to be asked for, and was not missed often yet.
struct PrefetchExpected {
  StrategyContents contents;  ///< most bytes saved first
  std::optional<HitRatioEstimate> hit_ratio;
  bool operator==(const PrefetchExpected&) const = default;
};
/// Evict by how recent and how popular a content is. The policy of cache/eviction that does is
/// `lfuda`: as in LRU what is not asked for ages, by as much as it is unpopular.
struct WeightEviction {
  static constexpr std::string_view kPolicy = "lfuda";
  std::optional<HitRatioEstimate> hit_ratio;
  bool operator==(const WeightEviction&) const = default;
};
/// Drop what will hardly be asked for.
struct EvictUnlikely {
  StrategyContents contents;  ///< least expected first; `requests` is what dropping them may cost
  std::optional<HitRatioEstimate> hit_ratio;
  bool operator==(const EvictUnlikely&) const = default;
};
/// Keep what is old and stays in less room.
struct PackOld {
  StrategyContents contents;  ///< longest idle first
  /// The parts of blocks that single files waste; nothing: how old contents are, is not known.
  std::optional<std::uint64_t> packing_frees_bytes;
  /// Nothing, too, where nobody measured how well they compress.
  std::optional<std::uint64_t> compressing_frees_bytes;
  bool operator==(const PackOld&) const = default;
};
/// Go on as it is.
struct ContinueAsIs {
  std::optional<HitRatioEstimate> hit_ratio;
  bool operator==(const ContinueAsIs&) const = default;
};
/// See whether demand will be as it was.
struct WatchSeason {
  std::uint64_t requests = 0;  ///< in these 24 h
  std::optional<DemandProfile::Expectation> expected;
  bool operator==(const WatchSeason&) const = default;
};
/// Look how much of what was fetched ahead was asked for.
struct TunePrefetch {
  std::optional<std::uint64_t> prefetch_bytes;
  std::optional<std::uint64_t> used_bytes;
  bool operator==(const TunePrefetch&) const = default;
};

using StrategyAction =
    std::variant<PrecacheMissed, GrowCapacity, PrefetchExpected, WeightEviction, EvictUnlikely,
                 PackOld, ContinueAsIs, WatchSeason, TunePrefetch>;
/// precache_missed, grow_capacity, … : the one spelling of an action.
[[nodiscard]] std::string_view name(const StrategyAction& action);

/// What to do about an edge's cache, and what it follows from.
struct Strategy {
  StrategyVerdict verdict = StrategyVerdict::insufficient_data;
  std::vector<StrategyAction> actions;  ///< number 1 first; none without data
  RequestCounts counts;
  std::uint64_t capacity_bytes = 0;
  std::optional<std::uint64_t> free_bytes;  ///< of the disk
  std::optional<HitRatioEstimate> unchanged;
  std::optional<HitRatioEstimate> changed;
  StrategyOptions options;

  bool operator==(const Strategy&) const = default;
};

/// The strategy for an edge. Pure, deterministic whatever the order of its contents: ties go by
/// ContentId. O(n log n).
///
/// - `insufficient_data` asks for nothing.
/// - `aggressive_prefetch`: PrecacheMissed, GrowCapacity, PrefetchExpected. The capacity grows by
///   the least of the free space, the limit, and what the disk has beyond the capacity: where a
///   cache is not full, its own room is free space too, and it must not grow beyond its disk.
///   Contents fit the capacity as it will then be, both actions together; those that do not are
///   left out, the next ones may fit.
/// - `intelligent_eviction`: WeightEviction, EvictUnlikely, PackOld. No content is in two of them.
/// - `maintain_current`: ContinueAsIs, WatchSeason, TunePrefetch; also where free space is unknown.
[[nodiscard]] Strategy strategy(const ObservedEdge& edge, const StrategyOptions& options = {});

}  // namespace edgeward::policy
