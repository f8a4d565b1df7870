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
    // Replays measure in single precision: within some metres.
    CHECK(static_cast<double>(edge.distance_m) ==
          Approx(1000 * expected.distance_km).margin(4.0 * static_cast<double>(expected.requests)));
  }
}

HitCounts total(const std::vector<Cell>& cells, const RunResult& run) {
  HitCounts sum;
  for (std::size_t i = 0; i < run.cells.size(); ++i) {
    if (cells[i].is_counted) sum += run.cells[i];
  }
  return sum;
}

/// What a request waits for one of so many servers (Erlang 1917), from sums of powers.
double erlang_wait_ms(double load, unsigned servers, double service_ms) {
  const double offered = load * servers;
  double power = 1;  // offered^k / k!
  double sum = 0;
  for (unsigned k = 0; k < servers; ++k) {
    sum += power;
    power *= offered / (k + 1);
  }
  const double all_busy = power / (1 - load);
  return all_busy / (sum + all_busy) * service_ms / (servers - offered);
}

/// Edges beside each other and their origin, and clients of one country there.
FleetSetup one_town(std::vector<cache::Edge> edges) {
  cache::Fleet fleet;
  fleet.origin = {.point = client_points()[0], .service_ms = 0};
  fleet.edges = std::move(edges);
  FleetSetup setup = setup_of(std::move(fleet));
  setup.rtt = linear_rtt(0);
  return setup;
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
  const MadeFleetTrace made({.seed = seed,
                             .has_chunks = has_chunks,
                             .has_uncacheable = true,
                             .names_edges = true,
                             .time_unit_ms = seed == 3 ? 1000U : 1U});
  FleetSetup setup = setup_of(mixed_fleet());
  if (fails) {
    setup.failures = {{cache::EdgeId{1}, 100'001, 300'000},
                      {cache::EdgeId{2}, 250'000, 600'007},
                      {cache::EdgeId{5}, 0, 50'000},
                      {cache::EdgeId{3}, 500'000, 700'000},
                      {cache::EdgeId{6}, 333'000, 444'000}};  // whole seconds, within a tick
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
  const auto freshness = GENERATE(Freshness::Source::fixed, Freshness::Source::log);
  const MadeFleetTrace made({.has_chunks = has_chunks,
                             .has_uncacheable = true,
                             .states_ttl = freshness == Freshness::Source::log});
  cache::Fleet fleet;
  fleet.origin = {.point = {10, 10}, .service_ms = 0};
  fleet.edges = {edge("only", {10, 10})};
  FleetSetup setup = setup_of(fleet);
  setup.rtt = linear_rtt(0);
  const FleetModel model(made.trace, setup);
  const ReplayOptions options{.freshness = {.source = freshness, .ttl_ms = 2000}, .seed = 5};
  const RunSpec plain{
      .policy = {.name = policy}, .admission = {.name = "second_hit"}, .capacity_bytes = 900};
  RunSpec routed = plain;
  routed.routing = Routing::weighted;
  const WarmUp warm_up{.requests_ratio = 0.25};
  const auto runs = replayed(made.trace, model, {plain, routed}, options, warm_up);
  CHECK(runs[0].cells == runs[1].cells);
  CHECK(runs[0].evictions == runs[1].evictions);
  const HitCounts counts = total(make_cells(made.trace, warm_up), runs[0]);
  CHECK(counts.hits > 100);
  CHECK(counts.expired > 20);
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
  const bool is_link_bound = GENERATE(false, true);
  // In each of two ticks ten misses at the edge, then ten hits.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t i = 0; i < 40; ++i) list.push_back({500 * i, i / 20 * 10 + i % 10});
  const MadeFleetTrace made(list, std::vector<std::uint64_t>(20, 1000));
  cache::Edge shield = edge("shield", client_points()[0]);
  shield.is_shield = true;
  shield.requests_per_second_max = is_link_bound ? 1e6 : 4;
  shield.bandwidth_bps = is_link_bound ? 16'000 : std::uint64_t{1} << 62;
  const FleetModel model(
      made.trace,
      one_town(
          {edge("edge", client_points()[0], cache::FillSource::parent, cache::EdgeId{1}), shield}));
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest, 100'000)});
  const EdgeCounts& found = runs[0].fleet->edges[1];
  CHECK(found.fetches == 20);
  // One fetch a second, of 8,000 bits.
  CHECK(found.load_ratio_max == (is_link_bound ? 0.5 : 0.25));
}

TEST_CASE("an edge that gives to its peers holds that load, too") {
  const bool is_link_bound = GENERATE(false, true);
  // Twenty objects are asked for here in two ticks, elsewhere in the one that follows.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t i = 0; i < 20; ++i) list.push_back({1000 * i, i, 0});
  for (std::uint32_t i = 0; i < 20; ++i) list.push_back({20'000 + 500 * i, i, 1});
  MadeFleetTrace made(list, std::vector<std::uint64_t>(20, 1000));
  made.trace.requesters.clients.push_back({.country = country_of(1)});
  cache::Edge giver = edge("giver", client_points()[0], cache::FillSource::peer);
  giver.requests_per_second_max = is_link_bound ? 1e6 : 4;
  giver.bandwidth_bps = is_link_bound ? 32'000 : std::uint64_t{1} << 62;
  const FleetModel model(
      made.trace, one_town({giver, edge("taker", client_points()[1], cache::FillSource::peer)}));
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest, 100'000)});
  const EdgeCounts& found = runs[0].fleet->edges[0];
  CHECK(runs[0].fleet->edges[1].peer_bytes == 20'000);
  CHECK(found.requests == 20);
  CHECK(found.fetches == 20);
  CHECK(found.fetch_hits == 20);
  // Of clients one request a second, of peers two.
  CHECK(found.load_ratio_max == 0.5);
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

TEST_CASE("nothing overflows where all fit, however many ask") {
  // 50 a second, of which a tick's sample sees a part: five eighths of what the edge can take.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t i = 0; i < 5000; ++i) list.push_back({20 * i, i});
  const MadeFleetTrace made(list, std::vector<std::uint64_t>(list.size(), 10));
  FleetSetup setup = one_town({edge("near", client_points()[0]), edge("far", client_points()[1])});
  cache::Fleet fleet = *setup.fleet;
  for (cache::Edge& one : fleet.edges) one.requests_per_second_max = 80;
  setup.fleet = std::make_shared<const cache::Fleet>(fleet);
  setup.routing.weights = {1, 0, 0, 0};
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::weighted)});
  CHECK(runs[0].fleet->edges[0].requests == list.size());
}

TEST_CASE("an edge whose link fills up passes on what it cannot send") {
  // 160 kbit/s at 20 requests a second over a link of 170: it can take 17 at the target of 0.8.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t i = 0; i < 4000; ++i) list.push_back({50 * i, i});
  const MadeFleetTrace made(list, std::vector<std::uint64_t>(list.size(), 1000));
  cache::Edge near = edge("near", client_points()[0]);
  near.bandwidth_bps = 170'000;
  near.requests_per_second_max = 200;
  FleetSetup setup = one_town({near, edge("far", client_points()[1])});
  setup.routing.weights = {1, 0, 0, 0};
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::weighted)});
  const FleetCounts& found = *runs[0].fleet;
  CHECK(found.reasons[static_cast<std::size_t>(policy::Reason::overflow)] ==
        found.edges[1].requests);
  CHECK(static_cast<double>(found.edges[0].requests) == Approx(4000 * 17.0 / 20).margin(200));
}

