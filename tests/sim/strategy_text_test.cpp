#include "sim/report/strategy_text.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace edgeward::sim {

namespace {

using cache::ContentId;
using policy::kGiB;

policy::ObservedEdge edge_with(std::uint64_t requests, std::uint64_t hits) {
  policy::ObservedEdge edge;
  edge.counts = {.requests = requests, .hits = hits, .bytes = 0, .hit_bytes = 0};
  edge.capacity_bytes = 1024 * kGiB;
  edge.storage_bytes = 4096 * kGiB;
  edge.used_bytes = 1024 * kGiB;
  return edge;
}

}  // namespace

TEST_CASE("a strategy is told with its reasons, its numbers and what is not known") {
  policy::ObservedEdge edge = edge_with(2000, 1000);
  for (std::uint64_t i = 1; i <= 7; ++i) {
    edge.missed.push_back({.content = ContentId{i}, .size_bytes = 10'000 * i, .misses = 5});
  }
  edge.predicted.growth = policy::HitRatioEstimate{.expected = 0.7, .low = 0.65, .high = 0.72};
  const auto key_of = [](ContentId content) {
    return content == ContentId{7} ? std::string("/seven") : std::string();
  };
  CHECK(strategy_text("fra1", policy::strategy(edge), {.contents_max = 2, .key_of = key_of}) ==
        "fra1: aggressive_prefetch: 50.00% of 2,000 requests hit in the last 24 h, below 85.00%.\n"
        "  1. Cache ahead 7 contents that were missed 5 times or more: 273 KiB to fetch, "
        "1.1 MiB less from the origin.\n"
        "     Had all of them been there, the hit ratio would have been 51.75% at most.\n"
        "     Expected hit ratio: not known.\n"
        "         68.4 KiB  /seven  missed 5 times\n"
        "         58.6 KiB  id 0000000000000006  missed 5 times\n"
        "       … and 5 more\n"
        "  2. Let the cache use 500 GiB more of the disk, 1.5 TiB in all.\n"
        "     Expected hit ratio: 70.00% [65.00%, 72.00%].\n"
        "  3. Fetch ahead what the forecast expects: 0 contents, 0 B, for 0 requests, "
        "0 B less from the origin.\n"
        "     Expected hit ratio: not known.\n");
}

TEST_CASE("names and keys cannot reach the terminal") {
  policy::ObservedEdge edge = edge_with(2000, 1000);
  edge.missed = {{.content = ContentId{1}, .size_bytes = 10, .misses = 5}};
  const auto key_of = [](ContentId) { return std::string("/a\x1B[2J\n\xE2\x80\xAE\xFFz"); };
  const std::string text =
      strategy_text("e\x1B]0;x\x07", policy::strategy(edge), {.contents_max = 2, .key_of = key_of});
  CHECK(text.find('\x1B') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
  CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(text.find("/a\\x1B[2J\\x0A\\xE2\\x80\\xAE\\xFFz") != std::string::npos);

  policy::EdgeTrial trial{.edge = "e\x1B[1m", .baseline = {}, .later = {}, .predicted = {}};
  const policy::Optimization result = policy::optimization(std::vector{trial});
  CHECK(optimization_text(result).find('\x1B') == std::string::npos);
}

TEST_CASE("every verdict has its words") {
  CHECK(strategy_text("a", policy::strategy(edge_with(999, 0))) ==
        "a: insufficient_data: 999 requests in the last 24 h, fewer than 1,000.\n");
  policy::ObservedEdge full = edge_with(1000, 900);
  full.used_bytes = 4000 * kGiB;
  full.contents = {{.content = ContentId{1},
                    .size_bytes = kGiB,
                    .expected_requests = 0.005,
                    .popularity = {},
                    .idle_s = {},
                    .is_held = true}};
  CHECK(strategy_text("a", policy::strategy(full)) ==
        "a: intelligent_eviction: 90.00% of 1,000 requests hit in the last 24 h, but 96.0 GiB of "
        "the disk are free, less than 100 GiB.\n"
        "  1. Evict by how recent and how popular a content is: policy lfuda.\n"
        "     Expected hit ratio: not known.\n"
        "  2. Drop 1 content that is asked for with a probability below 1.00%: frees 1.0 GiB, may "
        "cost 0.005 hits.\n"
        "     Expected hit ratio: not known.\n"
        "          1.0 GiB  id 0000000000000001\n"
        "  3. Pack or compress what is old: how old contents are is not known.\n");
  policy::ObservedEdge well = edge_with(1000, 900);
  well.used_bytes.reset();
  well.demand = policy::DemandProfile::Expectation{.expected = 1200, .low = 1000, .high = 1400};
  well.predicted.unchanged = policy::HitRatioEstimate{.expected = 0.91, .low = {}, .high = {}};
  well.predicted.changed = policy::HitRatioEstimate{.expected = 0.92, .low = {}, .high = {}};
  CHECK(strategy_text("a", policy::strategy(well)) ==
        "a: maintain_current: 90.00% of 1,000 requests hit in the last 24 h, and how full the disk "
        "is, is not known.\n"
        "  1. Go on as it is.\n"
        "     Expected hit ratio: 91.00%.\n"
        "  2. Watch whether demand changes with the season: 1,000 requests, 1,200 expected next "
        "[1,000, 1,400].\n"
        "  3. Tune what is fetched ahead: nobody told how much of it was asked for.\n"
        "  All together, expected hit ratio: 92.00%; without any change 91.00%.\n");
}

TEST_CASE("an optimization is a row an edge, the averages and the canary") {
  std::vector<policy::EdgeTrial> trials(2);
  for (std::size_t at = 0; at < 2; ++at) {
    policy::EdgeTrial& trial = trials[at];
    trial.edge = at == 0 ? "fra1" : "ams1";
    trial.strategy = policy::StrategyVerdict::aggressive_prefetch;
    trial.is_applied = at == 0;
    for (std::int64_t hour = 0; hour < 24; ++hour) {
      trial.baseline.push_back({hour, {.requests = 10'000, .hits = 5000}});
      trial.later.push_back({hour + 24, {.requests = 10'000, .hits = at == 0 ? 6000U : 5000U}});
    }
  }
  const std::string text = optimization_text(policy::optimization(trials));
  CHECK(text ==
        "edge  strategy                before     after  improvement  predicted\n"
        "fra1  aggressive_prefetch     50.00%    60.00%    +10.00 pp  not known\n"
        "ams1  aggressive_prefetch     50.00%    50.00%     +0.00 pp  not applied\n"
        "1 edge optimized, on average +10.00 pp, weighed by requests +10.00 pp\n"
        "canary: 1 edge against 1 others, +10.00 pp beyond what the others changed "
        "[+9.48, +10.52], by hours: roll_out\n");
}

}  // namespace edgeward::sim
