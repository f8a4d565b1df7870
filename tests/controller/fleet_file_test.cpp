#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "controller/config/config_file.hpp"
#include "controller/config/effective.hpp"
#include "tests/controller/config_support.hpp"
#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

using test::kSmallFleet;

FleetFile parse(const std::string& text) {
  return parse_fleet_file(text, "fleet.yaml");
}

std::vector<std::string> faults(const std::string& text) {
  return test::faults_of([&] { (void)parse(text); });
}

/// The small fleet with one more edge that has these keys.
std::string with_edge(const std::string& keys) {
  return kSmallFleet + "  x: {lat: 1, lon: 2, storage: 1TiB, " + keys + "}\n";
}

/// What is wrong with a key of an edge; the edge's place is left out.
std::string edge_fault(const std::string& keys) {
  const std::vector<std::string> found = faults(with_edge(keys));
  REQUIRE(found.size() == 1);
  REQUIRE_THAT(found[0], Catch::StartsWith("5:"));
  return found[0].substr(found[0].find(": ") + 2);
}

/// The small fleet with these lines behind it.
std::string rest_fault(const std::string& lines) {
  const std::vector<std::string> found = faults(kSmallFleet + lines);
  REQUIRE(found.size() == 1);
  return found[0];
}

}  // namespace

TEST_CASE("a fleet file says all of an edge, and defaults are the design's") {
  const FleetFile file = parse(
      "origin: {lat: 38.9, lon: -77.5, service_ms: 30}\n"
      "edges:\n"
      "  - {name: shield-1, lat: 50, lon: 8, storage: 4TiB, shield: true}\n"
      "  - name: fra1\n"
      "    lat: 50.03\n"
      "    lon: -8.57\n"
      "    time_zone: Europe/Berlin\n"
      "    fill_window: 22:00-06:30\n"
      "    storage: 2TiB\n"
      "    capacity: 1.5TiB\n"
      "    bandwidth: 40Gbps\n"
      "    requests_per_second_max: 1500.5\n"
      "    max_load: 0.9\n"
      "    servers: 8\n"
      "    service_ms: 0.5\n"
      "    fill: parent\n"
      "    parent: shield-1\n"
      "    endpoint: fra1.cdn.example:8443\n"
      "    services: [video]\n"
      "  - {name: ams1, lat: 52, lon: 5, storage: 1TB, fill: peer}\n"
      "services: {video: {countries_allowed: [de, NO], countries_denied: [US],\n"
      "                   all_down: last_resort, last_resort: ams1, bias: {fra1: {score: "
      "-0.1}}}}\n");
  REQUIRE(file.fleet.edges.size() == 3);
  CHECK(file.fleet.origin == cache::Origin{.point = {38.9, -77.5}, .service_ms = 30});
  CHECK(file.fleet.edges[1] == cache::Edge{.name = "fra1",
                                           .point = {50.03, -8.57},
                                           .time_zone = "Europe/Berlin",
                                           .storage_bytes = 2ULL << 40,
                                           .capacity_bytes = 3ULL << 39,
                                           .bandwidth_bps = 40'000'000'000,
                                           .requests_per_second_max = 1500.5,
                                           .max_load = 0.9,
                                           .servers = 8,
                                           .service_ms = 0.5,
                                           .fill = cache::FillSource::parent,
                                           .parent = cache::EdgeId{0},
                                           .fill_window = cache::DailyHours{1320, 390},
                                           .endpoint = "fra1.cdn.example:8443",
                                           .services = {"video"}});
  CHECK(file.fleet.edges[2] == cache::Edge{.name = "ams1",
                                           .point = {52, 5},
                                           .storage_bytes = 1'000'000'000'000,
                                           .capacity_bytes = 1'000'000'000'000,
                                           .fill = cache::FillSource::peer});
  CHECK(file.fleet.edges[0].is_shield);
  policy::RoutingOptions expected;
  expected.services = {{.name = "video",
                        .countries_allowed = {*geo::parse_country("DE"), *geo::parse_country("NO")},
                        .countries_denied = {*geo::parse_country("US")},
                        .all_down = policy::AllDownRule::last_resort,
                        .last_resort = cache::EdgeId{2},
                        .bias_score = {0, -0.1F, 0},
                        .bias_ms = {0, 0, 0}}};
  CHECK(file.routing == expected);
}

