#include "sim/report/report.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/printable.hpp"
#include "sim/report/figures.hpp"
#include "sim/report/writers.hpp"
#include "tests/sim/trace_support.hpp"

namespace edgeward::sim {

namespace {

namespace json = boost::json;

constexpr std::int64_t kWindow = 5'000'000;  // a five-minute window since 1970

/// Cells of ten requests of a hundred bytes, one a window unless said otherwise.
struct Counted {
  MemoryBudget budget;
  Trace trace{budget};
  std::vector<Cell> cells;

  explicit Counted(const std::vector<std::int64_t>& windows) {
    for (const std::int64_t window : windows) {
      cells.push_back({.requests = 10, .bytes = 1000, .window = kWindow + window});
      trace.summary.requests += 10;
      trace.summary.bytes += 1000;
    }
    trace.summary.first_at_ms = (kWindow + windows.front()) * kWindowMs;
    trace.summary.last_at_ms = (kWindow + windows.back() + 1) * kWindowMs - 1;
  }

  /// A run that hits the given number of requests, of 100 bytes each, in each cell.
  [[nodiscard]] RunResult run(const std::string& policy, const std::vector<std::uint64_t>& hits,
                              const std::string& admission = "none",
                              std::uint64_t capacity = 5000) const {
    RunResult result{.spec = {.policy = cache::NamedSettings::parse(policy),
                              .admission = cache::NamedSettings::parse(admission),
                              .capacity_bytes = capacity}};
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::uint64_t count = hits[i % hits.size()];
      result.cells.push_back({.hits = count, .hit_bytes = count * 100});
    }
    return result;
  }
};

std::vector<std::int64_t> numbers(std::int64_t count) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < count; ++i) result.push_back(i);
  return result;
}

ReportOptions options(std::size_t runs, BaselineChoice baseline = {}) {
  return {.baseline = std::move(baseline), .capacity_texts = std::vector<std::string>(runs, "1%")};
}

}  // namespace

TEST_CASE("the 95th percentile of origin rates counts idle windows, the peak is the busiest") {
  // 40 windows, of which 4 have traffic: nearest rank 38 of 40, so the third largest.
  Counted counted({0, 10, 20, 39});
  const std::vector<HitCounts> counts{
      {.hit_bytes = 900}, {.hit_bytes = 400}, {}, {.hit_bytes = 200}};
  const auto rates = origin_rates(counted.trace, counted.cells, counts);
  REQUIRE(rates);
  CHECK(rates->peak_bps == Approx(1000 * 8 / 300.0));
  CHECK(rates->p95_bps == Approx(600 * 8 / 300.0));
}

TEST_CASE("mostly idle traffic has a 95th percentile of zero") {
  Counted counted({0, 50, 100});
  const auto rates = origin_rates(counted.trace, counted.cells, {{}, {}, {}});
  REQUIRE(rates);
  CHECK(rates->p95_bps == 0);
}

TEST_CASE("under an hour, or without times, there are no origin rates") {
  Counted brief(numbers(11));
  CHECK_FALSE(origin_rates(brief.trace, brief.cells, std::vector<HitCounts>(11)));
  Counted hour(numbers(13));
  CHECK(origin_rates(hour.trace, hour.cells, std::vector<HitCounts>(13)));
  hour.trace.summary.first_at_ms = hour.trace.summary.last_at_ms = std::nullopt;
  CHECK_FALSE(origin_rates(hour.trace, hour.cells, std::vector<HitCounts>(13)));
}

