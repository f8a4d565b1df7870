#include "sim/interval.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <iostream>
#include <numbers>
#include <string_view>
#include <vector>

#include "cache/random.hpp"
#include "tests/instrumented.hpp"
#include "tests/support.hpp"

namespace edgeward::sim {

namespace {

enum class Load { even, daily, bursts };

/// A pair of runs whose true difference is known: each cell's difference in hit ratio is `change`
/// plus an AR(1) process plus white noise plus a daily pattern.
struct Scenario {
  std::string_view name{};
  std::size_t cells = 0;
  double rho = 0;     ///< autocorrelation of the process from one cell to the next
  double change = 0;  ///< the true difference
  Load load = Load::even;
  double white = 0;   ///< standard deviation of the white noise; the process has 0.01
  double daily = 0;   ///< amplitude of the daily pattern
  double low = 0.90;  ///< coverage that is accepted
  double high = 0.98;
};

double normal(cache::Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

/// Requests a cell relative to others: by hour of the day, or bursts of 1-4 cells with Pareto
/// heights up to 40 times the rest.
class LoadShape {
 public:
  explicit LoadShape(Load load) : load_(load) {}

  double next(std::size_t cell, cache::Random& random) {
    const double jitter = 0.8 + 0.4 * random.unit();
    if (load_ == Load::even) return jitter;
    if (load_ == Load::daily) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(cell % 24) / 24;
      return jitter * (1 - 0.75 * std::cos(angle));
    }
    if (burst_left_ == 0 && random.unit() < 0.05) burst_left_ = 1 + random.below(4);
    if (burst_left_ == 0) return jitter;
    --burst_left_;
    return jitter * std::min(40.0, 4 / std::sqrt(1 - random.unit()));
  }

 private:
  Load load_;
  std::uint64_t burst_left_ = 0;
};

std::vector<PairedCell> pair_of_runs(const Scenario& scenario, std::uint64_t seed) {
  cache::Random random(seed);
  LoadShape shape(scenario.load);
  std::vector<PairedCell> cells;
  double process = normal(random);
  for (std::size_t cell = 0; cell < scenario.cells; ++cell) {
    const double requests = std::round(20'000 * shape.next(cell, random));
    const double angle = 2 * std::numbers::pi * static_cast<double>(cell % 24) / 24;
    const double difference = scenario.change + 0.01 * process + scenario.white * normal(random) +
                              scenario.daily * std::sin(angle);
    const double baseline = 0.6 + 0.02 * normal(random);
    cells.push_back(
        {.requests = static_cast<std::uint64_t>(requests),
         .baseline_hits = static_cast<std::uint64_t>(std::round(requests * baseline)),
         .run_hits = static_cast<std::uint64_t>(std::round(requests * (baseline + difference)))});
    process = scenario.rho * process + std::sqrt(1 - scenario.rho * scenario.rho) * normal(random);
  }
  return cells;
}

constexpr int kPairs = 600;

struct Measured {
  double coverage = 0;
  double width_mean = 0;
};

Measured measure(const Scenario& scenario, IntervalOptions options) {
  Measured measured;
  for (int pair = 0; pair < kPairs; ++pair) {
    options.seed = static_cast<std::uint64_t>(pair);
    const auto cells = pair_of_runs(scenario, 1000 + options.seed);
    const Change change = hit_ratio_change(cells, options).value();
    measured.coverage += change.low <= scenario.change && scenario.change <= change.high ? 1 : 0;
    measured.width_mean += change.high - change.low;
  }
  measured.coverage /= kPairs;
  measured.width_mean /= kPairs;
  std::cout << fmt::format("  {:<44} n {:>4}  coverage {:.3f}  width {:.5f}\n", scenario.name,
                           scenario.cells, measured.coverage, measured.width_mean);
  return measured;
}

const IntervalOptions kFast{.replicates = 1000};

}  // namespace

TEST_CASE("the interval covers the true change in 90-98 % of pairs of runs") {
  if (test::kIsInstrumented) return test::skip("figures, which sanitizers do not change");
  const auto scenario = GENERATE(values<Scenario>({
      {.name = "independent", .cells = 10, .change = 0.02},
      {.name = "independent", .cells = 24, .change = 0.02},
      {.name = "independent", .cells = 48},
      {.name = "independent", .cells = 200, .change = -0.01},
      {.name = "independent", .cells = 1000},
      {.name = "rho .3", .cells = 10, .rho = 0.3},
      {.name = "rho .3", .cells = 24, .rho = 0.3, .change = 0.02},
      {.name = "rho .3", .cells = 48, .rho = 0.3},
      {.name = "rho .3", .cells = 1000, .rho = 0.3, .change = 0.001},
      {.name = "rho .6", .cells = 24, .rho = 0.6},
      {.name = "rho .6", .cells = 48, .rho = 0.6, .change = 0.02},
      {.name = "rho .6", .cells = 1000, .rho = 0.6},
      {.name = "rho .9", .cells = 168, .rho = 0.9, .change = 0.02},
      {.name = "rho .9", .cells = 288, .rho = 0.9},
      {.name = "rho .9", .cells = 1000, .rho = 0.9, .change = 0.02},
      {.name = "rho -.4", .cells = 100, .rho = -0.4},
      {.name = "daily load, independent", .cells = 48, .change = 0.02, .load = Load::daily},
      {.name = "daily load, rho .6", .cells = 168, .rho = 0.6, .load = Load::daily},
      {.name = "daily load, rho .9",
       .cells = 1000,
       .rho = 0.9,
       .change = -0.02,
       .load = Load::daily},
      {.name = "bursts, independent", .cells = 100, .change = 0.01, .load = Load::bursts},
      {.name = "bursts, rho .3", .cells = 300, .rho = 0.3, .load = Load::bursts},
      {.name = "bursts, rho .6", .cells = 1000, .rho = 0.6, .change = 0.01, .load = Load::bursts},
      {.name = "rho .9 under white noise", .cells = 168, .rho = 0.9, .white = 0.01},
      {.name = "rho .9 under white noise",
       .cells = 1000,
       .rho = 0.9,
       .change = 0.02,
       .white = 0.01},
      // What the header admits: the ends of what a trace can tell.
      {.name = "too short for its dependence: rho .9", .cells = 24, .rho = 0.9, .low = 0.80},
      {.name = "too short for its dependence: rho .9", .cells = 48, .rho = 0.9, .low = 0.85},
      {.name = "daily pattern in the difference",
       .cells = 168,
       .rho = 0.3,
       .load = Load::daily,
       .daily = 0.01,
       .low = 0.95,
       .high = 1},
  }));
  const Measured measured = measure(scenario, kFast);
  INFO(scenario.name << ", " << scenario.cells << " cells");
  CHECK(measured.coverage >= scenario.low);
  CHECK(measured.coverage <= scenario.high);
}

TEST_CASE("a bootstrap that takes dependent cells for independent covers far too little") {
  if (test::kIsInstrumented) return test::skip("figures, which sanitizers do not change");
  const Scenario scenario{.name = "rho .9, blocks of one cell", .cells = 1000, .rho = 0.9};
  CHECK(measure(scenario, {.replicates = 1000, .block_cells = 1}).coverage < 0.6);
}

TEST_CASE("the interval shrinks with the root of the cells") {
  const Measured few = measure({.name = "rho .3", .cells = 250, .rho = 0.3}, kFast);
  const Measured many = measure({.name = "rho .3", .cells = 2250, .rho = 0.3}, kFast);
  CHECK(few.width_mean / many.width_mean == Approx(3).epsilon(0.1));
}

TEST_CASE("equal runs have no change and no doubt") {
  std::vector<PairedCell> cells = pair_of_runs({.cells = 50}, 1);
  for (PairedCell& cell : cells) cell.run_hits = cell.baseline_hits;
  CHECK(hit_ratio_change(cells) == Change{.change = 0, .low = 0, .high = 0});
}

TEST_CASE("the change is the ratio of the sums, inside its interval") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto cells = pair_of_runs({.cells = 10 + seed, .rho = 0.5, .load = Load::bursts}, seed);
    std::int64_t gained = 0;
    std::int64_t requests = 0;
    for (const PairedCell& cell : cells) {
      gained += static_cast<std::int64_t>(cell.run_hits - cell.baseline_hits);
      requests += static_cast<std::int64_t>(cell.requests);
    }
    const Change change = hit_ratio_change(cells).value();
    CAPTURE(seed);
    CHECK(change.change == Approx(static_cast<double>(gained) / static_cast<double>(requests)));
    CHECK(change.low < change.change);
    CHECK(change.change < change.high);
  }
}