TEST_CASE("latency routing learns what a shield holds") {
  // All are in one place, 60 ms from the origin. Half of what it fetches at the shield, 5 ms, is
  // taken to be there until it turns out that nothing is.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t i = 0; i < 400; ++i) list.push_back({1000 * i, i});
  const MadeFleetTrace made(list, std::vector<std::uint64_t>(list.size(), 10));
  cache::Fleet fleet;
  fleet.origin = {.point = {client_points()[0].lat_deg - 27, client_points()[0].lon_deg},
                  .service_ms = 0};
  fleet.edges = {edge("below", client_points()[0], cache::FillSource::parent, cache::EdgeId{2}),
                 edge("direct", client_points()[0]), edge("shield", client_points()[0])};
  fleet.edges[2].is_shield = true;
  fleet.edges[2].service_ms = 5;
  FleetSetup setup = setup_of(fleet);
  setup.rtt = linear_rtt(0);
  setup.routing.spread_epsilon_ms = 0;
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::latency)});
  const auto& edges = runs[0].fleet->edges;
  CHECK(edges[0].requests > 50);
  CHECK(edges[1].requests > 200);
  CHECK(edges[0].requests + edges[1].requests == list.size());
}

TEST_CASE("latency routing sends what is large over the wider link") {
  // 1 Mbit/s here, a link without a limit 10 ms away (and 10 ms back for a miss): 8 ms or 80 ms
  // for an object.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t i = 0; i < 40; ++i) list.push_back({20'000 * i, i});
  std::vector<std::uint64_t> sizes_bytes;
  for (std::uint32_t i = 0; i < 40; ++i) sizes_bytes.push_back(i % 2 == 0 ? 1000 : 10'000);
  const MadeFleetTrace made(list, sizes_bytes);
  cache::Edge narrow = edge("narrow", client_points()[0]);
  narrow.bandwidth_bps = 1'000'000;
  FleetSetup setup = one_town({narrow, edge("wide", {client_points()[0].lat_deg + 4.4966, 8.68})});
  setup.routing.spread_epsilon_ms = 0;
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::latency, 1'000'000)});
  CHECK(runs[0].fleet->edges[0].requests == 20);
  CHECK(runs[0].fleet->edges[0].bytes == 20'000);
  CHECK(runs[0].fleet->edges[1].requests == 20);
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

TEST_CASE("a request waits for its edge's queue and link, as loaded as its tick makes them") {
  const bool is_link_bound = GENERATE(false, true);
  // Some 13 requests a second of some 1,000 bytes.
  cache::Random random(4);
  std::vector<std::uint64_t> sizes_bytes;
  std::vector<MadeFleetTrace::Asked> list;
  std::uint32_t at_ms = 0;
  for (cache::ObjectIndex i = 0; i < 6000; ++i) {
    sizes_bytes.push_back(500 + random.below(1000));
    list.push_back({at_ms, i});
    at_ms += static_cast<std::uint32_t>(random.below(150));
  }
  const MadeFleetTrace made(list, sizes_bytes);
  cache::Edge only = edge("only", client_points()[0]);
  only.servers = 4;
  only.service_ms = 30;
  only.requests_per_second_max = is_link_bound ? 1e6 : 25;
  only.bandwidth_bps = is_link_bound ? 200'000 : 2'000'000;
  const FleetModel model(made.trace, one_town({only}));
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest, 10'000)});

  std::uint64_t expected_us = 0;
  double load_max = 0;
  for (std::size_t begin = 0; begin < list.size();) {
    std::size_t end = begin;
    double bits = 0;
    for (; end < list.size() && list[end].at_ms / 10'000 == list[begin].at_ms / 10'000; ++end) {
      bits += 8 * static_cast<double>(sizes_bytes[end]);
    }
    const auto bandwidth_bps = static_cast<double>(only.bandwidth_bps);
    const double load =
        std::max(static_cast<double>(end - begin) / 10 / only.requests_per_second_max,
                 bits / 10 / bandwidth_bps);
    load_max = std::max(load_max, load);
    const double queue_ms = erlang_wait_ms(load, only.servers, only.service_ms);
    for (; begin < end; ++begin) {
      const double link_us =
          8e6 * static_cast<double>(sizes_bytes[begin]) / (bandwidth_bps - bits / 10);
      expected_us +=
          static_cast<std::uint64_t>(std::llround(queue_ms * 1000) + std::llround(link_us));
    }
  }
  CHECK(load_max < 0.9);
  const EdgeCounts& found = runs[0].fleet->edges[0];
  CHECK(found.load_ratio_max == Approx(load_max));
  // Each part is rounded to a microsecond.
  CHECK(static_cast<double>(found.latency_us) ==
        Approx(static_cast<double>(expected_us)).margin(2.0 * static_cast<double>(list.size())));
}

TEST_CASE("a link is as free as its tick leaves it, also where the load stays the same") {
  // A request a second in both ticks, which is the load; three times the bytes in the second.
  std::vector<MadeFleetTrace::Asked> list;
  std::vector<std::uint64_t> sizes_bytes;
  for (cache::ObjectIndex i = 0; i < 20; ++i) {
    list.push_back({1000 * i, i});
    sizes_bytes.push_back(i < 10 ? 1000 : 3000);
  }
  const MadeFleetTrace made(list, sizes_bytes);
  cache::Edge only = edge("only", client_points()[0]);
  only.requests_per_second_max = 2;
  only.bandwidth_bps = 100'000;
  only.service_ms = 0;
  const FleetModel model(made.trace, one_town({only}));
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest, 100'000)});
  const double first_us = 8e6 * 1000 / (100'000 - 8000);
  const double second_us = 8e6 * 3000 / (100'000 - 24'000);
  CHECK(static_cast<double>(runs[0].fleet->edges[0].latency_us) ==
        Approx(10 * first_us + 10 * second_us).margin(20));
}

TEST_CASE("requests of a tick in which the edge is at its limit count as overload") {
  // 2 a second in the first ten seconds, half of it in the next.
  std::vector<MadeFleetTrace::Asked> list;
  for (std::uint32_t at_ms = 0; at_ms < 10'000; at_ms += 500) list.push_back({at_ms, 0});
  for (std::uint32_t at_ms = 10'000; at_ms < 20'000; at_ms += 1000) list.push_back({at_ms, 0});
  const MadeFleetTrace made(list, {10});
  cache::Edge only = edge("only", client_points()[0]);
  only.requests_per_second_max = 4;
  only.max_load = 0.5;
  const FleetModel model(made.trace, one_town({only}));
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest)});
  CHECK(runs[0].fleet->edges[0].overload_requests == 20);
  CHECK(runs[0].fleet->edges[0].load_ratio_max == 0.5);
}