TEST_CASE("edges by name and edges in a list are the same fleet") {
  const std::string list =
      "origin: {lat: 38.9, lon: -77.5}\n"
      "edges:\n"
      "  - {name: fra1, lat: 50.03, lon: 8.57, storage: 2TiB, capacity: 1TiB}\n"
      "  - {name: ams1, lat: 52.31, lon: 4.76, capacity: 2TiB}\n";
  CHECK(parse(list) == parse(kSmallFleet));
}

TEST_CASE("all errors are told at once, in the order of their places") {
  const std::vector<std::string> found = faults(
      "origin: {lat: 91, lon: x}\n"
      "edgse: []\n"
      "edges:\n"
      "  - {name: Fra 1, lat: 5, lon: 6, storage: 20}\n"
      "  - {name: b, lat: 5, lat: 6, storage: &x 1TiB}\n"
      "routing: {weights: {hit: 0.5}}\n");
  const std::vector<std::string> expected{
      "1:15: lat: expected a number from -90 to 90 degrees, found '91'",
      "1:24: lon: expected a number from -180 to 180 degrees, found 'x'",
      "2:1: a fleet file: unknown key 'edgse', did you mean 'edges'?",
      "4:12: name: expected a name of 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a "
      "letter or digit, found 'Fra 1'",
      "4:44: storage: expected bytes with their unit, such as 2TiB, 500GB or 1000000B, found '20'",
      "5:5: an edge needs lon",
      "5:23: 'lat' is given twice; first in line 5",
      "5:40: an anchor (&name): anchors and aliases are not taken",
      "6:20: weights: distance 0.3 + hit 0.5 + load 0.2 + bandwidth 0.1 = 1.1, expected 1"};
  CHECK(found == expected);
}

TEST_CASE("a key of an edge that is wrong says what is expected and what was found") {
  using Catch::Contains;
  CHECK_THAT(edge_fault("bandwidth: 100"), Contains("such as 100Gbps") && Contains("found '100'"));
  CHECK_THAT(edge_fault("capacity: 2TiB"), Contains("more than the storage of 1TiB"));
  CHECK_THAT(edge_fault("max_load: 1.5"), Contains("from 0.01 to 1, found '1.5'"));
  CHECK_THAT(edge_fault("max_load: nan"), Contains("found 'nan'"));
  CHECK_THAT(edge_fault("servers: 0"), Contains("whole number from 1 to 10000, found '0'"));
  CHECK_THAT(edge_fault("servers: 2.5"), Contains("found '2.5'"));
  CHECK_THAT(edge_fault("service_ms: -1"), Contains("found '-1'"));
  CHECK_THAT(edge_fault("requests_per_second_max: many"), Contains("found 'many'"));
  CHECK_THAT(edge_fault("shield: yes"), Contains("expected true or false, found 'yes'"));
  CHECK_THAT(edge_fault("fill: mother"), Contains("expected origin or parent or peer"));
  CHECK_THAT(edge_fault("fill: parent"), Contains("needs the parent's name"));
  CHECK_THAT(edge_fault("parent: fra1"), Contains("only an edge with 'fill: parent'"));
  CHECK_THAT(edge_fault("fill: parent, parent: fra"), Contains("did you mean 'fra1'?"));
  CHECK_THAT(edge_fault("fill: parent, parent: x"), Contains("fill from each other: x → x"));
  CHECK_THAT(edge_fault("time_zone: /etc/passwd"), Contains("IANA time zone"));
  CHECK_THAT(edge_fault("fill_window: 1-7"), Contains("such as 01:00-07:00, found '1-7'"));
  CHECK_THAT(edge_fault("endpoint: 'http://a/b'"), Contains("expected a host name"));
  CHECK_THAT(edge_fault("services: [defualt]"), Contains("did you mean 'default'?"));
  CHECK_THAT(edge_fault("services: default"), Contains("expected a list"));
  CHECK_THAT(edge_fault("services: []"), Contains("an empty list"));
  CHECK_THAT(edge_fault("capasity: 1TiB"),
             Contains("unknown key 'capasity', did you mean 'capacity'?"));
  CHECK_THAT(edge_fault("servers: [1]"), Contains("found a list"));
  CHECK_THAT(edge_fault("servers: {a: 1}"), Contains("found keys with values"));
  CHECK_THAT(edge_fault("servers:"), Contains("a value is missing"));
  CHECK_THAT(edge_fault("zzzzzzzz: 1"),
             Contains("known are ") && Contains("requests_per_second_max"));
}

