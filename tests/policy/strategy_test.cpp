#include "policy/strategy.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "cache/random.hpp"
#include "policy/json.hpp"
#include "policy/strategy_json.hpp"

namespace edgeward::policy {

namespace {

using cache::ContentId;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// A cache of one TiB on a disk of four, full.
ObservedEdge edge_with(std::uint64_t requests, std::uint64_t hits) {
  ObservedEdge edge;
  edge.counts = {
      .requests = requests, .hits = hits, .bytes = requests * 10, .hit_bytes = hits * 10};
  edge.capacity_bytes = 1024 * kGiB;
  edge.storage_bytes = 4096 * kGiB;
  edge.used_bytes = 1024 * kGiB;
  return edge;
}

ObservedEdge nearly_full() {
  ObservedEdge edge = edge_with(10'000, 9000);
  edge.used_bytes = 4000 * kGiB;
  return edge;
}

MissedContent missed(std::uint64_t content, std::uint64_t size_bytes, std::uint64_t misses) {
  return {.content = ContentId{content}, .size_bytes = size_bytes, .misses = misses};
}

template <class Action>
Action action_of(const Strategy& strategy, std::size_t number) {
  REQUIRE(strategy.actions.size() >= number);
  REQUIRE(std::holds_alternative<Action>(strategy.actions[number - 1]));
  return std::get<Action>(strategy.actions[number - 1]);
}

std::vector<std::uint64_t> ids(const StrategyContents& contents) {
  std::vector<std::uint64_t> result;
  for (const StrategyContent& content : contents.list) {
    result.push_back(static_cast<std::uint64_t>(content.content));
  }
  return result;
}

std::vector<std::string_view> names(const Strategy& strategy) {
  std::vector<std::string_view> result;
  for (const StrategyAction& action : strategy.actions) result.push_back(name(action));
  return result;
}

using Ids = std::vector<std::uint64_t>;
using Names = std::vector<std::string_view>;

}  // namespace

TEST_CASE("verdicts have one spelling and read back") {
  for (const char* text :
       {"insufficient_data", "aggressive_prefetch", "intelligent_eviction", "maintain_current"}) {
    const auto verdict = parse_strategy_verdict(text);
    REQUIRE(verdict);
    CHECK(name(*verdict) == text);
  }
  CHECK_FALSE(parse_strategy_verdict("prefetch"));
  CHECK_FALSE(parse_strategy_verdict(""));
}

TEST_CASE("fewer than a thousand requests are too few and a thousand are enough") {
  CHECK(strategy(edge_with(999, 0)).verdict == StrategyVerdict::insufficient_data);
  CHECK(strategy(edge_with(1000, 0)).verdict == StrategyVerdict::aggressive_prefetch);
  CHECK(strategy(edge_with(0, 0)).verdict == StrategyVerdict::insufficient_data);
  CHECK(strategy(edge_with(0, 0), {.requests_min = 0}).verdict ==
        StrategyVerdict::insufficient_data);
  CHECK(strategy(edge_with(999, 0)).actions.empty());
}

TEST_CASE("a hit ratio of exactly the threshold is not below it") {
  CHECK(strategy(edge_with(1000, 849)).verdict == StrategyVerdict::aggressive_prefetch);
  CHECK(strategy(edge_with(1000, 850)).verdict == StrategyVerdict::maintain_current);
  // Exactly 85 % of other numbers, and one hit less of very many.
  for (const std::uint64_t requests : {1020U, 4'000'000U, 1'999'999'980U}) {
    CAPTURE(requests);
    CHECK(strategy(edge_with(requests, requests / 20 * 17)).verdict ==
          StrategyVerdict::maintain_current);
    CHECK(strategy(edge_with(requests, requests / 20 * 17 - 1)).verdict ==
          StrategyVerdict::aggressive_prefetch);
  }
}

TEST_CASE("free space of exactly a hundred GiB is not too little") {
  ObservedEdge edge = edge_with(1000, 900);
  edge.used_bytes = *edge.storage_bytes - 100 * kGiB;
  CHECK(strategy(edge).verdict == StrategyVerdict::maintain_current);
  ++*edge.used_bytes;
  CHECK(strategy(edge).verdict == StrategyVerdict::intelligent_eviction);
  CHECK(strategy(edge).free_bytes == 100 * kGiB - 1);
  // A disk that holds more than it has is full.
  edge.used_bytes = *edge.storage_bytes + 1;
  CHECK(strategy(edge).free_bytes == 0);
  CHECK(strategy(edge).verdict == StrategyVerdict::intelligent_eviction);
  // What is not known is not taken for too little.
  edge.used_bytes.reset();
  CHECK(strategy(edge).verdict == StrategyVerdict::maintain_current);
  CHECK_FALSE(strategy(edge).free_bytes);
}

TEST_CASE("a hit ratio that is too low comes before a disk that is full") {
  ObservedEdge edge = nearly_full();
  edge.counts.hits = 8000;
  CHECK(strategy(edge).verdict == StrategyVerdict::aggressive_prefetch);
}

TEST_CASE("every threshold can be set") {
  CHECK(strategy(edge_with(10, 0), {.requests_min = 10}).verdict ==
        StrategyVerdict::aggressive_prefetch);
  CHECK(strategy(edge_with(1000, 500), {.hit_ratio_min = 0.5}).verdict ==
        StrategyVerdict::maintain_current);
  CHECK(strategy(edge_with(1000, 900), {.free_bytes_min = 3072 * kGiB + 1}).verdict ==
        StrategyVerdict::intelligent_eviction);
}

TEST_CASE("the capacity grows by the free space but by no more than the limit or the disk") {
  ObservedEdge edge = edge_with(1000, 500);
  const auto growth = [&] { return action_of<GrowCapacity>(strategy(edge), 2); };
  // 3,072 GiB are free.
  CHECK(growth().bytes == 500 * kGiB);
  CHECK(growth().capacity_bytes == 1524 * kGiB);
  for (const std::uint64_t free_bytes : {500 * kGiB - 1, 500 * kGiB, 7 * kGiB, kGiB * 0}) {
    edge.storage_bytes = 1024 * kGiB + free_bytes;
    CHECK(growth().bytes == free_bytes);
    CHECK(growth().capacity_bytes == edge.storage_bytes);
  }
  edge.storage_bytes = 1024 * kGiB + 500 * kGiB + 1;
  CHECK(growth().bytes == 500 * kGiB);
  // Others use the disk too.
  edge.storage_bytes = 4096 * kGiB;
  edge.used_bytes = 4090 * kGiB;
  CHECK(growth().bytes == 6 * kGiB);
  // A cache that is nearly empty: what is free is mostly its own.
  edge.storage_bytes = 1034 * kGiB;
  edge.used_bytes = 1 * kGiB;
  CHECK(growth().bytes == 10 * kGiB);
  edge.used_bytes.reset();
  CHECK_FALSE(growth().bytes);
  CHECK(growth().capacity_bytes == 1024 * kGiB);
}

TEST_CASE("what was missed five times is cached ahead where most bytes are saved first") {
  ObservedEdge edge = edge_with(1000, 700);
  edge.missed = {missed(1, 10 * kMiB, 5), missed(2, kMiB, 100), missed(3, 500 * kMiB, 4),
                 missed(4, 20 * kMiB, 5), missed(5, 0, 50)};
  edge.contents = {{.content = ContentId{1},
                    .size_bytes = 10 * kMiB,
                    .expected_requests = 9,
                    .popularity = {},
                    .idle_s = {},
                    .is_held = true}};
  const auto action = action_of<PrecacheMissed>(strategy(edge), 1);
  // Each but its first: 99 · 1, 4 · 20, 4 · 10 MiB. Nobody knows how large 5 is.
  CHECK(ids(action.contents) == Ids{2, 4, 1});
  CHECK(action.contents.bytes == 31 * kMiB);
  CHECK(action.contents.fetch_bytes() == 21 * kMiB);
  CHECK(action.contents.saved_bytes == 219.0 * kMiB);
  CHECK(action.contents.requests == 110);
  CHECK(action.contents.left_out == 1);
  CHECK(action.hit_ratio_most == 0.81);
  CHECK_FALSE(action.hit_ratio);
  const auto fewer = action_of<PrecacheMissed>(strategy(edge, {.misses_min = 4}), 1);
  CHECK(ids(fewer.contents) == Ids{3, 2, 4, 1});
}

TEST_CASE("what is cached ahead fits the capacity as it grows") {
  ObservedEdge edge = edge_with(1000, 700);
  edge.capacity_bytes = 10 * kMiB;
  edge.storage_bytes = 11 * kMiB;
  edge.used_bytes = 10 * kMiB;
  // The second does not fit beside the first, the third does, exactly.
  edge.missed = {missed(1, 7 * kMiB, 9), missed(2, 6 * kMiB, 9), missed(3, 4 * kMiB, 9)};
  // Then there is no room for one byte of what is expected.
  edge.contents = {{.content = ContentId{4}, .size_bytes = 1, .expected_requests = 9}};
  Strategy result = strategy(edge);
  const auto precache = action_of<PrecacheMissed>(result, 1);
  CHECK(ids(precache.contents) == Ids{1, 3});
  CHECK(precache.contents.left_out == 1);
  CHECK(precache.contents.left_out_bytes == 6 * kMiB);
  CHECK(action_of<PrefetchExpected>(result, 3).contents.left_out == 1);
  ++*edge.storage_bytes;
  result = strategy(edge);
  CHECK(ids(action_of<PrefetchExpected>(result, 3).contents) == Ids{4});
}

TEST_CASE("the forecast's contents are fetched where two requests are expected and none is held") {
  ObservedEdge edge = edge_with(1000, 700);
  edge.missed = {missed(1, kMiB, 9)};
  const auto content = [](std::uint64_t id, double requests, bool is_held) {
    return ObservedContent{.content = ContentId{id},
                           .size_bytes = kMiB,
                           .expected_requests = requests,
                           .popularity = {},
                           .idle_s = {},
                           .is_held = is_held};
  };
  edge.contents = {content(1, 9, false), content(2, 2, false), content(3, 1.999, false),
                   content(4, 30, true), content(5, 7, false)};
  const Strategy result = strategy(edge);
  CHECK(names(result) == Names{"precache_missed", "grow_capacity", "prefetch_expected"});
  const auto action = action_of<PrefetchExpected>(result, 3);
  CHECK(ids(action.contents) == Ids{5, 2});
  CHECK(action.contents.saved_bytes == 7.0 * kMiB);
  CHECK(action.contents.requests == 9);
}

TEST_CASE("contents are evicted below one percent of probability and not at it") {
  ObservedEdge edge = nearly_full();
  const double boundary = -std::log1p(-0.01);
  const auto content = [](std::uint64_t id, double requests) {
    return ObservedContent{.content = ContentId{id},
                           .size_bytes = id * kMiB,
                           .expected_requests = requests,
                           .popularity = {},
                           .idle_s = {},
                           .is_held = true};
  };
  edge.contents = {content(1, boundary), content(2, std::nextafter(boundary, 0)),
                   content(3, 0.001),    content(4, 0),
                   content(5, 0.001),    content(6, 0)};
  edge.contents.push_back(content(7, 0));
  edge.contents.back().is_pinned = true;
  edge.contents.push_back(content(8, 0));
  edge.contents.back().is_held = false;
  const Strategy result = strategy(edge);
  CHECK(names(result) == Names{"popularity_weighted_lru", "evict_unlikely", "pack_old"});
  const auto action = action_of<EvictUnlikely>(result, 2);
  // Equal ones: the larger first.
  CHECK(ids(action.contents) == Ids{6, 4, 5, 3, 2});
  CHECK(action.contents.bytes == 20 * kMiB);
  CHECK(action.contents.requests == Approx(boundary + 0.002));
  const auto half = action_of<EvictUnlikely>(strategy(edge, {.probability_min = 0.5}), 2);
  CHECK(half.contents.list.size() == 6);
}

TEST_CASE("of equally unlikely contents the less popular go first") {
  ObservedEdge edge = nearly_full();
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    edge.contents.push_back({.content = ContentId{id},
                             .size_bytes = id,
                             .popularity = id == 2 ? 0.1 : 0.7,
                             .idle_s = {},
                             .is_held = true});
  }
  CHECK(ids(action_of<EvictUnlikely>(strategy(edge), 2).contents) == Ids{2, 3, 1});
}

TEST_CASE("packing frees the ends of blocks and compressing what somebody measured") {
  ObservedEdge edge = nearly_full();
  const auto content = [](std::uint64_t id, std::uint64_t size_bytes, double days) {
    return ObservedContent{.content = ContentId{id},
                           .size_bytes = size_bytes,
                           .expected_requests = 0.5,
                           .popularity = {},
                           .idle_s = days * 86'400,
                           .is_held = true};
  };
  edge.contents = {content(1, 1, 31), content(2, 4096, 40), content(3, 5000, 50), content(4, 1, 30),
                   content(5, 1, 99)};
  edge.contents.back().expected_requests = 0;  // evicted
  StrategyOptions options;
  const auto packing = [&] { return action_of<PackOld>(strategy(edge, options), 3); };
  CHECK(ids(packing().contents) == Ids{3, 2, 1});
  CHECK(packing().contents.bytes == 9097);
  CHECK(packing().packing_frees_bytes == 4095 + 0 + 3192);
  CHECK_FALSE(packing().compressing_frees_bytes);
  options.compressed_ratio = 0.25;
  CHECK(packing().compressing_frees_bytes == 6822);
  options.compressed_ratio = 1.5;
  CHECK(packing().compressing_frees_bytes == 0);
  options.idle_s_min = 1e9;
  CHECK(packing().packing_frees_bytes == 0);
  for (ObservedContent& each : edge.contents) each.idle_s.reset();
  CHECK_FALSE(packing().packing_frees_bytes);
}

TEST_CASE("an edge that does well goes on and watches the season") {
  ObservedEdge edge = edge_with(1000, 900);
  edge.demand = DemandProfile::Expectation{.expected = 1200, .low = 1000, .high = 1400};
  edge.prefetch_bytes = 100;
  edge.prefetch_used_bytes = 70;
  edge.predicted.unchanged = HitRatioEstimate{.expected = 0.9, .low = 0.89, .high = 0.91};
  const Strategy result = strategy(edge);
  CHECK(names(result) == Names{"continue", "watch_season", "tune_prefetch"});
  CHECK(action_of<ContinueAsIs>(result, 1).hit_ratio == edge.predicted.unchanged);
  CHECK(action_of<WatchSeason>(result, 2).requests == 1000);
  CHECK(action_of<WatchSeason>(result, 2).expected == edge.demand);
  CHECK(action_of<TunePrefetch>(result, 3).used_bytes == 70);
}

TEST_CASE("what is predicted is told with its action and what is not is not made up") {
  ObservedEdge edge = edge_with(1000, 500);
  edge.predicted.changed = HitRatioEstimate{.expected = 0.8, .low = {}, .high = {}};
  edge.predicted.growth = HitRatioEstimate{.expected = 0.7, .low = 0.6, .high = 0.75};
  const Strategy result = strategy(edge);
  CHECK(result.changed == edge.predicted.changed);
  CHECK_FALSE(result.unchanged);
  CHECK_FALSE(action_of<PrecacheMissed>(result, 1).hit_ratio);
  CHECK(action_of<GrowCapacity>(result, 2).hit_ratio == edge.predicted.growth);
  CHECK_FALSE(action_of<PrefetchExpected>(result, 3).hit_ratio);
}

namespace {

ObservedEdge random_edge(cache::Random& random) {
  ObservedEdge edge;
  const std::uint64_t requests = 900 + random.below(2000);
  edge.counts = {.requests = requests,
                 .hits = requests - random.below(requests / 3),
                 .bytes = requests,
                 .hit_bytes = requests / 2};
  edge.capacity_bytes = random.below(2000);
  if (random.below(8) != 0) edge.storage_bytes = edge.capacity_bytes + random.below(2000);
  if (random.below(8) != 0) edge.used_bytes = random.below(4000);
  for (std::uint64_t id = 0; id < 40; ++id) {
    if (random.below(2) == 0) edge.missed.push_back(missed(id, random.below(300), random.below(9)));
    if (random.below(2) != 0) continue;
    ObservedContent content{.content = ContentId{id}, .size_bytes = random.below(300)};
    content.expected_requests = random.below(3) == 0 ? 0.005 : random.unit() * 5;
    if (random.below(2) == 0) content.popularity = static_cast<double>(random.below(3));
    if (random.below(2) == 0) content.idle_s = random.unit() * 60 * 86'400;
    content.is_held = random.below(2) == 0;
    content.is_pinned = random.below(5) == 0;
    edge.contents.push_back(content);
  }
  return edge;
}

template <class Value>
void shuffle(std::vector<Value>& values, cache::Random& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

/// Checks one action's sums, and collects its contents: none may be there yet.
void check_contents(const StrategyContents& contents, std::set<ContentId>& seen) {
  std::uint64_t bytes = 0;
  double requests = 0;
  double saved_bytes = 0;
  for (const StrategyContent& content : contents.list) {
    bytes += content.size_bytes;
    requests += content.requests;
    saved_bytes += content.saved_bytes;
    CHECK(content.saved_bytes >= 0);
    CHECK(seen.insert(content.content).second);
  }
  CHECK(contents.bytes == bytes);
  CHECK(contents.requests == Approx(requests));
  CHECK(contents.saved_bytes == Approx(saved_bytes));
  CHECK(contents.fetch_bytes() <= bytes);
}

void check_prefetch(const Strategy& result, const ObservedEdge& edge) {
  std::set<ContentId> seen;
  const auto precache = action_of<PrecacheMissed>(result, 1);
  const auto growth = action_of<GrowCapacity>(result, 2);
  const auto prefetch = action_of<PrefetchExpected>(result, 3);
  check_contents(precache.contents, seen);
  check_contents(prefetch.contents, seen);
  CHECK(growth.capacity_bytes == edge.capacity_bytes + growth.bytes.value_or(0));
  if (edge.storage_bytes) CHECK(growth.capacity_bytes <= *edge.storage_bytes);
  if (growth.bytes) {
    CHECK(*growth.bytes <= *result.free_bytes);
    CHECK(*growth.bytes <= result.options.growth_bytes_max);
  }
  CHECK(precache.contents.bytes + prefetch.contents.bytes <= growth.capacity_bytes);
  CHECK(precache.hit_ratio_most >= *edge.counts.hit_ratio());
  CHECK(precache.hit_ratio_most <= 1);
  // All that was missed often enough is either cached or said to be left out.
  const auto often = static_cast<std::size_t>(
      std::count_if(edge.missed.begin(), edge.missed.end(),
                    [](const MissedContent& content) { return content.misses >= 5; }));
  CHECK(precache.contents.list.size() + precache.contents.left_out == often);
}

void check_eviction(const Strategy& result, const ObservedEdge& edge) {
  std::set<ContentId> seen;
  check_contents(action_of<EvictUnlikely>(result, 2).contents, seen);
  for (const ObservedContent& content : edge.contents) {
    const bool is_unlikely = 1 - std::exp(-content.expected_requests) < 0.01;
    CHECK(seen.contains(content.content) == (content.is_held && !content.is_pinned && is_unlikely));
  }
  check_contents(action_of<PackOld>(result, 3).contents, seen);
}

}  // namespace

TEST_CASE("any edge's strategy adds up and asks for no more than there is") {
  std::set<StrategyVerdict> verdicts;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    cache::Random random(seed);
    ObservedEdge edge = random_edge(random);
    const StrategyOptions options{.free_bytes_min = 500, .growth_bytes_max = 700};
    const Strategy result = strategy(edge, options);
    verdicts.insert(result.verdict);
    if (result.verdict == StrategyVerdict::aggressive_prefetch) check_prefetch(result, edge);
    if (result.verdict == StrategyVerdict::intelligent_eviction) check_eviction(result, edge);
    CHECK(result.actions.empty() == (result.verdict == StrategyVerdict::insufficient_data));
    // The order in which contents are told changes nothing, not even sums of fractions.
    shuffle(edge.missed, random);
    shuffle(edge.contents, random);
    CHECK(strategy(edge, options) == result);
  }
  CHECK(verdicts.size() == 4);
}

TEST_CASE("a strategy as JSON") {
  ObservedEdge edge = edge_with(2000, 1000);
  edge.missed = {missed(0xAB, 1000, 5), missed(2, 10, 6), missed(3, 10, 5)};
  edge.predicted.precache = HitRatioEstimate{.expected = 0.5, .low = 0.4, .high = {}};
  const boost::json::object written = strategy_json(
      strategy(edge), {.contents_max = 2, .key_of = [](ContentId content) {
                         return content == ContentId{0xAB} ? std::string("/a\"\x1b[2J") : "";
                       }});
  const std::string expected =
      R"({"verdict":"aggressive_prefetch","requests":2000,"hits":1000,"hit_ratio":0.5,)"
      R"("bytes":20000,"hit_bytes":10000,"byte_hit_ratio":0.5,"capacity_bytes":1099511627776,)"
      R"("free_bytes":3298534883328,"predicted":{"unchanged":null,"changed":null},)"
      R"("thresholds":{"requests_min":1000,"hit_ratio_min":0.85,"free_bytes_min":107374182400,)"
      R"("growth_bytes_max":536870912000,"misses_min":5,"probability_min":0.01,)"
      R"("fetch_requests_min":2,"idle_s_min":2592000,"block_bytes":4096,"compressed_ratio":null},)"
      R"("actions":[{"number":1,"action":"precache_missed","count":3,"bytes":1020,)"
      R"("fetch_bytes":1020,"misses":16,"saved_bytes":4090,"left_out":0,"left_out_bytes":0,)"
      R"("hit_ratio_most":0.508,"hit_ratio":{"expected":0.5,"low":0.4,"high":null},"contents":[)"
      R"({"content":"00000000000000ab","key":"/a\"\u001b[2J","size_bytes":1000,"misses":5,)"
      R"("saved_bytes":4000},)"
      R"({"content":"0000000000000002","key":null,"size_bytes":10,"misses":6,"saved_bytes":50}]},)"
      R"({"number":2,"action":"grow_capacity","bytes":536870912000,)"
      R"("capacity_bytes":1636382539776,"hit_ratio":null},)"
      R"({"number":3,"action":"prefetch_expected","count":0,"bytes":0,"expected_requests":0,)"
      R"("saved_bytes":0,"left_out":0,"left_out_bytes":0,"hit_ratio":null,"contents":[]}]})"
      "\n";
  CHECK(json_line(written) == expected);
}

TEST_CASE("the other verdicts as JSON") {
  ObservedEdge edge = nearly_full();
  edge.contents = {{.content = ContentId{1},
                    .size_bytes = 7,
                    .expected_requests = 0.001,
                    .popularity = {},
                    .idle_s = {},
                    .is_held = true}};
  CHECK(json_line(strategy_json(strategy(edge)).at("actions")) ==
        R"([{"number":1,"action":"popularity_weighted_lru","policy":"lfuda","hit_ratio":null},)"
        R"({"number":2,"action":"evict_unlikely","count":1,"bytes":7,"expected_requests":0.001,)"
        R"("hit_ratio":null,"contents":[{"content":"0000000000000001","key":null,"size_bytes":7,)"
        R"("expected_requests":0.001}]},)"
        R"({"number":3,"action":"pack_old","count":0,"bytes":0,"packing_frees_bytes":null,)"
        R"("compressing_frees_bytes":null,"contents":[]}])"
        "\n");
  edge = edge_with(1000, 900);
  edge.demand = DemandProfile::Expectation{.expected = 1200.5, .low = 1000, .high = 1400};
  CHECK(json_line(strategy_json(strategy(edge)).at("actions")) ==
        R"([{"number":1,"action":"continue","hit_ratio":null},)"
        R"({"number":2,"action":"watch_season","requests":1000,"expected_requests":)"
        R"({"expected":1200.5,"low":1000,"high":1400}},)"
        R"({"number":3,"action":"tune_prefetch","prefetch_bytes":null,"used_bytes":null}])"
        "\n");
  CHECK(json_line(strategy_json(strategy(edge_with(0, 0))).at("hit_ratio")) == "null\n");
}

}  // namespace edgeward::policy