TEST_CASE("what is left of a tick beside a failure counts as a second at least") {
  const MadeFleetTrace made({{0, 0}, {9'995, 0}}, {10});
  cache::Edge only = edge("only", client_points()[0]);
  only.requests_per_second_max = 10;
  FleetSetup setup = one_town({only, edge("other", {0, 0})});
  setup.failures = {{cache::EdgeId{1}, 9'990, 20'000}};
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::nearest)});
  CHECK(runs[0].fleet->edges[0].load_ratio_max == Approx(0.1));
}

TEST_CASE("an edge is idle again after a time without requests") {
  // The nearer edge has had a load of 0.3 in the first tick: 0.06 points, where the other one's
  // 100 km are 0.03.
  std::vector<MadeFleetTrace::Asked> list;
  for (cache::ObjectIndex i = 0; i < 30; ++i) list.push_back({100 * i, i});
  const bool is_after_gap = GENERATE(false, true);
  list.push_back({is_after_gap ? 600'000U : 10'000U, 30});
  const MadeFleetTrace made(list, std::vector<std::uint64_t>(31, 10));
  std::vector<cache::Edge> edges{edge("near", client_points()[0]),
                                 edge("far", {client_points()[0].lat_deg + 0.9, 8.68})};
  for (cache::Edge& one : edges) one.requests_per_second_max = 10;
  FleetSetup setup = one_town(edges);
  setup.routing.spread_epsilon_score = 0;
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(Routing::weighted)});
  CHECK(runs[0].fleet->edges[0].requests == (is_after_gap ? 31 : 30));
  CHECK(runs[0].fleet->edges[1].requests == (is_after_gap ? 0 : 1));
}

