#include "sim/replay/fleet_replay.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "sim/report/report.hpp"
#include "tests/sim/fleet_support.hpp"

namespace edgeward::sim {

namespace {

using test::FleetOracle;

std::vector<RunResult> replayed(const Trace& trace, const FleetModel& model,
                                const std::vector<RunSpec>& runs, ReplayOptions options = {},
                                const WarmUp& warm_up = {}) {
  test::Quiet progress;
  options.fleet = &model;
  options.check_invariants = true;
  return replay(trace, make_cells(trace, warm_up), runs, options, progress);
}

FleetOracle oracle_of(const MadeFleetTrace& made, const FleetSetup& setup,
                      std::uint64_t capacity_bytes) {
  FleetOracle oracle;
  oracle.fleet = *setup.fleet;
  oracle.sizes_bytes = made.trace.sizes_bytes;
  oracle.capacity_bytes = capacity_bytes;
  oracle.rtt_ms = [](double km) { return kRttMsAtZero + kRttMsPerKm * km; };
  for (const EdgeFailure& failure : setup.failures) {
    oracle.failures.push_back({cache::index(failure.edge), failure.from_ms, failure.until_ms});
  }
  return oracle;
}

void check_equal(const FleetOracle& oracle, const FleetCounts& found) {
  CHECK(found.unrouted == oracle.unrouted);
  for (std::size_t at = 0; at < oracle.edges.size(); ++at) {
    const FleetOracle::Counts& expected = oracle.edges[at];
    const EdgeCounts& edge = found.edges[at];
    INFO("edge " << oracle.fleet.edges[at].name);
    CHECK(edge.requests == expected.requests);
    CHECK(edge.hits == expected.hits);
    CHECK(edge.delayed_hits == expected.delayed_hits);
    CHECK(edge.uncacheable == expected.uncacheable);
    CHECK(edge.requests - edge.hits - edge.delayed_hits - edge.uncacheable == expected.misses);
    CHECK(edge.expired == expected.expired);
    CHECK(edge.bytes == expected.bytes);
    CHECK(edge.hit_bytes == expected.hit_bytes);
    CHECK(edge.fetches == expected.fetches);
    CHECK(edge.fetch_hits == expected.fetch_hits);
    CHECK(edge.origin_bytes == expected.origin_bytes);
    CHECK(edge.peer_bytes == expected.peer_bytes);
    CHECK(edge.evictions == expected.evictions);
    CHECK(edge.latency_us == expected.latency_us);
  }
}

HitCounts total(const std::vector<Cell>& cells, const RunResult& run) {
  HitCounts sum;
  for (std::size_t i = 0; i < run.cells.size(); ++i) {
    if (cells[i].is_counted) sum += run.cells[i];
  }
  return sum;
}

}  // namespace

TEST_CASE("a fleet replay counts what a plain simulation of it counts") {
  const std::uint64_t seed = GENERATE(1, 2, 3);
  const bool has_chunks = GENERATE(false, true);
  const bool is_recorded = GENERATE(false, true);
  const bool fails = GENERATE(false, true);
  const bool has_ttl = GENERATE(false, true);
  const std::uint64_t capacity = GENERATE(90, 400);
  INFO("seed " << seed << " chunks " << has_chunks << " recorded " << is_recorded << " fails "
               << fails << " ttl " << has_ttl << " capacity " << capacity);
  const MadeFleetTrace made(
      {.seed = seed, .has_chunks = has_chunks, .has_uncacheable = true, .names_edges = true});
  FleetSetup setup = setup_of(mixed_fleet());
  if (fails) {
    setup.failures = {{cache::EdgeId{1}, 100'001, 300'000},
                      {cache::EdgeId{2}, 250'000, 600'007},
                      {cache::EdgeId{5}, 0, 50'000},
                      {cache::EdgeId{3}, 500'000, 700'000}};
  }
  FleetOracle oracle = oracle_of(made, setup, capacity);
  oracle.is_recorded = is_recorded;
  const WarmUp warm_up{.requests_ratio = seed == 2 ? 0.3 : 0};
  oracle.warm_up = seed == 2 ? 2400 : 0;
  ReplayOptions options;
  if (has_ttl) {
    oracle.ttl_ms = 20'000;
    options.freshness = {.source = Freshness::Source::fixed, .ttl_ms = 20'000};
  }
  oracle.run(made.requests);
  const FleetModel model(made.trace, setup);
  const Routing routing = is_recorded ? Routing::recorded : Routing::nearest;
  const auto runs = replayed(made.trace, model, {fleet_run(routing, capacity)}, options, warm_up);
  check_equal(oracle, *runs[0].fleet);
  std::uint64_t delayed = 0;
  std::uint64_t fetch_hits = 0;
  std::uint64_t from_peers = oracle.edges[4].peer_bytes + oracle.edges[5].peer_bytes;
  for (const FleetOracle::Counts& counts : oracle.edges) {
    delayed += counts.delayed_hits;
    fetch_hits += counts.fetch_hits;
  }
  CHECK(delayed > 0);
  CHECK(fetch_hits > 0);
  CHECK(from_peers > 0);
}

TEST_CASE("requests, hits and bytes of a fleet add up, whatever the routing") {
  const auto routing = GENERATE(Routing::nearest, Routing::recorded, Routing::random,
                                Routing::weighted, Routing::latency);
  const bool has_chunks = GENERATE(false, true);
  const MadeFleetTrace made(
      {.seed = 7, .has_chunks = has_chunks, .has_uncacheable = true, .names_edges = true});
  FleetSetup setup = setup_of(mixed_fleet());
  setup.failures = {{cache::EdgeId{3}, 200'000, 400'000}};
  const FleetModel model(made.trace, setup);
  const WarmUp warm_up{.requests_ratio = 0.1};
  const auto cells = make_cells(made.trace, warm_up);
  const auto runs = replayed(made.trace, model, {fleet_run(routing)}, {}, warm_up);
  const FleetCounts& counts = *runs[0].fleet;
  EdgeCounts sum;
  for (const EdgeCounts& edge : counts.edges) sum += edge;
  const HitCounts found = total(cells, runs[0]);
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t uncacheable = 0;
  for (const Cell& cell : cells) {
    if (!cell.is_counted) continue;
    requests += cell.requests;
    bytes += cell.bytes;
    uncacheable += cell.uncacheable;
  }
  CHECK(requests == 7200);
  CHECK(sum.requests + counts.unrouted == requests);
  CHECK(sum.bytes + counts.unrouted_bytes == bytes);
  CHECK(sum.hits == found.hits);
  CHECK(sum.hits > 0);
  CHECK(sum.delayed_hits == found.delayed_hits);
  CHECK((sum.delayed_hits > 0 || routing == Routing::random));
  CHECK(sum.hit_bytes == found.hit_bytes);
  CHECK(sum.uncacheable <= uncacheable);
  CHECK(sum.peer_bytes == found.peer_bytes);
  // Every byte from the origin is fetched by some edge, and none twice.
  CHECK(sum.origin_bytes == found.origin_bytes(bytes));
  CHECK(counts.latency.count() == sum.requests);
  CHECK(counts.latency.sum_us() == sum.latency_us);
  CHECK(std::accumulate(counts.reasons.begin(), counts.reasons.end(), std::uint64_t{0}) ==
        requests);
  CHECK(counts.reasons[static_cast<std::size_t>(policy::Reason::no_edge)] == counts.unrouted);
  CHECK((counts.unrouted > 0) == (routing == Routing::recorded));
  CHECK(counts.edges[2].requests == 0);  // a shield has no clients
  CHECK(counts.edges[2].fetches > 0);
}

TEST_CASE("a fleet of one edge beside its origin is a plain replay") {
  const bool has_chunks = GENERATE(false, true);
  const char* const policy = GENERATE("lru", "s3fifo", "random");
  const MadeFleetTrace made({.has_chunks = has_chunks, .has_uncacheable = true});
  cache::Fleet fleet;
  fleet.origin = {.point = {10, 10}, .service_ms = 0};
  fleet.edges = {edge("only", {10, 10})};
  FleetSetup setup = setup_of(fleet);
  setup.rtt = linear_rtt(0);
  const FleetModel model(made.trace, setup);
  const ReplayOptions options{.freshness = {.source = Freshness::Source::fixed, .ttl_ms = 30'000},
                              .seed = 5};
  const RunSpec plain{
      .policy = {.name = policy}, .admission = {.name = "second_hit"}, .capacity_bytes = 300};
  RunSpec routed = plain;
  routed.routing = Routing::weighted;
  const WarmUp warm_up{.requests_ratio = 0.25};
  const auto runs = replayed(made.trace, model, {plain, routed}, options, warm_up);
  CHECK(runs[0].cells == runs[1].cells);
  CHECK(runs[0].evictions == runs[1].evictions);
  CHECK(total(make_cells(made.trace, warm_up), runs[0]).hits > 100);
}

TEST_CASE("an edge gets no request while it is down, and its contents survive") {
  const auto routing = GENERATE(Routing::nearest, Routing::random, Routing::weighted,
                                Routing::latency, Routing::recorded);
  const MadeFleetTrace made({.step_ms_max = 300, .names_edges = true});
  FleetSetup setup = setup_of(mixed_fleet());
  const EdgeFailure failure{cache::EdgeId{0}, 400'123, 700'456};
  setup.failures = {failure};
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(routing, 100'000)});
  const FailureCounts& counts = runs[0].fleet->failures.at(0);
  CHECK(counts.failure == failure);
  CHECK(counts.during[0] == 0);
  CHECK(counts.before[0] > 0);
  std::uint64_t before = 0;
  std::uint64_t during = 0;
  for (const auto& request : made.requests) {
    during += request.at_ms >= failure.from_ms && request.at_ms < failure.until_ms ? 1 : 0;
    before +=
        request.at_ms >= 2 * failure.from_ms - failure.until_ms && request.at_ms < failure.from_ms
            ? 1
            : 0;
  }
  CHECK(std::accumulate(counts.during.begin(), counts.during.end(), std::uint64_t{0}) == during);
  CHECK(std::accumulate(counts.before.begin(), counts.before.end(), std::uint64_t{0}) == before);
  CHECK(runs[0].fleet->edges[0].evictions == 0);
}

TEST_CASE("threads: a fleet replay does not depend on their number") {
  const MadeFleetTrace made({.requests = 20'000, .step_ms_max = 20, .has_uncacheable = true});
  cache::Fleet fleet = mixed_fleet();
  for (cache::Edge& edge : fleet.edges) edge.requests_per_second_max = 30;  // so that shares move
  const FleetModel model(made.trace, setup_of(fleet));
  std::vector<RunSpec> runs;
  for (const Routing routing :
       {Routing::nearest, Routing::random, Routing::weighted, Routing::latency}) {
    runs.push_back(fleet_run(routing));
  }
  const auto one = replayed(made.trace, model, runs, {.threads = 1});
  for (const unsigned threads : {2U, 5U, 16U}) {
    const auto many = replayed(made.trace, model, runs, {.threads = threads});
    for (std::size_t i = 0; i < runs.size(); ++i) {
      CHECK(one[i].cells == many[i].cells);
      CHECK(one[i].fleet == many[i].fleet);
      CHECK(one[i].evictions == many[i].evictions);
    }
  }
}

TEST_CASE("an edge that others fill from holds the load they put on it") {
  const MadeFleetTrace made({.requests = 20'000, .objects = 2000, .step_ms_max = 20});
  const FleetModel model(made.trace, setup_of(mixed_fleet()));
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest)});
  const EdgeCounts& shield = runs[0].fleet->edges[2];
  CHECK(shield.fetches > 1000);
  CHECK(shield.load_ratio_max > 0);
}

TEST_CASE("admit shares keep edges below their limit where others have room") {
  const MadeFleetTrace made({.requests = 60'000, .step_ms_max = 20});  // 100 a second
  cache::Fleet fleet = mixed_fleet();
  for (cache::Edge& edge : fleet.edges) edge.requests_per_second_max = 40;
  const FleetModel model(made.trace, setup_of(fleet));
  const auto runs =
      replayed(made.trace, model, {fleet_run(Routing::nearest), fleet_run(Routing::weighted)});
  std::uint64_t overload[2] = {0, 0};
  for (std::size_t i = 0; i < 2; ++i) {
    for (const EdgeCounts& edge : runs[i].fleet->edges) overload[i] += edge.overload_requests;
  }
  INFO("nearest " << overload[0] << ", weighted " << overload[1]);
  CHECK(overload[1] * 4 < overload[0]);
  CHECK(runs[1].fleet->unrouted == 0);
}

TEST_CASE("a stopped fleet replay ends with a whole cell, whose requests its edges got") {
  const MadeFleetTrace made({.requests = 900'000, .step_ms_max = 4});
  const FleetModel model(made.trace, setup_of(mixed_fleet()));
  test::Quiet progress(1);
  const auto cells = make_cells(made.trace, {});
  const auto runs =
      replay(made.trace, cells, {fleet_run(Routing::nearest)}, {.fleet = &model}, progress);
  REQUIRE(runs[0].cells.size() < cells.size());
  REQUIRE_FALSE(runs[0].cells.empty());
  std::uint64_t requests = 0;
  for (std::size_t i = 0; i < runs[0].cells.size(); ++i) requests += cells[i].requests;
  EdgeCounts sum;
  for (const EdgeCounts& edge : runs[0].fleet->edges) sum += edge;
  CHECK(sum.requests == requests);
}

TEST_CASE("a trace without clients is refused") {
  MadeFleetTrace made({.requests = 10});
  made.trace.requesters.clients.clear();
  CHECK_THROWS_AS(FleetModel(made.trace, setup_of(mixed_fleet())), std::invalid_argument);
}

}  // namespace edgeward::sim
