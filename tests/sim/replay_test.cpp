#include "sim/replay/replay.hpp"

#include <catch2/catch.hpp>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/report/report.hpp"
#include "tests/sim/trace_support.hpp"

namespace edgeward::sim {

namespace {

constexpr std::int64_t kStartMs = 1'700'000'100'000;  // not at a five-minute boundary

/// A trace made by hand: objects of sizes 1..50, times at random distances.
struct Made {
  MemoryBudget budget;
  Trace trace{budget};

  explicit Made(std::size_t requests, std::uint32_t step_ms_max = 2000, std::uint64_t seed = 1) {
    cache::Random random(seed);
    for (std::uint64_t object = 0; object < 300; ++object) {
      trace.sizes_bytes.push_back(1 + object % 50);
    }
    std::uint32_t time = 0;
    for (std::size_t i = 0; i < requests; ++i) {
      const auto object = static_cast<cache::ObjectIndex>(random.below(1 + random.below(300)));
      trace.stream.push_back(object);
      trace.times.push_back(time);
      if (i + 1 < requests) time += static_cast<std::uint32_t>(random.below(step_ms_max));
      trace.summary.bytes += trace.sizes_bytes[object];
    }
    trace.summary.requests = requests;
    trace.summary.first_at_ms = kStartMs;
    trace.summary.last_at_ms = kStartMs + time;
  }

  /// Marks a share of new requests between the others as uncacheable.
  void add_uncacheable(std::size_t count) {
    TimeSteps::Cursor times(trace.times);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t position = i * trace.stream.size() / count;
      trace.uncacheable.push_back(
          {.stream_position = position, .bytes = 7, .time = times.at(position)});
      trace.summary.bytes += 7;
    }
    trace.summary.requests += count;
  }
};

HitCounts total(const std::vector<Cell>& cells, const RunResult& run) {
  HitCounts sum;
  for (std::size_t i = 0; i < run.cells.size(); ++i) {
    if (cells[i].is_counted) sum += run.cells[i];
  }
  return sum;
}

RunSpec lru(std::uint64_t capacity) {
  return {.policy = {.name = "lru"}, .capacity_bytes = capacity};
}

/// What an LRU cache with times to live does, told as plainly as possible.
HitCounts plain_lru(const Trace& trace, std::uint64_t capacity, std::int64_t ttl_ms,
                    std::size_t warm_up) {
  std::list<cache::ObjectIndex> order;
  std::map<cache::ObjectIndex, std::int64_t> fetched_at;
  std::uint64_t used = 0;
  HitCounts counts;
  TimeSteps::Cursor times(trace.times);
  for (std::size_t i = 0; i < trace.stream.size(); ++i) {
    const cache::ObjectIndex object = trace.stream.view()[i];
    const std::int64_t now = times.at(i);
    const std::uint64_t size = trace.sizes_bytes[object];
    const auto found = fetched_at.find(object);
    if (found != fetched_at.end()) {
      order.remove(object);
      order.push_front(object);
      const bool is_fresh = now - found->second < ttl_ms;
      if (!is_fresh) found->second = now;
      if (i < warm_up) continue;
      (is_fresh ? counts.hits : counts.expired) += 1;
      (is_fresh ? counts.hit_bytes : counts.expired_bytes) += size;
      continue;
    }
    while (used + size > capacity) {
      used -= trace.sizes_bytes[order.back()];
      fetched_at.erase(order.back());
      order.pop_back();
    }
    order.push_front(object);
    fetched_at[object] = now;
    used += size;
  }
  return counts;
}

constexpr std::int64_t kNeverStale = std::int64_t{1} << 60;

}  // namespace

