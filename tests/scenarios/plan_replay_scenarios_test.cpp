#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "sim/zipf.hpp"
#include "tests/instrumented.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::Outcome;

constexpr std::int64_t kStartS = 1'704'067'200;  // 2024-01-01T00:00:00Z, a Monday
constexpr int kDays = 7;

constexpr const char* kTwoEdges =
    "origin: {lat: 38.9, lon: -77.5}\n"
    "edges:\n"
    "  fra1: {lat: 50.1, lon: 8.7, capacity: 1GiB, storage: 2GiB}\n"
    "  jfk1: {lat: 40.6, lon: -73.8, capacity: 1GiB, storage: 2GiB}\n";

/// Relative demand of an hour of the week: evenings of weekends are busiest.
double rate(std::int64_t hour) {
  const double wave = 1 - 0.7 * std::cos(2 * std::numbers::pi * static_cast<double>(hour - 3) / 24);
  return hour / 24 % 7 >= 5 ? 1.4 * wave : wave;
}

/// A week in two countries: most of it for a catalogue whose popularity stays, a fifth for what
/// came out within the last days (each day at five in the afternoon) and fades.
std::string week_log(std::uint64_t seed, int requests) {
  constexpr std::uint32_t kObjects = 20'000;
  constexpr std::uint32_t kReleases = 20;  // a day
  const sim::ZipfTable catalogue(kObjects, 0.85);
  const sim::ZipfTable releases(kReleases, 0.8);
  cache::Random random(seed);
  double all = 0;
  for (std::int64_t hour = 0; hour < kDays * 24; ++hour) all += rate(hour);
  std::string log = "time,country,path,size\n";
  for (std::int64_t hour = 0; hour < kDays * 24; ++hour) {
    const int count = static_cast<int>(rate(hour) / all * requests);
    for (int i = 0; i < count; ++i) {
      const std::int64_t at_s = hour * 3600 + std::int64_t{3600} * i / count;
      std::uint64_t object = catalogue.draw(random);
      // Half of them of the newest day, a quarter of the one before …
      int day = static_cast<int>((at_s - 17 * 3600 + 86'400) / 86'400) - 1;
      while (day > 0 && random.below(2) == 0) --day;
      if (random.below(5) == 0 && day >= 0) {
        object = kObjects + static_cast<std::uint64_t>(day) * kReleases + releases.draw(random);
      }
      const std::uint64_t size = 1000 + object * 7919 % 50'000;
      log += fmt::format("{},{},/o/{},{}\n", kStartS + at_s, random.below(3) == 0 ? "US" : "DE",
                         object, size);
    }
  }
  return log;
}

class PlanReplay {
 public:
  PlanReplay(const std::string& log, const std::string& fleet)
      : fleet_(folder_.write("fleet.yaml", fleet).string()),
        log_(folder_.write("log.csv", log).string()) {}

  [[nodiscard]] std::string text(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"replay",    log_,      "--fleet",     fleet_,
                                       "--routing", "nearest", "--no-timing", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = test::run(EDGEWARD_BINARY, arguments);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return outcome.out;
  }
  [[nodiscard]] json::array runs(std::vector<std::string> more) const {
    return json::parse(text(std::move(more))).at("runs").as_array();
  }

 private:
  test::TemporaryFolder folder_;
  std::string fleet_;
  std::string log_;
};

double number(const json::value& run, const char* name) {
  return run.at(name).to_number<double>();
}

std::uint64_t count(const json::value& run, const char* name) {
  return run.at(name).to_number<std::uint64_t>();
}

}  // namespace

