#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::Outcome;

constexpr const char* kFleet =
    "origin: {lat: 38.9, lon: -77.5}\n"
    "edges:\n"
    "  shield: {lat: 50.0, lon: 8.6, shield: true, capacity: 1MiB, storage: 2MiB}\n"
    "  fra1: {lat: 50.1, lon: 8.7, fill: parent, parent: shield, capacity: 1MiB, storage: 2MiB}\n"
    "  cdg1: {lat: 49.0, lon: 2.5, fill: parent, parent: shield, capacity: 1MiB, storage: 2MiB}\n"
    "  jfk1: {lat: 40.6, lon: -73.8, capacity: 1MiB, storage: 2MiB}\n"
    "  nrt1: {lat: 35.8, lon: 140.4, fill: peer, capacity: 1MiB, storage: 2MiB}\n";

/// Six hours of requests from four countries; the log names the edge of some.
std::string country_log() {
  constexpr const char* kCountries[] = {"DE", "FR", "US", "JP"};
  constexpr const char* kEdges[] = {"fra1", "cdg1", "", "LHR"};
  std::string log = "time,country,path,size,edge\n";
  for (int i = 0; i < 3000; ++i) {
    log += std::to_string(1'700'000'000 + i * 7) + ',' + kCountries[i % 4] + ",/object/" +
           std::to_string(i * i % 197) + ',' + std::to_string(1000 + i * i % 197) + ',' +
           kEdges[i / 2 % 4] + '\n';
  }
  return log;
}

class FleetReplay {
 public:
  explicit FleetReplay(const std::string& log = country_log())
      : fleet_(folder_.write("fleet.yaml", kFleet).string()),
        log_(folder_.write("log.csv", log).string()) {}

  [[nodiscard]] Outcome run(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"replay", log_, "--fleet", fleet_, "--no-timing"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(EDGEWARD_BINARY, arguments);
  }
  [[nodiscard]] json::value json(std::vector<std::string> more) const {
    more.emplace_back("--json");
    const Outcome outcome = run(more);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return json::parse(outcome.out);
  }

 private:
  test::TemporaryFolder folder_;
  std::string fleet_;
  std::string log_;
};

std::uint64_t count(const json::value& value) {
  return value.to_number<std::uint64_t>();
}

/// The edge of that name in a run.
const json::object& edge_of(const json::value& run, std::string_view name) {
  for (const json::value& edge : run.at("edges").as_array()) {
    if (edge.at("edge").as_string() == name) return edge.as_object();
  }
  FAIL("no edge " << name);
  return run.as_object();
}

}  // namespace

TEST_CASE("a fleet replay reports routings, edges and latencies under their documented names") {
  const FleetReplay replay;
  const json::value report =
      replay.json({"--routing", "nearest,recorded,random,weighted,latency", "--capacity", "5%"});
  const json::array& runs = report.at("runs").as_array();
  REQUIRE(runs.size() == 5);
  for (const json::value& run : runs) {
    INFO(json::serialize(run.at("routing")));
    CHECK(run.at("plan") == "none");
    CHECK(run.at("policy") == "lru");
    CHECK(run.at("requests") == 3000);
    std::uint64_t requests = 0;
    std::uint64_t hits = 0;
    std::uint64_t origin_bytes = 0;
    for (const json::value& edge : run.at("edges").as_array()) {
      requests += count(edge.at("requests"));
      hits += count(edge.at("hits"));
      origin_bytes += count(edge.at("origin_bytes"));
    }
    CHECK(requests + count(run.at("unrouted")) == 3000);
    CHECK(hits == count(run.at("hits")));
    CHECK(origin_bytes == count(run.at("origin_bytes")));
    const json::value& latency = run.at("latency_ms");
    CHECK(latency.at("p50").to_number<double>() <= latency.at("p95").to_number<double>());
    CHECK(latency.at("p95").to_number<double>() <= latency.at("p99").to_number<double>());
    CHECK(latency.at("mean").to_number<double>() > 5);
  }
  CHECK(runs[0].as_object().contains("change") == false);
  CHECK(runs[3].at("change").at("baseline").at("routing") == "nearest");
  CHECK(count(edge_of(runs[0], "fra1").at("requests")) == 750);
  CHECK(count(edge_of(runs[0], "shield").at("requests")) == 0);
  CHECK(count(edge_of(runs[0], "shield").at("fetches")) > 0);
  // Of the log's names two are of the fleet; half of the requests have another or none.
  CHECK(runs[1].at("unrouted") == 1500);
  CHECK(runs[1].at("reasons").at("recorded") == 1500);
  CHECK(runs[1].at("reasons").at("no_edge") == 1500);
}