TEST_CASE("what a fleet lacks is told") {
  using Catch::Contains;
  CHECK_THAT(faults("").front(), Contains("expected keys with values, found nothing"));
  CHECK_THAT(faults("[]").front(), Contains("found a list"));
  CHECK_THAT(faults("edges: {a: {lat: 1, lon: 1, storage: 1B}}").front(), Contains("needs origin"));
  CHECK_THAT(faults("origin: {lat: 1, lon: 1}").front(), Contains("needs edges"));
  CHECK_THAT(faults("origin: {lat: 1, lon: 1}\nedges: []").front(), Contains("at least one"));
  CHECK_THAT(faults("origin: {lat: 1, lon: 1}\nedges: all").front(), Contains("found 'all'"));
  CHECK_THAT(faults("origin: {lat: 1, lon: 1}\nedges: {a: {lat: 1, lon: 1}}").front(),
             Contains("edge 'a' needs storage"));
  CHECK_THAT(
      faults("origin: {lat: 1, lon: 1}\nedges: {a: {lat: 1, lon: 1, storage: 1B, shield: true}}")
          .front(),
      Contains("none serves clients"));
}

TEST_CASE("names are unique, also in a list, and a cycle of parents is told once") {
  const std::string origin = "origin: {lat: 1, lon: 1}\nedges:\n";
  CHECK(faults(origin + "  - {name: a, lat: 1, lon: 1, storage: 1B}\n"
                        "  - {name: a, lat: 1, lon: 1, storage: 1B}\n") ==
        std::vector<std::string>{"4:12: 'a' is given twice; first in line 3"});
  CHECK(faults(origin + "  a: {lat: 1, lon: 1, storage: 1B}\n"
                        "  a: {lat: 1, lon: 1, storage: 1B}\n") ==
        std::vector<std::string>{"4:3: 'a' is given twice; first in line 3"});
  std::string cycle = origin + "  tail: {lat: 1, lon: 1, storage: 1B, fill: parent, parent: a}\n";
  for (const std::string pair : {"a b", "b c", "c a"}) {
    cycle.append("  ").append(pair, 0, 1).append(": {lat: 1, lon: 1, storage: 1B, fill: parent, ");
    cycle.append("parent: ").append(pair, 2).append("}\n");
  }
  CHECK(faults(cycle) ==
        std::vector<std::string>{"4:58: parent: edges that fill from each other: a → b → c → a"});
}

TEST_CASE("a fleet has at most as many edges as ids go round") {
  std::string text = "origin: {lat: 1, lon: 1}\nedges:\n";
  for (std::size_t i = 0; i < cache::kEdgesMax; ++i) {
    text += std::string("  e").append(std::to_string(i)) + ": {lat: 1, lon: 1, storage: 1GiB}\n";
  }
  CHECK(parse(text).fleet.edges.size() == cache::kEdgesMax);
  CHECK(faults(text + "  more: {lat: 1, lon: 1, storage: 1GiB}\n") ==
        std::vector<std::string>{"4099:9: edges: more than 4096"});
}

TEST_CASE("routing and services that are wrong say what is expected") {
  using Catch::Contains;
  CHECK_THAT(rest_fault("routing: {scoring: best}"), Contains("weighted or latency or nearest"));
  CHECK_THAT(rest_fault("routing: {radius_km: 0}"), Contains("found '0'"));
  CHECK_THAT(rest_fault("routing: {candidates_max: 17}"), Contains("from 1 to 16"));
  CHECK_THAT(rest_fault("routing: {min_candidates: 9, candidates_max: 4}"),
             Contains("min_candidates 9 is more than candidates_max 4"));
  CHECK_THAT(rest_fault("routing: {weights: {hit: -0.1}}"), Contains("found '-0.1'"));
  CHECK_THAT(rest_fault("routing: {health_age_max: 15}"), Contains("such as 15s"));
  CHECK_THAT(rest_fault("routing: {spread_epsilon: 0.1}"), Contains("expected keys with values"));
  CHECK_THAT(rest_fault("services: {a: {all_down: last_resort}}"),
             Contains("needs the edge's name"));
  CHECK_THAT(rest_fault("services: {a: {last_resort: fra1}}"), Contains("only with"));
  CHECK_THAT(rest_fault("services: {a: {all_down: last_resort, last_resort: fra2}}"),
             Contains("did you mean 'fra1'?"));
  CHECK_THAT(rest_fault("services: {a: {countries_denied: [Germany]}}"), Contains("'Germany'"));
  CHECK_THAT(rest_fault("services: {a: {bias: {fra9: {ms: 1}}}}"),
             Contains("did you mean 'fra1'?"));
  CHECK_THAT(rest_fault("services: {a: {bias: {fra1: {ms: x}}}}"), Contains("found 'x'"));
  CHECK_THAT(rest_fault("services: {A: {}}"), Contains("expected a name"));
  CHECK_THAT(rest_fault("services: [{name: a}, {name: a}]"), Contains("'a' is given twice"));
  CHECK_THAT(rest_fault("services: []"), Contains("at least one"));
}