TEST_CASE("the same cells and seed give the same interval, another seed nearly the same") {
  const auto cells = pair_of_runs({.cells = 300, .rho = 0.6, .change = 0.02}, 7);
  const Change change = hit_ratio_change(cells, {.seed = 1}).value();
  const Change again = hit_ratio_change(cells, {.seed = 1}).value();
  const Change other = hit_ratio_change(cells, {.seed = 2}).value();
  CHECK(again == change);
  CHECK(other.low != change.low);
  CHECK(other.high - other.low == Approx(change.high - change.low).epsilon(0.1));
}

TEST_CASE("swapping the runs mirrors the change") {
  auto cells = pair_of_runs({.cells = 120, .rho = 0.3, .change = 0.03}, 3);
  const Change change = hit_ratio_change(cells).value();
  for (PairedCell& cell : cells) std::swap(cell.baseline_hits, cell.run_hits);
  const Change mirrored = hit_ratio_change(cells).value();
  CHECK(mirrored.change == Approx(-change.change));
  CHECK(mirrored.low == Approx(-change.high));
  CHECK(mirrored.high == Approx(-change.low));
}

TEST_CASE("cells without requests change nothing, too few with requests give no interval") {
  auto cells = pair_of_runs({.cells = kIntervalCellsMin}, 5);
  const auto change = hit_ratio_change(cells);
  REQUIRE(change.has_value());
  cells.insert(cells.begin() + 4, 1000, PairedCell{});
  CHECK(hit_ratio_change(cells) == change);
  cells.pop_back();
  CHECK_FALSE(hit_ratio_change(cells).has_value());
  CHECK_FALSE(hit_ratio_change({}).has_value());
}

TEST_CASE("terabytes in place of requests give the same interval") {
  const auto cells = pair_of_runs({.cells = 60, .rho = 0.3, .change = 0.01}, 9);
  auto scaled = cells;
  for (PairedCell& cell : scaled) {
    cell = {.requests = cell.requests << 36,
            .baseline_hits = cell.baseline_hits << 36,
            .run_hits = cell.run_hits << 36};
  }
  CHECK(hit_ratio_change(scaled)->low == Approx(hit_ratio_change(cells)->low));
  CHECK(hit_ratio_change(scaled)->high == Approx(hit_ratio_change(cells)->high));
}

TEST_CASE("a series that one cell dominates has a finite interval within the possible") {
  std::vector<PairedCell> cells(30, {.requests = 1, .baseline_hits = 0, .run_hits = 0});
  cells[11] = {.requests = 1'000'000, .baseline_hits = 0, .run_hits = 999'999};
  const Change change = hit_ratio_change(cells).value();
  CHECK(change.low >= -1);
  CHECK(change.low <= change.change);
  CHECK(change.high >= change.change);
  CHECK(change.high <= 1);
}

}  // namespace edgeward::sim
