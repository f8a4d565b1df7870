#include "policy/strategy.hpp"

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cmath>
#include <utility>

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 4> kVerdicts{"insufficient_data", "aggressive_prefetch",
                                                    "intelligent_eviction", "maintain_current"};
/// As the variant has them.
constexpr std::array<std::string_view, 9> kActions{
    "precache_missed", "grow_capacity", "prefetch_expected", "popularity_weighted_lru",
    "evict_unlikely",  "pack_old",      "continue",          "watch_season",
    "tune_prefetch"};
static_assert(kActions.size() == std::variant_size_v<StrategyAction>);

using ContentSet = boost::unordered_flat_set<cache::ContentId>;

std::optional<std::uint64_t> free_bytes_of(const ObservedEdge& edge) {
  if (!edge.storage_bytes || !edge.used_bytes) return std::nullopt;
  return *edge.storage_bytes - std::min(*edge.used_bytes, *edge.storage_bytes);
}

StrategyVerdict verdict_of(const ObservedEdge& edge, const StrategyOptions& options) {
  const std::optional<double> hit_ratio = edge.counts.hit_ratio();
  if (!hit_ratio || edge.counts.requests < options.requests_min) {
    return StrategyVerdict::insufficient_data;
  }
  if (*hit_ratio < options.hit_ratio_min) return StrategyVerdict::aggressive_prefetch;
  const std::optional<std::uint64_t> free_bytes = free_bytes_of(edge);
  if (free_bytes && *free_bytes < options.free_bytes_min) {
    return StrategyVerdict::intelligent_eviction;
  }
  return StrategyVerdict::maintain_current;
}

void add_content(const StrategyContent& content, StrategyContents& to) {
  to.list.push_back(content);
  to.bytes += content.size_bytes;
  to.requests += content.requests;
  to.saved_bytes += content.saved_bytes;
}

/// Takes those that fit what is left of the room, most bytes saved first.
StrategyContents fitting(std::vector<StrategyContent> contents, std::uint64_t& room_bytes) {
  std::sort(contents.begin(), contents.end(),
            [](const StrategyContent& a, const StrategyContent& b) {
              return a.saved_bytes != b.saved_bytes ? a.saved_bytes > b.saved_bytes
                                                    : a.content < b.content;
            });
  StrategyContents result;
  for (const StrategyContent& content : contents) {
    if (content.size_bytes == 0 || content.size_bytes > room_bytes) {
      ++result.left_out;
      result.left_out_bytes += content.size_bytes;
      continue;
    }
    room_bytes -= content.size_bytes;
    add_content(content, result);
  }
  return result;
}

/// What is left to save of so many requests when the first is the fetch itself.
double saved_bytes_of(double requests, std::uint64_t size_bytes) {
  return std::max(requests - 1, 0.0) * static_cast<double>(size_bytes);
}

GrowCapacity growth_of(const ObservedEdge& edge, const StrategyOptions& options) {
  GrowCapacity result{.bytes = std::nullopt,
                      .capacity_bytes = edge.capacity_bytes,
                      .hit_ratio = edge.predicted.growth};
  const std::optional<std::uint64_t> free_bytes = free_bytes_of(edge);
  if (!free_bytes) return result;
  const std::uint64_t beyond =
      *edge.storage_bytes - std::min(edge.capacity_bytes, *edge.storage_bytes);
  result.bytes = std::min({*free_bytes, options.growth_bytes_max, beyond});
  result.capacity_bytes += *result.bytes;
  return result;
}

PrecacheMissed precache_of(const ObservedEdge& edge, const StrategyOptions& options,
                           std::uint64_t& room_bytes) {
  ContentSet held_contents;
  for (const ObservedContent& content : edge.contents) {
    if (content.is_held) held_contents.insert(content.content);
  }
  std::vector<StrategyContent> contents;
  for (const MissedContent& missed : edge.missed) {
    if (missed.misses < options.misses_min) continue;
    const auto misses = static_cast<double>(missed.misses);
    contents.push_back({.content = missed.content,
                        .size_bytes = missed.size_bytes,
                        .requests = misses,
                        .saved_bytes = saved_bytes_of(misses, missed.size_bytes),
                        .is_held = held_contents.contains(missed.content)});
  }
  PrecacheMissed result{.contents = fitting(std::move(contents), room_bytes),
                        .hit_ratio_most = 0,
                        .hit_ratio = edge.predicted.precache};
  const auto requests = static_cast<double>(edge.counts.requests);
  const double hits = static_cast<double>(edge.counts.hits) + result.contents.requests;
  result.hit_ratio_most = std::min(hits, requests) / requests;
  return result;
}

PrefetchExpected prefetch_of(const ObservedEdge& edge, const StrategyOptions& options,
                             const PrecacheMissed& precache, std::uint64_t& room_bytes) {
  ContentSet taken;
  for (const StrategyContent& content : precache.contents.list) {
    taken.insert(content.content);
  }
  std::vector<StrategyContent> contents;
  for (const ObservedContent& content : edge.contents) {
    if (content.is_held || taken.contains(content.content)) continue;
    if (content.expected_requests < options.fetch_requests_min) continue;
    contents.push_back(
        {.content = content.content,
         .size_bytes = content.size_bytes,
         .requests = content.expected_requests,
         .saved_bytes = saved_bytes_of(content.expected_requests, content.size_bytes)});
  }
  return {.contents = fitting(std::move(contents), room_bytes),
          .hit_ratio = edge.predicted.prefetch};
}