TEST_CASE("the effective file reads back to the same fleet") {
  const std::filesystem::path demo =
      std::filesystem::path(EDGEWARD_SOURCE_DIR) / "data/fleets/demo.yaml";
  for (const std::string& text :
       {kSmallFleet, test::read_file(demo), with_edge("endpoint: x, fill: parent, parent: ams1"),
        kSmallFleet + "services: [{name: a, bias: {ams1: {score: 0.1, ms: 3.7}}}, {name: 'null'}]\n"
                      "routing: {weights: {hit: 0.7, distance: 0}, radius_km: 333.25,\n"
                      "          bandwidth_scale: 1.5Gbps, health_age_max: 1500ms}\n"}) {
    const FleetFile file = parse(text);
    const std::string effective = effective_yaml(file);
    INFO(effective);
    CHECK(parse(effective) == file);
    CHECK(effective_yaml(parse(effective)) == effective);
  }
}

TEST_CASE("any fleet that is written reads back to itself") {
  std::mt19937_64 random(11);
  const auto upto = [&](double high) {
    return static_cast<double>(random() % 1'000'001) / 1'000'000 * high;
  };
  for (int round = 0; round < 300; ++round) {
    FleetFile file;
    file.fleet.origin = {.point = {upto(90), -upto(180)}, .service_ms = upto(100)};
    const std::size_t count = 1 + random() % 6;
    for (std::size_t i = 0; i < count; ++i) {
      cache::Edge edge{.name = std::string("e").append(std::to_string(i)),
                       .point = {-upto(90), upto(180)}};
      edge.capacity_bytes = random() >> (2 + random() % 60);
      edge.storage_bytes = edge.capacity_bytes + random() % 1000;
      edge.bandwidth_bps = 1000 + (random() >> (2 + random() % 50));
      edge.requests_per_second_max = 1 + upto(1e6);
      edge.max_load = 0.01 + upto(0.99);
      edge.servers = 1 + static_cast<unsigned>(random() % 1000);
      edge.service_ms = 0.001 + upto(100);
      if (i > 0 && random() % 2 == 0) {
        edge.fill = cache::FillSource::parent;
        edge.parent = static_cast<cache::EdgeId>(random() % i);
      } else if (random() % 2 == 0) {
        edge.fill = cache::FillSource::peer;
      }
      edge.is_shield = i > 0 && random() % 4 == 0;
      if (random() % 3 == 0) edge.endpoint = "host.example:443";
      file.fleet.edges.push_back(edge);
    }
    file.routing.hit_prior = upto(1);
    file.routing.spread_epsilon_ms = upto(10);
    file.routing.health_age_max_ms = 1 + static_cast<std::int64_t>(random() % 100'000);
    file.routing.services[0].bias_ms.assign(count, static_cast<float>(1 + upto(9)));
    file.routing.services[0].bias_score.assign(count, static_cast<float>(-upto(1)));
    const std::string text = effective_yaml(file);
    INFO(text);
    REQUIRE(parse(text) == file);
  }
}

TEST_CASE("the demo fleet is a fleet of real places with two shields that others fill from") {
  const FleetFile file =
      read_fleet_file(std::filesystem::path(EDGEWARD_SOURCE_DIR) / "data/fleets/demo.yaml");
  const auto& edges = file.fleet.edges;
  CHECK(edges.size() >= 24);
  std::vector<std::size_t> children(edges.size(), 0);
  for (const cache::Edge& edge : edges) {
    if (edge.parent != cache::kNoEdge) ++children[cache::index(edge.parent)];
    CHECK(edge.time_zone != "UTC");
  }
  std::size_t shields = 0;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (!edges[i].is_shield) continue;
    ++shields;
    CHECK(children[i] >= 5);
  }
  CHECK(shields == 2);
  CHECK(file.routing == policy::RoutingOptions{});
}

}  // namespace edgeward::controller
