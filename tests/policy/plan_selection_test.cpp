#include "policy/plan_selection.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>

#include "cache/random.hpp"

namespace edgeward::policy {

namespace {

constexpr std::uint64_t kInstances = 1000;

struct Instance {
  std::vector<PlanCandidate> candidates;
  PlanLimits limits;
};

/// Sizes between one and some tens, budgets of a few of them: where a knapsack by density fails.
Instance random_instance(std::uint64_t seed, std::size_t count_max) {
  cache::Random random(seed);
  Instance instance;
  const std::size_t count = 3 + random.below(count_max - 2);
  std::uint64_t bytes = 0;
  for (std::size_t c = 0; c < count; ++c) {
    const std::uint64_t size = 1 + random.below(random.below(4) == 0 ? 40 : 10);
    bytes += size;
    instance.candidates.push_back({.content = cache::ContentId{c},
                                   .size_bytes = size,
                                   .requests = 10,
                                   .worth = 100 * random.unit() * random.unit(),
                                   .is_held = random.below(2) == 0});
  }
  instance.limits.budget_bytes = 1 + random.below(bytes / 2 + 1);
  // Half of them with a limit that counts.
  instance.limits.fill_bytes = seed % 2 == 0 ? bytes : random.below(bytes / 4 + 1);
  return instance;
}

/// The most that fits, by dynamic programming over both limits.
double optimum(const Instance& instance) {
  const std::size_t budget = instance.limits.budget_bytes;
  const std::size_t fill = std::min(instance.limits.fill_bytes, instance.limits.budget_bytes);
  std::vector<std::vector<double>> best(budget + 1, std::vector<double>(fill + 1));
  for (const PlanCandidate& candidate : instance.candidates) {
    const std::size_t size = candidate.size_bytes;
    const std::size_t fetched = candidate.is_held ? 0 : size;
    for (std::size_t b = budget + 1; b-- > size;) {
      for (std::size_t f = fill + 1; f-- > fetched;) {
        best[b][f] = std::max(best[b][f], best[b - size][f - fetched] + candidate.worth);
      }
    }
  }
  return best[budget][fill];
}

double worth_of(const Instance& instance, const PlanSelection& selection) {
  double worth = 0;
  for (const auto* part : {&selection.keep, &selection.prefetch}) {
    for (const std::uint32_t i : *part) worth += instance.candidates[i].worth;
  }
  return worth;
}

}  // namespace

TEST_CASE("a selection is worth nearly what the best one is") {
  for (const std::size_t count_max : {6U, 14U, 60U}) {
    double mean = 0;
    double least = 1;
    for (std::uint64_t seed = 1; seed <= kInstances; ++seed) {
      INFO("seed " << seed << " of up to " << count_max);
      const Instance instance = random_instance(seed, count_max);
      const PlanSelection selection = select(instance.candidates, instance.limits);
      REQUIRE(selection.kept_bytes <= instance.limits.budget_bytes);
      REQUIRE(selection.fetched_bytes <= instance.limits.fill_bytes);
      const double best = optimum(instance);
      const double ratio = best > 0 ? worth_of(instance, selection) / best : 1;
      REQUIRE(ratio <= 1 + 1e-9);
      mean += ratio / kInstances;
      least = std::min(least, ratio);
    }
    std::printf("independent, up to %zu contents: mean %.4f, least %.4f of the optimum\n",
                count_max, mean, least);
    // A few are chosen exactly.
    CHECK(mean >= (count_max <= 14 ? 1 - 1e-9 : 0.95));
    CHECK(least >= (count_max <= 14 ? 1 - 1e-9 : 0.85));
  }
}

TEST_CASE("a larger budget is never worth less") {
  for (std::uint64_t seed = 1; seed <= kInstances; ++seed) {
    INFO("seed " << seed);
    Instance instance = random_instance(seed, 14);
    const double before = worth_of(instance, select(instance.candidates, instance.limits));
    instance.limits.budget_bytes += 1 + seed % 7;
    CHECK(worth_of(instance, select(instance.candidates, instance.limits)) >= before - 1e-9);
  }
}

TEST_CASE("a large content behind many small ones is not forgotten") {
  Instance instance;
  for (std::uint64_t c = 0; c < 40; ++c) {
    instance.candidates.push_back(
        {.content = cache::ContentId{c}, .size_bytes = 1, .worth = 1.1, .is_held = true});
  }
  instance.candidates.push_back(
      {.content = cache::ContentId{99}, .size_bytes = 1000, .worth = 1000, .is_held = true});
  instance.limits.budget_bytes = 1000;
  const PlanSelection selection = select(instance.candidates, instance.limits);
  CHECK(worth_of(instance, selection) >= 1000);
}

}  // namespace edgeward::policy
