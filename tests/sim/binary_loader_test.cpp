#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/trace/load.hpp"
#include "tests/sim/compress.hpp"
#include "tests/sim/trace_support.hpp"
#include "tests/support.hpp"

namespace edgeward::sim {

namespace {

using test::BinaryRecord;

Trace load(const std::string& bytes, MemoryBudget& budget,
           std::uint64_t reports = ~std::uint64_t{0}) {
  const test::TemporaryFolder folder;
  LoadOptions options;
  options.inputs = {folder.write("trace", bytes).string()};
  test::Quiet progress(reports);
  return load_trace(options, budget, progress);
}

std::vector<BinaryRecord> random_records(std::size_t count, std::uint64_t ids) {
  cache::Random random(5);
  std::vector<BinaryRecord> records;
  std::uint32_t time_s = 1'600'000'000;
  for (std::size_t i = 0; i < count; ++i) {
    time_s += static_cast<std::uint32_t>(random.below(3));
    records.push_back({.time_s = time_s,
                       .id = random.below(ids) * 0x9E3779B97F4A7C15,
                       .size_bytes = static_cast<std::uint32_t>(random.below(1000))});
  }
  return records;
}

}  // namespace

TEST_CASE("a binary trace gets dense numbers in order of appearance and first sizes") {
  const auto records = random_records(50'000, 7'000);
  MemoryBudget budget;
  const Trace trace = load(test::zstd(test::binary_trace(records)), budget);

  std::map<std::uint64_t, cache::ObjectIndex> numbers;
  std::vector<std::uint64_t> sizes;
  std::uint64_t bytes = 0;
  std::uint64_t footprint = 0;
  REQUIRE(trace.stream.size() == records.size());
  REQUIRE(trace.times.size() == records.size());
  TimeSteps::Cursor times(trace.times);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto [at, is_new] =
        numbers.emplace(records[i].id, static_cast<cache::ObjectIndex>(numbers.size()));
    if (is_new) {
      sizes.push_back(records[i].size_bytes);
      footprint += records[i].size_bytes;
    }
    bytes += sizes[at->second];
    if (trace.stream.view()[i] != at->second) FAIL("request " << i);
    if (trace.at_ms(times.at(i)) != std::int64_t{records[i].time_s} * 1000) {
      FAIL("time of request " << i);
    }
  }
  CHECK(trace.sizes_bytes == sizes);
  CHECK(trace.summary.requests == records.size());
  CHECK(trace.summary.unique_objects == numbers.size());
  CHECK(trace.summary.footprint_bytes == footprint);
  CHECK(trace.summary.bytes == bytes);
  CHECK_FALSE(trace.summary.lines);
  CHECK(trace.summary.went_back == 0);
}

TEST_CASE("a binary trace larger than the memory allowed loads the same from disk") {
  const std::string bytes = test::binary_trace(random_records(1'200'000, 30'000));
  MemoryBudget plenty;
  MemoryBudget little{.limit_bytes = 4 << 20};
  const Trace in_memory = load(bytes, plenty);
  const Trace spooled = load(bytes, little);
  CHECK_FALSE(plenty.spilled);
  CHECK(little.spilled);
  const auto same = [](const auto& a, const auto& b) {
    return std::equal(a.view().begin(), a.view().end(), b.view().begin(), b.view().end());
  };
  CHECK(same(in_memory.stream, spooled.stream));
  TimeSteps::Cursor times(in_memory.times);
  TimeSteps::Cursor spooled_times(spooled.times);
  for (std::size_t i = 0; i < in_memory.stream.size(); ++i) {
    if (times.at(i) != spooled_times.at(i)) FAIL("time of request " << i);
  }
}

TEST_CASE("a cut binary record is counted and said, the whole ones are kept") {
  const std::string bytes = test::binary_trace(random_records(100, 10));
  MemoryBudget budget;
  const Trace trace = load(bytes.substr(0, bytes.size() - 5), budget);
  CHECK(trace.summary.requests == 99);
  CHECK(trace.summary.skipped[static_cast<std::size_t>(SkipReason::bad_line)] == 1);
  REQUIRE(trace.summary.first_bad.size() == 1);
  CHECK_THAT(trace.summary.first_bad[0].message, Catch::Contains("19 bytes"));
}

TEST_CASE("running numbers and disorder are not taken for times, a little disorder is") {
  std::vector<BinaryRecord> records = random_records(2000, 50);
  MemoryBudget budget;
  SECTION("numbered requests") {
    for (std::size_t i = 0; i < records.size(); ++i)
      records[i].time_s = static_cast<std::uint32_t>(i + 1);
    CHECK_FALSE(load(test::binary_trace(records), budget).has_times());
  }
  SECTION("arbitrary values") {
    cache::Random random(1);
    for (auto& record : records)
      record.time_s = static_cast<std::uint32_t>(random.below(1'000'000));
    CHECK_FALSE(load(test::binary_trace(records), budget).has_times());
  }
  SECTION("one request out of order") {
    records[1000].time_s -= 60;
    const Trace trace = load(test::binary_trace(records), budget);
    REQUIRE(trace.has_times());
    CHECK(trace.summary.went_back == 1);
    TimeSteps::Cursor times(trace.times);
    CHECK(times.at(999) == times.at(1000));  // no earlier than the one before
  }
  SECTION("all at once") {
    for (auto& record : records) record.time_s = 7;
    CHECK_FALSE(load(test::binary_trace(records), budget).has_times());
  }
}

TEST_CASE("reading stops where it is asked to, and says that it is partial") {
  const std::string bytes = test::binary_trace(random_records(500'000, 10));
  MemoryBudget budget;
  const Trace trace = load(bytes, budget, 3);
  CHECK(trace.summary.partial);
  CHECK(trace.summary.requests > 0);
  CHECK(trace.summary.requests < 500'000);
}

TEST_CASE("several binary traces are one, in the order given") {
  const test::TemporaryFolder folder;
  const auto records = random_records(1000, 100);
  const std::vector<BinaryRecord> first(records.begin(), records.begin() + 400);
  const std::vector<BinaryRecord> second(records.begin() + 400, records.end());
  LoadOptions options;
  options.inputs = {folder.write("a", test::binary_trace(first)).string(),
                    folder.write("b", test::gzip(test::binary_trace(second))).string()};
  MemoryBudget budget;
  test::Quiet progress;
  const Trace joined = load_trace(options, budget, progress);
  const Trace whole = load(test::binary_trace(records), budget);
  CHECK(std::equal(joined.stream.view().begin(), joined.stream.view().end(),
                   whole.stream.view().begin(), whole.stream.view().end()));
}

}  // namespace edgeward::sim
