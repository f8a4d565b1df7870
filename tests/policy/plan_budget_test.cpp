#include "policy/plan_budget.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "cache/random.hpp"

namespace edgeward::policy {

namespace {

using Shares = std::array<double, PlanBudget::kLevels>;

/// An interval of so many requests of one byte each, with these hit ratios and a little chance.
PlanBudget::Interval interval(std::uint64_t requests, const Shares& hit_ratios,
                              cache::Random& random) {
  PlanBudget::Interval result{.requests = requests, .bytes = requests};
  // Most requests fare alike in all caches.
  const double common = (random.unit() - 0.5) * 0.1;
  for (std::size_t level = 0; level < PlanBudget::kLevels; ++level) {
    const double noise = (random.unit() - 0.5) * 0.01;
    const double hits = (hit_ratios[level] + common + noise) * static_cast<double>(requests);
    result.outcomes[level].hits = static_cast<std::uint64_t>(std::max(hits, 0.0));
    result.outcomes[level].hit_bytes = result.outcomes[level].hits;
  }
  result.realised = result.outcomes[0];
  return result;
}

PlanBudget after(int intervals, std::uint64_t requests, const Shares& hit_ratios) {
  PlanBudget budget(PlanObjective::bytes);
  cache::Random random(5);
  for (int i = 0; i < intervals; ++i) budget.note(interval(requests, hit_ratios, random));
  return budget;
}

constexpr Shares kSame{0.5, 0.5, 0.5, 0.5, 0.5};
constexpr Shares kMoreIsBetter{0.5, 0.52, 0.54, 0.56, 0.58};
constexpr Shares kMoreIsWorse{0.5, 0.48, 0.46, 0.44, 0.4};
constexpr Shares kHalfIsBest{0.5, 0.51, 0.53, 0.56, 0.45};

}  // namespace

TEST_CASE("plans have nothing until they are ahead beyond doubt") {
  CHECK(PlanBudget(PlanObjective::bytes).share() == 0);
  CHECK(after(2, 1000, kMoreIsBetter).share() == 0);
  CHECK(after(100, 1000, kSame).share() == 0);
  CHECK(after(100, 1000, kMoreIsWorse).share() == 0);
  // Enough intervals, but of too few requests.
  CHECK(after(30, 5, kMoreIsBetter).share() == 0);
}

TEST_CASE("plans have the part of the capacity that did best") {
  CHECK(after(30, 1000, kMoreIsBetter).share() == 0.9);
  CHECK(after(30, 1000, kHalfIsBest).share() == 0.5);
}

TEST_CASE("a part that loses is halved after two intervals and gone after four") {
  PlanBudget budget = after(30, 1000, kMoreIsBetter);
  REQUIRE(budget.share() == 0.9);
  cache::Random random(6);
  budget.note(interval(1000, kMoreIsWorse, random));
  CHECK(budget.share() > 0);
  budget.note(interval(1000, kMoreIsWorse, random));
  CHECK(budget.share() <= 0.5);
  budget.note(interval(1000, kMoreIsWorse, random));
  budget.note(interval(1000, kMoreIsWorse, random));
  CHECK(budget.share() == 0);
}

TEST_CASE("plans end where the edge itself loses whatever its shadows say") {
  PlanBudget budget = after(30, 1000, kMoreIsBetter);
  REQUIRE(budget.share() == 0.9);
  cache::Random random(6);
  PlanBudget::Interval promising = interval(1000, kMoreIsBetter, random);
  promising.realised.hits = promising.outcomes[0].hits - 20;
  int intervals = 0;
  while (budget.share() > 0 && intervals < 100) {
    budget.note(promising);
    ++intervals;
  }
  // Of thirty thousand requests and some it may lose about 17.
  CHECK(intervals == 1);
  promising.realised = promising.outcomes[0];
  for (int i = 0; i < 20; ++i) {
    budget.note(promising);
    CHECK(budget.share() == 0);
  }
}

TEST_CASE("bytes that were fetched ahead are no saving") {
  PlanBudget budget(PlanObjective::bytes);
  cache::Random random(7);
  for (int i = 0; i < 30; ++i) {
    PlanBudget::Interval costly = interval(1000, kMoreIsBetter, random);
    for (auto& outcome : costly.outcomes) outcome.prefetched_bytes = 200;
    costly.outcomes[0].prefetched_bytes = 0;
    budget.note(costly);
  }
  CHECK(budget.share() == 0);
}

TEST_CASE("plans for requests are not made where they cost bytes") {
  PlanBudget budget(PlanObjective::requests);
  cache::Random random(7);
  for (int i = 0; i < 30; ++i) {
    PlanBudget::Interval uneven = interval(1000, kMoreIsBetter, random);
    for (std::size_t level = 1; level < PlanBudget::kLevels; ++level) {
      uneven.outcomes[level].hit_bytes -= 250;
    }
    budget.note(uneven);
  }
  CHECK(budget.share() == 0);
}

TEST_CASE("an edge of few requests learns from the others and its own evidence overrules them") {
  PlanBudget fleet(PlanObjective::bytes);
  PlanBudget silent(PlanObjective::bytes);
  PlanBudget other(PlanObjective::bytes);
  cache::Random random(8);
  for (int i = 0; i < 40; ++i) {
    fleet.note(interval(20'000, kMoreIsBetter, random));
    silent.note(interval(20, kMoreIsBetter, random), &fleet);
    other.note(interval(5000, kMoreIsWorse, random), &fleet);
  }
  CHECK(silent.share() == 0.9);
  CHECK(other.share() == 0);
  CHECK(fleet.hit_ratio_gain(4) == Approx(0.08).epsilon(0.1));
}

}  // namespace edgeward::policy
