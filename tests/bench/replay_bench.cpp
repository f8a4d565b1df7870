// Replaying a Zipf stream through every policy, decoding apart: M requests a second, to be compared
// with the bare scan of the same run; machines differ and drift. And the object table beside a
// general hash map.

#include <benchmark/benchmark.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cache/eviction/registry.hpp"
#include "cache/random.hpp"
#include "sim/trace/object_table.hpp"
#include "sim/zipf.hpp"

namespace {

using namespace edgeward;

constexpr std::uint32_t kObjects = 1'000'000;
constexpr std::size_t kRequests = 4'000'000;
constexpr std::size_t kBatch = 4096;

/// A Zipf stream with everything that any policy may need.
struct Stream {
  std::vector<std::uint64_t> ids;
  std::vector<cache::ObjectIndex> requests;
  std::vector<cache::RequestIndex> next;
  std::vector<std::uint64_t> unit_sizes;
  std::vector<std::uint64_t> mixed_sizes;

  Stream() : ids(kRequests), requests(kRequests), next(kRequests) {
    cache::Random random(1);
    const sim::ZipfTable zipf(kObjects, 1.0);
    for (std::uint64_t& id : ids) id = (zipf.draw(random) + 1) * 0x9E3779B97F4A7C15;
    sim::ObjectTable table;
    for (std::size_t i = 0; i < kRequests; ++i) requests[i] = table.index(ids[i]);
    unit_sizes.assign(table.size(), 1);
    for (std::size_t i = 0; i < table.size(); ++i) {
      mixed_sizes.push_back(std::uint64_t{1} << (8 + random.below(12)));
    }
    std::vector<cache::RequestIndex> soonest(table.size(), cache::kNever);
    for (std::size_t i = kRequests; i-- > 0;) {
      next[i] = soonest[requests[i]];
      soonest[requests[i]] = static_cast<cache::RequestIndex>(i);
    }
  }
};

const Stream& stream() {
  static const Stream made;
  return made;
}

void set_rate(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRequests));
}

void scan(benchmark::State& state) {
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const cache::ObjectIndex object : stream().requests) sum += stream().unit_sizes[object];
    benchmark::DoNotOptimize(sum);
  }
  set_rate(state);
}

void replay(benchmark::State& state, const cache::PolicyKind& kind, bool mixed) {
  const std::vector<std::uint64_t>& sizes = mixed ? stream().mixed_sizes : stream().unit_sizes;
  std::uint64_t footprint = 0;
  for (const std::uint64_t size : sizes) footprint += size;
  const cache::NamedSettings settings{.name = std::string(kind.name), .settings = {}};
  std::vector<std::uint8_t> hits(kBatch);
  for (auto _ : state) {
    const auto policy = cache::make_policy(
        settings, {.sizes_bytes = sizes,
                   .capacity_bytes = footprint / 10,
                   .future = {.requests = stream().requests, .next_access = stream().next}});
    const std::span<const cache::ObjectIndex> requests = stream().requests;
    for (std::size_t begin = 0; begin < kRequests; begin += kBatch) {
      policy->replay(requests.subspan(begin, std::min(kBatch, kRequests - begin)), nullptr,
                     hits.data());
    }
  }
  set_rate(state);
}

void object_table(benchmark::State& state) {
  std::vector<sim::ObjectTable::Known> out(kRequests);
  const std::vector<std::uint32_t> sizes(kRequests, 1);
  for (auto _ : state) {
    sim::ObjectTable table;
    table.index_all(stream().ids, sizes.data(), out.data());
    benchmark::DoNotOptimize(out.data());
  }
  set_rate(state);
}

void flat_map(benchmark::State& state) {
  std::vector<cache::ObjectIndex> out(kRequests);
  for (auto _ : state) {
    boost::unordered_flat_map<std::uint64_t, cache::ObjectIndex> map;
    for (std::size_t i = 0; i < kRequests; ++i) {
      out[i] =
          map.emplace(stream().ids[i], static_cast<cache::ObjectIndex>(map.size())).first->second;
    }
    benchmark::DoNotOptimize(out.data());
  }
  set_rate(state);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("scan", scan)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("ids/object_table", object_table)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("ids/unordered_flat_map", flat_map)->Unit(benchmark::kMillisecond);
  for (const cache::PolicyKind& kind : cache::policy_kinds()) {
    for (const bool mixed : {false, true}) {
      const std::string name =
          "replay/" + std::string(kind.name) + (mixed ? "/mixed_sizes" : "/unit_sizes");
      benchmark::RegisterBenchmark(name.c_str(), [&kind, mixed](benchmark::State& state) {
        replay(state, kind, mixed);
      })->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