TEST_CASE("capacities are of each edge: the fleet file's own, bytes or percent") {
  const FleetReplay replay;
  const json::value report = replay.json({"--routing", "nearest", "--capacity", "fleet,1%,5000"});
  const json::array& runs = report.at("runs").as_array();
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].at("capacity_bytes").is_null());
  CHECK(edge_of(runs[0], "fra1").at("capacity_bytes") == 1 << 20);
  CHECK(count(edge_of(runs[1], "fra1").at("capacity_bytes")) ==
        count(report.at("trace").at("footprint_bytes")) / 100);
  CHECK(runs[2].at("capacity_bytes") == 5000);
  CHECK(count(replay.json({"--routing", "nearest"}).at("runs").at(0).at("hits")) ==
        count(runs[0].at("hits")));
}

TEST_CASE("a failed edge gets nothing while it is down, and the report says who does") {
  const FleetReplay replay;
  const std::string at = GENERATE("fra1@1h+30m", "fra1@2023-11-14T23:13:20Z+30m");
  const json::value run = replay.json({"--routing", "nearest", "--fail", at}).at("runs").at(0);
  const json::value& failure = run.at("failures").at(0);
  CHECK(failure.at("edge") == "fra1");
  CHECK(failure.at("from").to_number<double>() == 1'700'003'600);
  CHECK(failure.at("until").to_number<double>() == 1'700'005'400);
  std::uint64_t before = 0;
  for (const json::value& edge : failure.at("edges").as_array()) {
    if (edge.at("edge") == "fra1") {
      before = count(edge.at("before"));
      CHECK(count(edge.at("during")) == 0);
    }
    if (edge.at("edge") == "cdg1")
      CHECK(10 * count(edge.at("during")) > 19 * count(edge.at("before")));
  }
  CHECK(before > 60);
  const Outcome table = replay.run({"--routing", "nearest", "--fail", at});
  CHECK_THAT(table.out, Catch::Contains("fra1 down for 1800 s"));
}

TEST_CASE("the report of a fleet replay does not depend on threads") {
  const FleetReplay replay;
  const std::string one = replay.run({"--json", "--threads", "1"}).out;
  CHECK(one.size() > 1000);
  CHECK(replay.run({"--json", "--threads", "2"}).out == one);
  CHECK(replay.run({"--json", "--threads", "5"}).out == one);
}

TEST_CASE("a routing that loses against the baseline fails the command where that is asked for") {
  const FleetReplay replay;
  const std::vector<std::string> options{"--routing",  "nearest,random",  "--capacity",
                                         "5%",         "--fail-if-worse", "0.5pp",
                                         "--baseline", "routing=nearest"};
  CHECK(replay.run(options).exit_code == 1);
  CHECK(replay.run({"--routing", "nearest", "--fail-if-worse", "0.5pp"}).exit_code == 0);
}

TEST_CASE("the edges that the route command names are those the replay sends requests to") {
  // All within one tick, so that every request meets the fleet idle and empty, as route takes it.
  const std::string config = std::string(EDGEWARD_SOURCE_DIR) + "/data/samples/edgeward.yaml";
  std::map<std::string, std::uint64_t> named;
  std::string log;
  for (int i = 0; i < 24; ++i) {
    const std::string client =
        fmt::format("{}.{}", i % 2 == 0 ? "192.0.2" : "203.0.113", i * 10 + 5);
    const std::string key = fmt::format("/movies/{}.mp4", i * 7919);
    log +=
        fmt::format("{} - - [17/May/2015:10:05:0{} +0000] \"GET {} HTTP/1.1\" 200 {} \"-\" \"-\"\n",
                    client, i / 3, key, 1000 + i);
    const Outcome routed =
        test::run(EDGEWARD_BINARY, {"route", "--config", config, "--client", client, "--content",
                                    key, "--size", std::to_string(1000 + i), "--json"});
    INFO(routed.err);
    REQUIRE(routed.exit_code == 0);
    ++named[std::string(json::parse(routed.out).at("edge").as_string())];
  }
  test::TemporaryFolder folder;
  const Outcome replayed = test::run(
      EDGEWARD_BINARY, {"replay", folder.write("a.log", log).string(), "--fleet", config,
                        "--routing", "weighted", "--tick", "1h", "--no-timing", "--json"});
  INFO(replayed.err);
  REQUIRE(replayed.exit_code == 0);
  std::map<std::string, std::uint64_t> sent;
  const json::value report = json::parse(replayed.out);
  for (const json::value& edge : report.at("runs").at(0).at("edges").as_array()) {
    const std::string name(edge.at("edge").as_string());
    const std::uint64_t requests = count(edge.at("requests"));
    if (requests > 0 && !name.starts_with("shield")) sent[name] = requests;
  }
  CHECK(named.size() > 6);
  CHECK(sent == named);
}

TEST_CASE("what a fleet replay cannot do is told, with exit code 2") {
  const FleetReplay replay;
  struct Refused {
    std::vector<std::string> options;
    std::string message;
  };
  const std::vector<Refused> all{
      {{"--policy", "lru,belady"}, "ceilings see the future"},
      {{"--routing", "closest"}, "expected nearest, recorded, random"},
      {{"--baseline", "routing=random", "--routing", "nearest"}, "no run has that routing"},
      {{"--fail", "ams1@1h+1m"}, "has no such edge; it has shield, fra1"},
      {{"--fail", "fra1@1h"}, "expected EDGE@T+D"},
      {{"--fail", "fra1@1h+0"}, "expected EDGE@T+D"},
      {{"--unit-size"}, "--unit-size counts objects"},
      {{"--tick", "0"}, "expected at least 1ms"},
      {{"--plan", "clever"}, "expected none, independent or cooperative"},
      {{"--plan-interval", "5s"}, "expected at least 1m"},
      {{"--plan-objective", "fame"}, "expected requests, bytes or milliseconds"},
      {{"--baseline", "plan=independent"}, "no run has that plan"},
      {{"--format", "oracle_general"}, "--fleet needs a log with real times"}};
  for (const Refused& refused : all) {
    const Outcome outcome = replay.run(refused.options);
    INFO(refused.message);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Catch::Contains(refused.message));
  }
  const FleetReplay nameless("time,country,path,size\n1700000000,DE,/a,10\n1700000009,DE,/a,10\n");
  const Outcome outcome = nameless.run({"--routing", "recorded"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Catch::Contains("does not say which edge served"));
}

TEST_CASE("on real logs weighted and latency routing beat the nearest edge on hit ratio") {
  const auto data = test::shared_data();
  if (!data) return;
  const std::string fleet = std::string(EDGEWARD_SOURCE_DIR) + "/data/fleets/demo.yaml";
  for (const char* const log :
       {"semicomplete-apache-combined-2015.log.gz", "cran-downloads-2012.csv.gz"}) {
    const Outcome outcome = test::run(
        EDGEWARD_BINARY, {"replay", (*data / "logs" / log).string(), "--fleet", fleet, "--routing",
                          "nearest,weighted,latency", "--capacity", "1%,10%", "--json"});
    INFO(log << ": " << outcome.err);
    REQUIRE(outcome.exit_code == 0);
    const json::value report = json::parse(outcome.out);
    for (const json::value& run : report.at("runs").as_array()) {
      if (run.at("routing") == "nearest") continue;
      INFO(json::serialize(run.at("routing")));
      CHECK(run.at("change").at("low").to_number<double>() > 0);
      if (std::string_view(log).starts_with("cran")) {
        CHECK(run.at("change").at("latency_ms_mean").to_number<double>() < 0);
      }
    }
  }
}

}  // namespace edgeward
