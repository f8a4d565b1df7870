#include "sim/replay/plan_loop.hpp"

#include <catch2/catch.hpp>

#include "sim/replay/fleet_replay.hpp"
#include "tests/sim/fleet_support.hpp"

namespace edgeward::sim {

namespace {

constexpr std::uint64_t kCapacityBytes = 4000;

/// Four days of a skewed demand, the same everywhere: what neighbours want is what one wants.
MadeFleetTrace four_days() {
  return MadeFleetTrace(
      {.requests = 60'000, .objects = 3000, .step_ms_max = 11'500, .time_unit_ms = 1});
}

/// One run of each way to plan, in the order of Planning.
std::vector<HitCounts> planned(const MadeFleetTrace& made, const cache::Fleet& fleet) {
  const FleetModel model(made.trace, setup_of(fleet));
  std::vector<RunSpec> runs;
  for (const Planning planning : {Planning::none, Planning::independent, Planning::cooperative}) {
    runs.push_back(fleet_run(Routing::nearest, kCapacityBytes));
    runs.back().planning = planning;
  }
  test::Quiet progress;
  ReplayOptions options;
  options.fleet = &model;
  options.check_invariants = true;
  std::vector<HitCounts> sums;
  for (const RunResult& run :
       replay(made.trace, make_cells(made.trace, {}), runs, options, progress)) {
    sums.emplace_back();
    for (const HitCounts& cell : run.cells) sums.back() += cell;
  }
  return sums;
}

/// Of the bytes that edges did not hold and of those fetched ahead, what no other edge had.
std::uint64_t origin_bytes(const MadeFleetTrace& made, const HitCounts& counts) {
  return made.trace.summary.bytes - counts.hit_bytes - counts.spared_bytes +
         counts.prefetch_origin_bytes;
}

cache::Fleet three_of(cache::FillSource fill, cache::EdgeId parent = cache::kNoEdge) {
  cache::Fleet fleet;
  fleet.origin = {.point = {39.04, -77.49}, .service_ms = 35};
  fleet.edges = {edge("fra", {50.03, 8.56}, fill, parent), edge("par", {49.01, 2.55}, fill, parent),
                 edge("lon", {51.47, -0.46}, fill, parent)};
  return fleet;
}

}  // namespace

TEST_CASE("peers that are planned together fetch less from the origin than each alone") {
  const MadeFleetTrace made = four_days();
  const auto sums = planned(made, three_of(cache::FillSource::peer));
  CHECK(origin_bytes(made, sums[2]) < origin_bytes(made, sums[1]));
}

TEST_CASE("a shield that is planned with its edges fetches less than one that is planned alone") {
  const MadeFleetTrace made = four_days();
  cache::Fleet fleet = three_of(cache::FillSource::parent, cache::EdgeId{3});
  fleet.edges.push_back(edge("shield", {52.31, 4.76}));
  fleet.edges.back().is_shield = true;
  const auto sums = planned(made, fleet);
  CHECK(origin_bytes(made, sums[1]) < origin_bytes(made, sums[0]));
  CHECK(origin_bytes(made, sums[2]) < origin_bytes(made, sums[1]));
}

TEST_CASE("edges that fill from the origin are planned together as each is alone") {
  const MadeFleetTrace made = four_days();
  const auto sums = planned(made, three_of(cache::FillSource::origin));
  CHECK(sums[2].hits == sums[1].hits);
  CHECK(sums[2].hit_bytes == sums[1].hit_bytes);
}

}  // namespace edgeward::sim