TEST_CASE("a failed edge serves again when it is back") {
  const auto routing = GENERATE(Routing::nearest, Routing::weighted, Routing::latency);
  std::vector<MadeFleetTrace::Asked> list;
  for (cache::ObjectIndex i = 0; i < 60; ++i) list.push_back({1000 * i, i});
  const MadeFleetTrace made(list, std::vector<std::uint64_t>(60, 10));
  FleetSetup setup = one_town(
      {edge("near", client_points()[0]), edge("far", {client_points()[0].lat_deg + 2, 8.68})});
  setup.failures = {{cache::EdgeId{0}, 15'000, 35'000}};
  setup.routing.spread_epsilon_score = 0;
  setup.routing.spread_epsilon_ms = 0;
  const FleetModel model(made.trace, setup);
  const auto runs = replayed(made.trace, model, {fleet_run(routing)});
  CHECK(runs[0].fleet->edges[0].requests == 40);
  CHECK(runs[0].fleet->edges[1].requests == 20);
}

TEST_CASE("a client is where its address is, where that says nothing where its country is") {
  MadeFleetTrace made({{0, 0, 0}, {1, 0, 1}, {2, 0, 2}, {3, 0, 3}}, {10});
  const auto address = [](const char* text) { return geo::IpAddress::parse(text); };
  made.trace.requesters.clients = {{.address = address("192.0.2.1"), .country = country_of(1)},
                                   {.address = address("198.51.100.1"), .country = country_of(1)},
                                   {.country = country_of(1)},
                                   {.address = address("198.51.100.1")}};
  FleetSetup setup = one_town({edge("a", client_points()[0]), edge("b", client_points()[1])});
  geo::PrefixOverrides overrides;
  overrides.entries = {
      {.prefix = *geo::IpPrefix::parse("192.0.2.0/24"),
       .location = {.point = client_points()[0], .source = geo::LocationSource::override}}};
  setup.map = geo::with_overrides(*country_map(), overrides);
  const FleetModel model(made.trace, setup);
  const auto km = [&](std::uint32_t client, std::uint16_t at) {
    return model.client_km(client, cache::EdgeId{at});
  };
  CHECK(km(0, 0) < 1);
  CHECK(km(1, 1) < 1);
  CHECK(km(2, 1) < 1);
  CHECK(model.unlocated_requests() == 1);
  // Networks of one country stay apart where edges take shares.
  CHECK(model.client(1).prefix_hash == model.client(3).prefix_hash);
  CHECK(model.client(1).prefix_hash != model.client(2).prefix_hash);
}

TEST_CASE("a trace without clients is refused") {
  MadeFleetTrace made({.requests = 10});
  made.trace.requesters.clients.clear();
  CHECK_THROWS_AS(FleetModel(made.trace, setup_of(mixed_fleet())), std::invalid_argument);
}

}  // namespace edgeward::sim