TEST_CASE("plans bring hits and spare the origin on a week with a pattern and releases") {
  for (const std::uint64_t seed : {1U, 2U}) {
    if (seed > 1 && test::kIsInstrumented) continue;
    const PlanReplay replay(week_log(seed, 300'000), kTwoEdges);
    const json::array runs =
        replay.runs({"--policy", "lru", "--capacity", "1%", "--plan", "none,independent"});
    REQUIRE(runs.size() == 2);
    CAPTURE(seed, json::serialize(runs[0]), json::serialize(runs[1]));
    CHECK(runs[0].at("plan") == "none");
    CHECK(runs[1].at("plan") == "independent");
    CHECK(count(runs[0], "prefetch_bytes") == 0);
    CHECK(number(runs[1], "hit_ratio") >= number(runs[0], "hit_ratio") + 0.01);
    CHECK(number(runs[1], "origin_p95_bps") <= 0.9 * number(runs[0], "origin_p95_bps"));
    CHECK(number(runs[1], "origin_bytes") <= 1.02 * number(runs[0], "origin_bytes"));
    CHECK(runs[1].at("change").at("baseline").at("plan") == "none");
  }
}

TEST_CASE("what plans fetch counts as origin bytes and all figures add up") {
  const PlanReplay replay(week_log(3, test::kIsInstrumented ? 30'000 : 100'000), kTwoEdges);
  const json::array runs = replay.runs(
      {"--policy", "lru,s3fifo", "--capacity", "0.5%,3%", "--plan", "none,independent"});
  REQUIRE(runs.size() == 8);
  bool has_prefetched = false;
  for (const json::value& run : runs) {
    CAPTURE(json::serialize(run));
    std::map<std::string, std::uint64_t> sums;
    for (const json::value& edge : run.at("edges").as_array()) {
      for (const char* const name :
           {"hits", "hit_bytes", "origin_bytes", "prefetch_bytes", "prefetch_used_bytes"}) {
        sums[name] += count(edge, name);
      }
      CHECK((count(edge, "plans") > 100) == (run.at("plan") == "independent"));
    }
    CHECK(sums["hits"] == count(run, "hits"));
    CHECK(sums["origin_bytes"] == count(run, "origin_bytes"));
    CHECK(sums["prefetch_bytes"] == count(run, "prefetch_bytes"));
    CHECK(sums["prefetch_used_bytes"] == count(run, "prefetch_used_bytes"));
    CHECK(sums["prefetch_used_bytes"] <= sums["prefetch_bytes"]);
    // Both edges fill from the origin: what no cache had came from there, but for what waited.
    CHECK(count(run, "origin_bytes") <=
          count(run, "bytes") - count(run, "hit_bytes") + count(run, "prefetch_bytes"));
    has_prefetched = has_prefetched || count(run, "prefetch_bytes") > 0;
  }
  CHECK(has_prefetched);
}

TEST_CASE("a plan sees nothing of what comes after it") {
  const std::string log = week_log(4, 60'000);
  const PlanReplay whole(log, kTwoEdges);
  const std::vector<std::string> options{"--policy", "lru",    "--capacity",
                                         "4MB",      "--plan", "independent"};
  const json::value all = whole.runs(options)[0];
  std::vector<std::string> later = options;
  later.insert(later.end(), {"--warmup", "96h"});
  const json::value rest = whole.runs(later)[0];
  std::string first_part;
  for (std::size_t from = 0; from < log.size();) {
    const std::size_t end = log.find('\n', from) + 1;
    const bool is_header = from == 0;
    if (!is_header && std::stoll(log.substr(from)) >= kStartS + 96 * 3600) break;
    first_part += log.substr(from, end - from);
    from = end;
  }
  const PlanReplay cut(first_part, kTwoEdges);
  const json::value first = cut.runs(options)[0];
  CHECK(count(first, "prefetch_bytes") > 0);
  for (const char* const name : {"requests", "hits", "hit_bytes", "prefetch_bytes"}) {
    CAPTURE(name);
    CHECK(count(all, name) - count(rest, name) == count(first, name));
  }
}

TEST_CASE("plans are the same on any number of threads") {
  const PlanReplay replay(week_log(5, test::kIsInstrumented ? 8'000 : 40'000), kTwoEdges);
  std::vector<std::string> options{"--policy", "lru,gdsf",         "--capacity", "1%",
                                   "--plan",   "none,independent", "--threads",  "1"};
  const std::string alone = replay.text(options);
  options.back() = "4";
  CHECK(replay.text(options) == alone);
}

TEST_CASE("plans do no harm on real logs and traces with times") {
  const auto data = test::shared_data();
  if (!data) return;
  const std::filesystem::path fleets = std::filesystem::path(EDGEWARD_SOURCE_DIR) / "data/fleets";
  struct Input {
    std::string path;
    std::string fleet;
    std::vector<std::string> options;
  };
  const std::vector<Input> inputs{
      {"logs/semicomplete-apache-combined-2015.log.gz", "demo.yaml", {}},
      {"logs/cran-downloads-2012.csv.gz",
       "demo.yaml",
       {"--time", "date+time", "--key-columns", "package+version", "--size", "size"}},
      {"traces/elastic_apache.oracle_general.zst", "single.yaml", {}},
      {"traces/cloudPhysicsIO.oracle_general.zst", "single.yaml", {}},
      {"traces/tencentBlock_ns1326.oracle_general.zst", "single.yaml", {}}};
  for (const Input& input : inputs) {
    if (test::kIsInstrumented && &input != &inputs.front()) continue;
    std::vector<std::string> arguments{"replay",     (*data / input.path).string(),
                                       "--fleet",    (fleets / input.fleet).string(),
                                       "--routing",  "nearest",
                                       "--policy",   "lru,s3fifo",
                                       "--capacity", "0.1%,1%,10%",
                                       "--plan",     "none,independent",
                                       "--baseline", "plan=none",
                                       "--json"};
    arguments.insert(arguments.end(), input.options.begin(), input.options.end());
    const Outcome outcome = test::run(EDGEWARD_BINARY, arguments);
    INFO(input.path << '\n' << outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const json::value report = json::parse(outcome.out);
    for (const json::value& run : report.at("runs").as_array()) {
      if (run.at("policy") == "recorded" || run.at("plan") == "none") continue;
      CAPTURE(json::serialize(run));
      CHECK(number(run.at("change"), "hit_ratio") >= -0.002);
    }
  }
}

}  // namespace edgeward
