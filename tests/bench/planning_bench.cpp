// What it costs to plan a large fleet on one core: 1,000 edges, of 1 M contents 20,000 candidates
// at each, so 20 M pairs of an edge and a content.
//
//   taskset -c 0 /usr/bin/time -v edgeward_planning_bench --benchmark_filter=place/bytes
//
// One mode a run where memory is looked at: the peak is that of the process, 0.8 GB of it being the
// candidates.

#include <benchmark/benchmark.h>

#include <cmath>
#include <functional>
#include <string>

#include "cache/random.hpp"
#include "policy/placement.hpp"

namespace edgeward::policy {

namespace {

constexpr std::size_t kEdges = 1000;
constexpr std::size_t kParents = 10;
constexpr std::size_t kContents = 1'000'000;
constexpr std::size_t kCandidates = 20'000;

struct World {
  std::vector<std::vector<PlanCandidate>> candidates;
  std::vector<PlacementEdge> edges;
};

/// 10 KB to 100 MB, as likely in each tenfold.
std::uint64_t size_of(std::size_t content) {
  return static_cast<std::uint64_t>(1e4 * std::pow(1e4, cache::Random(content).unit()));
}

/// Of Zipf's law, each content once: what is popular is so everywhere, what is not is asked for
/// here and there.
std::vector<PlanCandidate> random_candidates(cache::Random& random) {
  std::vector<PlanCandidate> candidates;
  candidates.reserve(kCandidates);
  std::vector<bool> is_taken(kContents);
  while (candidates.size() < kCandidates) {
    const double rank = std::pow(static_cast<double>(kContents), random.unit());
    const auto content = static_cast<std::size_t>(rank) - 1;
    if (is_taken[content]) continue;
    is_taken[content] = true;
    const double requests = 1e5 / rank * 2 * random.unit();
    const std::uint64_t size_bytes = size_of(content);
    candidates.push_back({.content = cache::ContentId{content * 0x9E37'79B9'7F4A'7C15},
                          .size_bytes = size_bytes,
                          .requests = requests,
                          .worth = requests * static_cast<double>(size_bytes),
                          .is_held = random.below(2) == 0,
                          .is_kept = false});
    candidates.back().is_kept = candidates.back().is_held && random.below(4) == 0;
  }
  return candidates;
}

/// Six of ten edges fill from their eight nearest, three from a parent, one from the origin.
std::vector<PlacementSource> sources_of(std::size_t edge) {
  const auto source = [](std::size_t from, double fill_ms) {
    return PlacementSource{.edge = cache::EdgeId(static_cast<std::uint16_t>(from)),
                           .fill_ms = fill_ms};
  };
  std::vector<PlacementSource> sources;
  if (edge < kParents || edge % 10 == 0) return sources;
  if (edge % 10 < 4) return {source(edge / 10 % kParents, 20)};
  for (std::size_t k = 1; k <= kPlacementSourcesMax / 2; ++k) {
    const double fill_ms = 5.0 * static_cast<double>(k);
    sources.push_back(source((edge + k) % kEdges, fill_ms));
    sources.push_back(source((edge + kEdges - k) % kEdges, fill_ms));
  }
  return sources;
}

World random_world() {
  cache::Random random(1);
  World world;
  for (std::size_t e = 0; e < kEdges; ++e) {
    world.candidates.push_back(random_candidates(random));
    std::uint64_t bytes = 0;
    for (const PlanCandidate& candidate : world.candidates.back()) bytes += candidate.size_bytes;
    world.edges.push_back({.limits = {.budget_bytes = bytes / 4, .fill_bytes = bytes / 20},
                           .candidates = world.candidates.back(),
                           .sources = sources_of(e),
                           .origin_ms = 100});
  }
  return world;
}

void count(benchmark::State& state, std::size_t kept) {
  state.counters["pairs"] = static_cast<double>(kEdges * kCandidates);
  state.counters["chosen_anew"] = static_cast<double>(kept);
}

void independent(benchmark::State& state, const World& world) {
  std::size_t kept = 0;
  for (auto _ : state) {
    for (const PlacementEdge& edge : world.edges) {
      const PlanSelection selection = select(edge.candidates, edge.limits);
      kept += selection.keep.size() + selection.prefetch.size();
    }
  }
  count(state, kept);
}

void cooperative(benchmark::State& state, const World& world, PlanObjective objective) {
  std::size_t kept = 0;
  for (auto _ : state) {
    for (const Placement& placement : place(world.edges, {.objective = objective})) {
      kept += placement.selection.keep.size() + placement.selection.prefetch.size();
    }
  }
  count(state, kept);
}

}  // namespace

}  // namespace edgeward::policy

int main(int argc, char** argv) {
  using edgeward::policy::PlanObjective;
  benchmark::Initialize(&argc, argv);
  const edgeward::policy::World world = edgeward::policy::random_world();
  const auto once = [](benchmark::internal::Benchmark* made) {
    made->Iterations(1)->Unit(benchmark::kMillisecond);
  };
  once(benchmark::RegisterBenchmark("select", edgeward::policy::independent, std::cref(world)));
  for (const auto objective :
       {PlanObjective::requests, PlanObjective::bytes, PlanObjective::milliseconds}) {
    const std::string label = "place/" + std::string(edgeward::policy::name(objective));
    once(benchmark::RegisterBenchmark(label.c_str(), edgeward::policy::cooperative,
                                      std::cref(world), objective));
  }
  benchmark::RunSpecifiedBenchmarks();
}