TEST_CASE("sums and ratios are those of the counted cells") {
  Counted counted(numbers(40));
  for (std::size_t i = 0; i < 10; ++i) counted.cells[i].is_counted = false;
  const Report report =
      make_report(counted.trace, counted.cells, {counted.run("lru", {3, 5})}, options(1));
  REQUIRE(report.runs.size() == 1);
  const ReportedRun& run = report.runs[0];
  CHECK(run.requests == 300);
  CHECK(run.counts.hits == 120);
  CHECK(run.bytes == 30'000);
  CHECK(run.origin_bytes() == 18'000);
  CHECK(run.hit_ratio().value() == Approx(0.4));
  CHECK(run.byte_hit_ratio().value() == Approx(0.4));
  CHECK(run.is_baseline);
  CHECK_FALSE(run.change);
}

TEST_CASE("a change is run minus baseline at the same capacity and admission") {
  Counted counted(numbers(40));
  const std::vector<RunResult> runs{
      counted.run("lru", {3}, "none", 100),       counted.run("lru", {4}, "none", 200),
      counted.run("sieve", {5}, "none", 100),     counted.run("sieve", {8}, "none", 200),
      counted.run("lru", {2}, "second_hit", 100), counted.run("sieve", {1}, "second_hit", 100)};
  const Report report =
      make_report(counted.trace, counted.cells, runs, options(runs.size(), {.policy = "lru"}));
  CHECK_FALSE(report.runs[0].change);
  CHECK_FALSE(report.runs[1].change);
  REQUIRE(report.runs[2].change);
  CHECK(report.runs[2].change->hit_ratio == Approx(0.2));
  CHECK(report.runs[2].change->origin_bytes == -40 * 200);
  CHECK(report.runs[3].change->hit_ratio == Approx(0.4));
  CHECK(report.runs[4].is_baseline);
  CHECK(report.runs[5].change->hit_ratio == Approx(-0.1));
  CHECK(report.runs[5].change->low.value() == Approx(-0.1));
  CHECK(report.runs[5].change->baseline.at("policy") == "lru");

  const Report first = make_report(counted.trace, counted.cells, runs, options(runs.size()));
  CHECK(first.runs[4].change->hit_ratio == Approx(-0.1));
  CHECK(first.runs[4].change->baseline.at("admission") == "none");

  CHECK_THROWS_AS(make_report(counted.trace, counted.cells, runs, options(6, {.policy = "gdsf"})),
                  cache::ParameterError);
  CHECK_THROWS_AS(make_report(counted.trace, counted.cells, runs, options(6, {.admission = "x"})),
                  cache::ParameterError);
}

TEST_CASE("the recorded row counts what the log says and bytes sent") {
  Counted counted(numbers(20));
  counted.trace.recorded.push_back(RecordedResponse{}.packed());
  for (Cell& cell : counted.cells) {
    cell.recorded_requests = 8;
    cell.recorded_hits = 6;
    cell.recorded_uncacheable = 1;
    cell.recorded_bytes = 500;
    cell.recorded_hit_bytes = 300;
  }
  const Report report =
      make_report(counted.trace, counted.cells, {counted.run("lru", {3})}, options(1));
  REQUIRE(report.runs.size() == 2);
  CHECK(report.runs[0].policy == "recorded");
  CHECK_FALSE(report.runs[0].capacity_bytes);
  CHECK(report.runs[0].hit_ratio().value() == Approx(0.75));
  CHECK(report.runs[0].byte_hit_ratio().value() == Approx(0.6));
  CHECK(report.runs[0].origin_bytes() == 20 * 200);
  CHECK(report.runs[0].uncacheable == 20);
}

TEST_CASE("the JSON has every promised name, and its figures add up") {
  Counted counted(numbers(40));
  Report report =
      make_report(counted.trace, counted.cells,
                  {counted.run("lru", {3}), counted.run("s3fifo:small=0.2", {4})}, options(2));
  report.trace.skipped[static_cast<std::size_t>(SkipReason::status)] = 4;
  report.trace.lines = 404;
  const json::value parsed = json::parse(report_json(report));
  const json::object& root = parsed.as_object();
  CHECK(root.at("schema_version") == 1);
  CHECK(root.at("partial") == false);
  CHECK_FALSE(root.contains("wall_seconds"));
  const json::object& trace = root.at("trace").as_object();
  for (const char* const name : {"lines", "requests", "bytes", "unique_objects", "footprint_bytes",
                                 "first_at", "last_at", "skipped"}) {
    INFO(name);
    CHECK(trace.contains(name));
  }
  CHECK(trace.at("skipped").at("status") == 4);
  const json::object& run = root.at("runs").at(1).as_object();
  for (const char* const name :
       {"policy",          "parameters",     "admission",      "capacity_bytes",
        "routing",         "plan",           "requests",       "hits",
        "hit_ratio",       "bytes",          "hit_bytes",      "byte_hit_ratio",
        "origin_bytes",    "peer_bytes",     "prefetch_bytes", "prefetch_used_bytes",
        "origin_peak_bps", "origin_p95_bps", "evictions",      "uncacheable",
        "expired",         "delayed_hits",   "ceiling",        "change"}) {
    INFO(name);
    CHECK(run.contains(name));
  }
  CHECK(run.at("policy") == "s3fifo");
  CHECK(run.at("parameters").at("small") == "0.2");
  CHECK(run.at("hit_ratio").as_double() == Approx(0.4));
  CHECK(run.at("origin_bytes").as_int64() + run.at("hit_bytes").as_int64() ==
        run.at("bytes").as_int64());
  CHECK(run.at("change").at("hit_ratio").as_double() == Approx(0.1));
}

TEST_CASE("no requests give null ratios and no division by zero") {
  MemoryBudget budget;
  Trace trace(budget);
  const Report report =
      make_report(trace, {}, {RunResult{.spec = {.policy = {.name = "lru"}}}}, options(1));
  const json::value parsed = json::parse(report_json(report));
  CHECK(parsed.at("runs").at(0).at("hit_ratio").is_null());
  CHECK_THAT(report_table(report), Catch::Contains("nothing to replay"));
  CHECK_THAT(report_csv(report), Catch::Contains("lru,,none,0,0,0,,0,0,,0,"));
}

TEST_CASE("the table marks the best of real policies and sets ceilings apart") {
  Counted counted(numbers(40));
  const Report report = make_report(
      counted.trace, counted.cells,
      {counted.run("lru", {3}), counted.run("fifo", {4}), counted.run("sieve", {2})}, options(3));
  Report with_ceiling = report;
  with_ceiling.runs[2].is_ceiling = true;
  with_ceiling.runs[2].counts.hits = 390;
  const std::string table = report_table(with_ceiling);
  const std::size_t ceilings = table.find("ceilings");
  REQUIRE(ceilings != std::string::npos);
  CHECK(table.find("sieve") > ceilings);
  CHECK(table.find("40.00% *") != std::string::npos);
  CHECK(table.find("97.50% *") == std::string::npos);
  CHECK(table.find('\x1B') == std::string::npos);
}

TEST_CASE("hostile text reaches a terminal only escaped") {
  CHECK(printable("plain é 日本 \xF0\x9F\x98\x80") == "plain é 日本 \xF0\x9F\x98\x80");
  CHECK(printable("\x1B[31mred\x07") == "\\x1B[31mred\\x07");
  CHECK(printable(std::string_view("a\0b\r\n\t\x7F", 7)) == "a\\x00b\\x0D\\x0A\\x09\\x7F");
  CHECK(printable("\xC2\x9B"
                  "31m") == "\\xC2\\x9B31m");  // C1: CSI
  CHECK(printable("\xC0\x80 \xED\xA0\x80 \xFF") == "\\xC0\\x80 \\xED\\xA0\\x80 \\xFF");
  CHECK(printable("\xE2\x80\xAE"
                  "evil") ==
        "\\xE2\\x80\\xAE"
        "evil");  // right-to-left override
  CHECK(printable("\xE2\x80") == "\\xE2\\x80");
  CHECK(printable(std::string(100'000, 'x')).size() < 2100);
  cache::Random random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string text(random.below(40), '\0');
    for (char& c : text) c = static_cast<char>(random.next());
    for (const char c : printable(text)) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
        FAIL("a control character came through");
    }
  }
}

TEST_CASE("a field that a spreadsheet would run or split is quoted") {
  Counted counted(numbers(20));
  Report report = make_report(counted.trace, counted.cells, {counted.run("lru", {3})}, options(1));
  report.runs[0].policy = "=cmd|' /C calc'!A0";
  report.runs[0].admission = "a,\"b\"\n";
  const std::string csv = report_csv(report);
  CHECK_THAT(csv, Catch::Contains("\n'=cmd|' /C calc'!A0,,\"a,\"\"b\"\"\n\","));
}

TEST_CASE("bytes read as people write them") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1024) == "1.0 KiB");
  CHECK(human_bytes(12'345'678) == "11.8 MiB");
  CHECK(human_bytes(~std::uint64_t{0}) == "16.0 EiB");
}

}  // namespace edgeward::sim