StrategyContent held(const ObservedContent& content) {
  return {.content = content.content,
          .size_bytes = content.size_bytes,
          .requests = content.expected_requests,
          .saved_bytes = 0,
          .is_held = true};
}

/// Whether it is asked for within the horizon with less than the least probability.
bool is_unlikely(const ObservedContent& content, const StrategyOptions& options) {
  return content.expected_requests < -std::log1p(-options.probability_min);
}

bool is_evicted(const ObservedContent& content, const StrategyOptions& options) {
  return content.is_held && !content.is_pinned && is_unlikely(content, options);
}

EvictUnlikely eviction_of(const ObservedEdge& edge, const StrategyOptions& options) {
  std::vector<const ObservedContent*> evicted;
  for (const ObservedContent& content : edge.contents) {
    if (is_evicted(content, options)) evicted.push_back(&content);
  }
  std::sort(evicted.begin(), evicted.end(), [](const ObservedContent* a, const ObservedContent* b) {
    if (a->expected_requests != b->expected_requests) {
      return a->expected_requests < b->expected_requests;
    }
    if (a->popularity != b->popularity) return a->popularity < b->popularity;
    if (a->size_bytes != b->size_bytes) return a->size_bytes > b->size_bytes;
    return a->content < b->content;
  });
  EvictUnlikely result{.contents = {}, .hit_ratio = edge.predicted.evict_unlikely};
  for (const ObservedContent* content : evicted) add_content(held(*content), result.contents);
  return result;
}

/// What a file of that size wastes of its last block.
std::uint64_t slack_bytes(std::uint64_t size_bytes, std::uint64_t block_bytes) {
  if (block_bytes == 0) return 0;
  const std::uint64_t in_last = size_bytes % block_bytes;
  return in_last == 0 ? 0 : block_bytes - in_last;
}

PackOld packing_of(const ObservedEdge& edge, const StrategyOptions& options) {
  std::vector<const ObservedContent*> old;
  bool is_known = false;
  for (const ObservedContent& content : edge.contents) {
    if (!content.is_held || is_evicted(content, options)) continue;
    is_known = is_known || content.idle_s;
    if (content.idle_s && *content.idle_s > options.idle_s_min) old.push_back(&content);
  }
  std::sort(old.begin(), old.end(), [](const ObservedContent* a, const ObservedContent* b) {
    return a->idle_s != b->idle_s ? a->idle_s > b->idle_s : a->content < b->content;
  });
  PackOld result;
  std::uint64_t slack = 0;
  for (const ObservedContent* content : old) {
    add_content(held(*content), result.contents);
    slack += slack_bytes(content->size_bytes, options.block_bytes);
  }
  if (!is_known) return result;
  result.packing_frees_bytes = slack;
  if (options.compressed_ratio) {
    const double freed = static_cast<double>(result.contents.bytes) *
                         std::clamp(1 - *options.compressed_ratio, 0.0, 1.0);
    result.compressing_frees_bytes = static_cast<std::uint64_t>(freed);
  }
  return result;
}

std::vector<StrategyAction> actions_of(StrategyVerdict verdict, const ObservedEdge& edge,
                                       const StrategyOptions& options) {
  switch (verdict) {
    case StrategyVerdict::aggressive_prefetch: {
      GrowCapacity growth = growth_of(edge, options);
      std::uint64_t room_bytes = growth.capacity_bytes;
      PrecacheMissed precache = precache_of(edge, options, room_bytes);
      PrefetchExpected prefetch = prefetch_of(edge, options, precache, room_bytes);
      return {std::move(precache), growth, std::move(prefetch)};
    }
    case StrategyVerdict::intelligent_eviction:
      return {WeightEviction{.hit_ratio = edge.predicted.weighted_eviction},
              eviction_of(edge, options), packing_of(edge, options)};
    case StrategyVerdict::maintain_current:
      return {ContinueAsIs{.hit_ratio = edge.predicted.unchanged},
              WatchSeason{.requests = edge.counts.requests, .expected = edge.demand},
              TunePrefetch{.prefetch_bytes = edge.prefetch_bytes,
                           .used_bytes = edge.prefetch_used_bytes}};
    default:
      return {};
  }
}

}  // namespace

std::string_view name(StrategyVerdict verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

std::optional<StrategyVerdict> parse_strategy_verdict(std::string_view text) {
  const auto found = std::find(kVerdicts.begin(), kVerdicts.end(), text);
  if (found == kVerdicts.end()) return std::nullopt;
  return static_cast<StrategyVerdict>(found - kVerdicts.begin());
}

std::string_view name(const StrategyAction& action) {
  return kActions[action.index()];
}

std::uint64_t StrategyContents::fetch_bytes() const {
  std::uint64_t sum = 0;
  for (const StrategyContent& content : list) sum += content.is_held ? 0 : content.size_bytes;
  return sum;
}

Strategy strategy(const ObservedEdge& edge, const StrategyOptions& options) {
  const StrategyVerdict verdict = verdict_of(edge, options);
  return {.verdict = verdict,
          .actions = actions_of(verdict, edge, options),
          .counts = edge.counts,
          .capacity_bytes = edge.capacity_bytes,
          .free_bytes = free_bytes_of(edge),
          .unchanged = edge.predicted.unchanged,
          .changed = edge.predicted.changed,
          .options = options};
}

}  // namespace edgeward::policy
