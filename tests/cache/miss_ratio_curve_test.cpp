#include "cache/miss_ratio_curve.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <vector>

#include "cache/stack_distances.hpp"
#include "tests/cache/traces.hpp"

namespace edgeward::cache {

namespace {

/// By the definition: a list of objects, the one asked for last in front.
std::vector<std::uint64_t> distances_by_list(const Trace& trace) {
  std::vector<ObjectIndex> list;
  std::vector<std::uint64_t> distances;
  for (const ObjectIndex object : trace.requests) {
    const auto found = std::find(list.begin(), list.end(), object);
    std::uint64_t distance = StackDistances::kFirst;
    if (found != list.end()) {
      distance = 0;
      for (auto each = list.begin(); each <= found; ++each) distance += trace.sizes_bytes[*each];
      list.erase(found);
    }
    list.insert(list.begin(), object);
    distances.push_back(distance);
  }
  return distances;
}

/// LRU by that list: what does not fit is not taken in, the last goes until there is room.
MissRatioCurve::Point hits_by_list(const Trace& trace, std::uint64_t capacity_bytes) {
  MissRatioCurve::Point point{.capacity_bytes = capacity_bytes};
  std::vector<ObjectIndex> list;
  std::uint64_t used_bytes = 0;
  for (const ObjectIndex object : trace.requests) {
    const std::uint64_t size_bytes = trace.sizes_bytes[object];
    const auto found = std::find(list.begin(), list.end(), object);
    if (found != list.end()) {
      ++point.hits;
      point.hit_bytes += size_bytes;
      std::rotate(list.begin(), found, found + 1);
      continue;
    }
    if (size_bytes > capacity_bytes) continue;
    while (used_bytes + size_bytes > capacity_bytes) {
      used_bytes -= trace.sizes_bytes[list.back()];
      list.pop_back();
    }
    list.insert(list.begin(), object);
    used_bytes += size_bytes;
  }
  return point;
}

}  // namespace

TEST_CASE("stack distances are those of a list of last accesses") {
  // Of few objects, so that places are closed up again and again; of one level of sums and several.
  for (const ObjectIndex objects : {1U, 2U, 17U, 300U}) {
    for (const std::size_t at_once : {1U, 7U, 5000U}) {
      CAPTURE(objects, at_once);
      const Trace trace = random_trace({.seed = objects + at_once,
                                        .sizes = Sizes::mixed,
                                        .requests = 20'000,
                                        .objects = objects});
      const std::vector<std::uint64_t> expected = distances_by_list(trace);
      StackDistances stack(trace.sizes_bytes);
      std::vector<std::uint64_t> distances(trace.requests.size());
      for (std::size_t i = 0; i < distances.size(); i += at_once) {
        const std::size_t count = std::min(at_once, distances.size() - i);
        stack.measure(std::span(trace.requests).subspan(i, count), &distances[i]);
      }
      REQUIRE(distances == expected);
    }
  }
}

TEST_CASE("what every capacity hits is what LRU of that capacity hits") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Trace trace =
        random_trace({.seed = seed, .sizes = Sizes::mixed, .requests = 10'000, .objects = 200});
    const std::uint64_t footprint_bytes = trace.footprint_bytes();
    const std::uint64_t largest_bytes =
        *std::max_element(trace.sizes_bytes.begin(), trace.sizes_bytes.end());
    // Some below the largest object, which goes past them.
    std::vector<std::uint64_t> capacities{0, 1, 10, largest_bytes - 1, largest_bytes};
    for (int i = 1; i <= 20; ++i) capacities.push_back(largest_bytes + footprint_bytes * i / 20);
    const MissRatioCurve curve = lru_curve(trace.requests, trace.sizes_bytes, capacities);
    CHECK(curve.requests == trace.requests.size());
    REQUIRE(curve.points.size() == capacities.size());
    for (const MissRatioCurve::Point& point : curve.points) {
      CAPTURE(seed, point.capacity_bytes);
      REQUIRE(point == hits_by_list(trace, point.capacity_bytes));
    }
    // All but first requests.
    const std::set<ObjectIndex> asked(trace.requests.begin(), trace.requests.end());
    CHECK(curve.points.back().hits == trace.requests.size() - asked.size());
  }
}

TEST_CASE("a curve of nothing has its points and no hits") {
  const std::vector<std::uint64_t> capacities{1, 10};
  const MissRatioCurve curve = lru_curve({}, {}, capacities);
  CHECK(curve.requests == 0);
  REQUIRE(curve.points.size() == 2);
  CHECK(curve.points[1] == MissRatioCurve::Point{.capacity_bytes = 10});
}

}  // namespace edgeward::cache