TEST_CASE("cells cover the trace in order, within windows, and add up to it") {
  Made made(20'000);
  if (GENERATE(true, false)) made.add_uncacheable(777);
  const WarmUp warm_up =
      GENERATE(WarmUp{}, WarmUp{.requests_ratio = 0.2}, WarmUp{.duration_ms = 600'001});
  const auto cells = make_cells(made.trace, warm_up);
  TimeSteps::Cursor times(made.trace.times);
  std::uint64_t position = 0;
  Cell sum;
  sum.requests = sum.bytes = sum.uncacheable = 0;
  bool was_counted = false;
  for (const Cell& cell : cells) {
    CHECK(cell.stream_begin == position);
    CHECK(cell.requests > 0);
    CHECK(cell.requests == cell.stream_end - cell.stream_begin + cell.uncacheable);
    CHECK((!was_counted || cell.is_counted));
    was_counted = cell.is_counted;
    position = cell.stream_end;
    for (std::uint64_t i = cell.stream_begin; i < cell.stream_end; ++i) {
      const std::int64_t at_ms = made.trace.at_ms(times.at(i));
      if (at_ms / kWindowMs != cell.window) FAIL("request " << i << " is in another window");
      if (warm_up.duration_ms > 0 && (at_ms - kStartMs >= warm_up.duration_ms) != cell.is_counted) {
        FAIL("request " << i << " is on the wrong side of the warm-up");
      }
    }
    sum.requests += cell.requests;
    sum.bytes += cell.bytes;
    sum.uncacheable += cell.uncacheable;
    if (warm_up.requests_ratio > 0) {
      CHECK((sum.requests <= made.trace.summary.requests / 5) == !cell.is_counted);
    }
  }
  CHECK(position == made.trace.stream.size());
  CHECK(sum.requests == made.trace.summary.requests);
  CHECK(sum.bytes == made.trace.summary.bytes);
  CHECK(sum.uncacheable == made.trace.uncacheable.size());
  CHECK(cells.size() > 400);
}

TEST_CASE("a trace without times is cut into equal counts") {
  Made made(10'000);
  made.trace.times.release();
  made.trace.summary.first_at_ms = made.trace.summary.last_at_ms = std::nullopt;
  const auto cells = make_cells(made.trace, {});
  CHECK(cells.size() >= 512);
  CHECK(cells.front().requests == cells[cells.size() / 2].requests);
}

TEST_CASE("a trace over decades is cut into counts, however far apart its requests are") {
  Made made(100'000, 20'000);
  made.trace.time_unit_ms = 1000;
  made.trace.summary.last_at_ms =
      kStartMs + (*made.trace.summary.last_at_ms - kStartMs) * made.trace.time_unit_ms;
  REQUIRE_FALSE(has_windows(made.trace));
  const auto cells = make_cells(made.trace, {.duration_ms = 86'400'000});
  CHECK(cells.size() < 1000);
  CHECK_FALSE(cells.front().is_counted);
  CHECK(cells.back().is_counted);
  CHECK_FALSE(origin_rates(made.trace, cells, std::vector<HitCounts>(cells.size())));
}

TEST_CASE("the last time that 32 bits hold is a time like others") {
  MemoryBudget budget;
  Trace trace(budget);
  trace.sizes_bytes = {1};
  for (const std::uint32_t time : {0U, 0xFFFF'FFFFU, 0xFFFF'FFFFU}) {
    trace.stream.push_back(0);
    trace.times.push_back(time);
  }
  trace.summary.requests = 3;
  trace.summary.first_at_ms = 0;
  trace.time_unit_ms = GENERATE(1, 1000);
  trace.summary.last_at_ms = trace.at_ms(0xFFFF'FFFF);
  std::uint64_t requests = 0;
  for (const Cell& cell : make_cells(trace, {})) requests += cell.requests;
  CHECK(requests == 3);
}

TEST_CASE("a replay counts what a plain LRU with times to live counts") {
  Made made(30'000);
  const std::uint64_t capacity = GENERATE(0, 49, 600, 3000);
  const std::int64_t ttl_ms = GENERATE(kNeverStale, std::int64_t{0}, std::int64_t{30'000});
  const WarmUp warm_up = GENERATE(WarmUp{}, WarmUp{.requests_ratio = 0.5});
  // The plain one evicts for objects that can never fit, so it is only asked where all fit.
  if (capacity < 50) {
    const auto cells = make_cells(made.trace, warm_up);
    test::Quiet progress;
    CHECK(total(cells, replay(made.trace, cells, {lru(0)}, {}, progress)[0]).hits == 0);
    return;
  }
  ReplayOptions options{.check_invariants = true};
  if (ttl_ms != kNeverStale) {
    options.freshness = {.source = Freshness::Source::fixed, .ttl_ms = ttl_ms};
  }
  const auto cells = make_cells(made.trace, warm_up);
  test::Quiet progress;
  const auto runs = replay(made.trace, cells, {lru(capacity)}, options, progress);
  const std::size_t uncounted = warm_up.requests_ratio > 0 ? 15'000 : 0;
  CHECK(total(cells, runs[0]) == plain_lru(made.trace, capacity, ttl_ms, uncounted));
}

TEST_CASE("threads: the results do not depend on their number") {
  Made made(20'000);
  made.add_uncacheable(500);
  const auto cells = make_cells(made.trace, {.requests_ratio = 0.1});
  std::vector<RunSpec> runs;
  for (const char* const policy : {"lru", "fifo"}) {
    for (const std::uint64_t capacity : {100, 500, 2500}) {
      runs.push_back({.policy = {.name = policy}, .capacity_bytes = capacity});
    }
  }
  test::Quiet progress;
  const auto one = replay(made.trace, cells, runs, {.threads = 1}, progress);
  const auto many = replay(made.trace, cells, runs, {.threads = 4}, progress);
  REQUIRE(one.size() == many.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].cells == many[i].cells);
    CHECK(one[i].evictions == many[i].evictions);
    CHECK(one[i].spec == runs[i]);
  }
}

TEST_CASE("threads: a policy that cannot be made ends the replay with its error") {
  Made made(1000);
  const auto cells = make_cells(made.trace, {});
  std::vector<RunSpec> runs(8, lru(100));
  runs[3].policy.settings["nonsense"] = "1";
  test::Quiet progress;
  CHECK_THROWS_AS(replay(made.trace, cells, runs, {.threads = 3}, progress), cache::ParameterError);
}

TEST_CASE("a request for chunks is a hit if all its chunks are") {
  MemoryBudget budget;
  Trace trace(budget);
  trace.sizes_bytes = {10, 10, 4, 10};
  // Requests: chunks 0-2 of one object, its first chunk, its first two, another object, chunk 2.
  trace.request_starts.push_back(0);
  for (const cache::ObjectIndex chunk : {0, 1, 2}) trace.stream.push_back(chunk);
  trace.request_starts.push_back(3);
  trace.stream.push_back(0);
  trace.request_starts.push_back(4);
  for (const cache::ObjectIndex chunk : {0, 1}) trace.stream.push_back(chunk);
  trace.request_starts.push_back(6);
  trace.stream.push_back(3);
  trace.request_starts.push_back(7);
  for (const cache::ObjectIndex chunk : {2, 3}) trace.stream.push_back(chunk);
  trace.summary.requests = 5;
  const auto cells = make_cells(trace, {});
  std::uint64_t requests = 0;
  for (const Cell& cell : cells) requests += cell.requests;
  CHECK(requests == 5);
  test::Quiet progress;
  // Room for all but one chunk: the fourth request pushes out chunk 2, the least recent.
  const auto runs = replay(trace, cells, {lru(33)}, {}, progress);
  CHECK(total(cells, runs[0]) == HitCounts{.hits = 2, .hit_bytes = 10 + 20 + 10});
}

TEST_CASE("a stopped replay has fewer cells, and the report says so") {
  Made made(2'000'000, 20);
  const auto cells = make_cells(made.trace, {});
  test::Quiet progress(2);
  const auto runs = replay(made.trace, cells, {lru(100), lru(200)}, {}, progress);
  CHECK(runs[0].cells.size() + runs[1].cells.size() < 2 * cells.size());
  ReportOptions options;
  options.capacity_texts = {"100", "200"};
  CHECK(make_report(made.trace, cells, runs, options).partial);
}

}  // namespace edgeward::sim
