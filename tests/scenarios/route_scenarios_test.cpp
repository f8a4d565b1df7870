#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/scenarios/golden.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using Catch::Contains;
using test::Outcome;

const fs::path kRoot = EDGEWARD_SOURCE_DIR;

/// A configuration of its own that needs no database: three edges, a shield, clients by prefix.
class Setup {
 public:
  Setup() {
    fs::create_directory(folder_.path() / "geo");
    folder_.write("geo/countries.csv", "country,lat,lon,radius_km\nDE,51,10,400\n");
    folder_.write("clients.csv",
                  "prefix,lat,lon,country,edges\n"
                  "192.0.2.0/24,50.11,8.68,DE,\n"       // Frankfurt
                  "198.51.100.0/24,35.68,139.69,JP,\n"  // Tokyo
                  "203.0.113.0/24,50.11,8.68,DE,nrt1|ams1\n");
    folder_.write("fleet.yaml",
                  "origin: {lat: 38.94, lon: -77.46}\n"
                  "edges:\n"
                  "  shield: {lat: 50.03, lon: 8.57, storage: 9TiB, shield: true}\n"
                  "  fra1: {lat: 50.03, lon: 8.57, storage: 1TiB, fill: parent, parent: shield}\n"
                  "  ams1: {lat: 52.31, lon: 4.76, storage: 1TiB, fill: parent, parent: shield,\n"
                  "         endpoint: ams1.cdn.example}\n"
                  "  nrt1: {lat: 35.76, lon: 140.39, storage: 1TiB, bandwidth: 50Gbps}\n");
    config_ = folder_
                  .write("edgeward.yaml",
                         "fleet: fleet.yaml\n"
                         "geo: {databases: [], overrides: clients.csv,\n"
                         "      fallback: {lat: 52.4, lon: 4.9, country: NL}}\n"
                         "routing: {min_candidates: 2, spread_epsilon: {score: 0, ms: 0}}\n"
                         "services: {web: {}, german: {countries_allowed: [DE]}}\n")
                  .string();
    ::setenv("EDGEWARD_DATA_DIR", folder_.path().c_str(), 1);
  }
  ~Setup() { ::unsetenv("EDGEWARD_DATA_DIR"); }
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  [[nodiscard]] const std::string& config() const { return config_; }
  [[nodiscard]] const test::TemporaryFolder& folder() const { return folder_; }

  /// Routes a client to /a; `rest` are more options, `states` what stands in --state.
  [[nodiscard]] Outcome route(const std::string& client, std::vector<std::string> rest = {},
                              const std::string& states = {}) const {
    std::vector<std::string> arguments{"route", "--config",  config_, "--client",
                                       client,  "--content", "/a"};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    if (!states.empty()) arguments.insert(arguments.end(), {"--state", "-"});
    return test::run(EDGEWARD_BINARY, arguments, states);
  }
  [[nodiscard]] json::value answer(const std::string& client, std::vector<std::string> rest = {},
                                   const std::string& states = {}) const {
    rest.push_back("--json");
    const Outcome outcome = route(client, std::move(rest), states);
    INFO(outcome.err);
    REQUIRE(outcome.exit_code <= 1);
    return json::parse(outcome.out);
  }

 private:
  test::TemporaryFolder folder_;
  std::string config_;
};

}  // namespace

TEST_CASE("route: a fresh clone routes by the demo fleet and the shipped database, and says so") {
  const std::vector<std::string> arguments{"route",     "--client", "81.2.69.142",
                                           "--content", "/a",       "--explain"};
  const Outcome outcome = test::run(EDGEWARD_BINARY, arguments);
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Contains("fleets/demo.yaml") && Contains("world.mmdb") &&
                              Contains("DB-IP") && Contains("ready and idle"));
  CHECK_THAT(outcome.out, Contains("GB") && Contains("(mmdb: from the location database)"));
  CHECK_THAT(outcome.out, Contains("* lhr1"));
  CHECK_THAT(outcome.out, Contains("taken as 0.5 at each"));
}

TEST_CASE("route: a client gets the edge near it, with everything that led to it") {
  const Setup setup;
  const json::value answer = setup.answer("192.0.2.7", {"--explain"});
  CHECK(answer.at("edge") == "fra1");
  CHECK(answer.at("url") == "https://fra1/a");
  CHECK(answer.at("client") ==
        json::parse(R"({"ip": "192.0.2.7", "lat": 50.11, "lon": 8.68, "country": "DE",
                        "source": "override"})"));
  CHECK(answer.at("candidates").as_array().size() == 4);
  CHECK(setup.answer("198.51.100.1").at("edge") == "nrt1");
  CHECK(setup.answer("198.51.100.1").at("reason") == "widened");
  const json::value unknown = setup.answer("10.0.0.1");
  CHECK(unknown.at("edge") == "ams1");
  CHECK(unknown.at("url") == "https://ams1.cdn.example/a");
  CHECK(unknown.at("reason") == "fallback_location");
  CHECK(unknown.at("client").at("source") == "fallback");
}

TEST_CASE("route: a coverage zone of the overrides decides") {
  const Setup setup;
  const json::value answer = setup.answer("203.0.113.5");
  CHECK(answer.at("reason") == "override");
  CHECK((answer.at("edge") == "nrt1" || answer.at("edge") == "ams1"));
}

TEST_CASE("route: an edge that drains, is down, full or silent is not chosen, and is told why") {
  const Setup setup;
  const auto excluded = [&](const std::string& state) {
    const json::value answer =
        setup.answer("192.0.2.7", {"--explain", "--at", "2026-01-01T00:01:00Z"}, state);
    CHECK(answer.at("edge") == "ams1");
    for (const json::value& one : answer.at("candidates").as_array()) {
      if (one.at("edge") == "fra1") return std::string(one.at("excluded").as_string());
    }
    return std::string("absent");
  };
  CHECK(excluded(R"({"edge":"fra1","mode":"drain"})") == "drain");
  CHECK(excluded(R"({"edge":"fra1","mode":"down"})") == "down");
  CHECK(excluded(R"({"edge":"fra1","load_ratio":0.95})") == "overloaded");
  CHECK(excluded(R"({"edge":"fra1","at":1767225600})") == "unknown");  // a minute ago
  // Without --at, the newest report's time is the present.
  CHECK(setup.answer("192.0.2.7", {}, R"({"edge":"fra1","at":1767225600})").at("edge") == "fra1");
}

TEST_CASE("route: load moves the choice, and scoring names its terms") {
  const Setup setup;
  const std::string loaded = "{\"edge\":\"fra1\",\"load_ratio\":0.94}\n\n";
  CHECK(setup.answer("192.0.2.7").at("edge") == "fra1");
  CHECK(setup.answer("192.0.2.7", {}, loaded).at("edge") == "ams1");
  const json::value latency =
      setup.answer("192.0.2.7", {"--scoring", "latency", "--size", "1GiB"}, loaded);
  CHECK(latency.at("terms").as_object().contains("transfer_ms"));
  CHECK(latency.at("terms").at("transfer_ms").as_double() > 10);
  CHECK(setup.answer("192.0.2.7", {"--scoring", "nearest"}).at("score").as_double() ==
        Approx(setup.answer("192.0.2.7").at("distance_km").as_double()));
}

TEST_CASE("route: without an edge the answer says so and the exit code is 1") {
  const Setup setup;
  const Outcome outcome = setup.route("198.51.100.1", {"--service", "german", "--explain"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.out, Contains("no edge (no_edge)") && Contains("country: the service is not"));
  const Outcome text = setup.route("198.51.100.1", {"--service", "german", "--json"});
  CHECK(text.exit_code == 1);
  CHECK(json::parse(text.out).at("edge").is_null());
  CHECK(setup.answer("192.0.2.1", {"--service", "german"}).at("edge") == "fra1");
}

TEST_CASE("route: what cannot be used is an error that says what is wrong") {
  const Setup setup;
  const auto error = [](const Outcome& outcome) {
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  CHECK_THAT(error(setup.route("192.0.2")), Contains("--client '192.0.2': expected an IPv4"));
  CHECK_THAT(error(setup.route("192.0.2.1", {"--service", "wep"})),
             Contains("did you mean 'web'?"));
  CHECK_THAT(error(setup.route("192.0.2.1", {"--at", "soon"})), Contains("--at 'soon'"));
  CHECK_THAT(error(setup.route("192.0.2.1", {"--size", "big"})), Contains("--size"));
  CHECK_THAT(error(setup.route("192.0.2.1", {"--scoring", "best"})), Contains("--scoring"));
  const std::string states = "{\"edge\":\"fra9\"}\n{\"edge\":\"fra1\",\"load_rato\":1}\nx\n";
  CHECK_THAT(error(setup.route("192.0.2.1", {}, states)),
             Contains("-:1:1: no edge is named 'fra9', did you mean 'fra1'?") &&
                 Contains("-:2:1: unknown member 'load_rato', did you mean 'load_ratio'?") &&
                 Contains("-:3:1: not JSON"));
  const std::string gone = (setup.folder().path() / "gone.yaml").string();
  CHECK_THAT(error(setup.route("192.0.2.1", {"--fleet", gone})),
             Contains("gone.yaml: No such file"));
  setup.folder().write("fleet.yaml", "origin: {lat: 1, lon: 1}\nedges: {a: {lat: 1}, b: 5}\n");
  CHECK_THAT(error(setup.route("192.0.2.1")),
             Contains("fleet.yaml:2:12: edge 'a' needs lon") &&
                 Contains("fleet.yaml:2:25: edge 'b': expected keys with values"));
}

TEST_CASE("route: names of overrides that are no edges are told") {
  const Setup setup;
  setup.folder().write("clients.csv", "prefix,edges\n192.0.2.0/24,fra1|fra7\n");
  const Outcome outcome = setup.route("192.0.2.1");
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Contains("fleet does not have") && Contains("'fra7'"));
}

TEST_CASE("route: measured round trips outweigh distance, for that prefix and not for others") {
  const Setup setup;
  // ams1 is near, but for 192.0.2.0/24 the way there is long, as three measurements say.
  std::string rtts = "at,client,edge,rtt_ms\n";
  for (int i = 0; i < 3; ++i) {
    rtts += fmt::format("{},192.0.2.0/24,fra1,90\n{},192.0.2.0/24,ams1,8\n", 1000 + i, 1000 + i);
  }
  setup.folder().write("rtts.csv", rtts + "1,192.0.2.0/24,fra9,3\n1,192.0.2.0/24,nrt1,0.1\n");
  std::string config = test::read_file(setup.config());
  config.replace(config.find("overrides:"), 0, "rtt_observations: rtts.csv, ");
  setup.folder().write("edgeward.yaml", config);
  const auto asks = [&](const std::string& client) {
    return setup.route(client, {"--scoring", "latency", "--explain", "--json"});
  };
  const Outcome measured = asks("192.0.2.7");
  INFO(measured.err);
  CHECK_THAT(measured.err,
             Contains("6 of 8 round trips taken, 1 unknown_edge, 1 faster_than_light"));
  const json::value answer = json::parse(measured.out);
  const auto network_ms = [&](const json::value& of, const char* edge) {
    for (const json::value& candidate : of.at("candidates").as_array()) {
      if (candidate.at("edge") == edge)
        return candidate.at("terms").at("network_ms").to_number<double>();
    }
    return -1.0;
  };
  CHECK(network_ms(answer, "fra1") > 60);
  CHECK(network_ms(answer, "ams1") < 20);
  CHECK(answer.at("edge") == "ams1");
}

TEST_CASE("check: a good file is fine, and its effective text is checked fine too") {
  const Setup setup;
  for (const std::string& file : {setup.config(), (kRoot / "data/config/edgeward.yaml").string(),
                                  (kRoot / "data/fleets/demo.yaml").string()}) {
    INFO(file);
    const Outcome fine = test::run(EDGEWARD_BINARY, {"check", file});
    CHECK(fine.exit_code == 0);
    CHECK_THAT(fine.out, Contains(": fine: "));
    const Outcome effective = test::run(EDGEWARD_BINARY, {"check", file, "--print-effective"});
    CHECK(effective.exit_code == 0);
    CHECK_THAT(effective.out, Contains("health_age_max: 15s"));
    const Outcome again =
        test::run(EDGEWARD_BINARY, {"check", "-", "--print-effective"}, effective.out);
    CHECK(again.exit_code == 0);
    CHECK(again.out == effective.out);
  }
}

TEST_CASE("check: all errors are told, escaped, and the exit code is 1") {
  const test::TemporaryFolder folder;
  const std::string file =
      folder.write("bad.yaml", "origin: {lat: 91, lon: 2}\nedges: {\"\\e[31m\": {}}\n").string();
  const Outcome outcome = test::run(EDGEWARD_BINARY, {"check", file});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.out, Contains(file + ":1:15: lat: expected a number from -90 to 90"));
  CHECK_THAT(outcome.out, Contains("\\x1B[31m"));
  CHECK(outcome.out.find('\x1B') == std::string::npos);
  CHECK_THAT(outcome.err, Contains("errors"));
  const Outcome report = test::run(EDGEWARD_BINARY, {"check", file, "--json"});
  CHECK(report.exit_code == 1);
  const json::value parsed = json::parse(report.out);
  CHECK(parsed.at("valid") == false);
  CHECK(parsed.at("kind") == "fleet");
  CHECK(parsed.at("errors").at(0).at("line") == 1);
  CHECK(parsed.at("errors").at(0).at("column") == 15);
}

TEST_CASE("check: local hours are no hours on a system without time zones") {
  const test::TemporaryFolder folder;
  const auto checked = [&](const std::string& zone, const std::string& hours) {
    const auto file = folder.write("fleet.yaml",
                                   "origin: {lat: 38.94, lon: -77.46}\nedges:\n"
                                   "  fra1: {lat: 50.03, lon: 8.57, storage: 1TiB, time_zone: " +
                                       zone + hours + "}\n");
    return test::run("/usr/bin/env", {"TZDIR=" + (folder.path() / "none").string(), EDGEWARD_BINARY,
                                      "check", file.string()});
  };
  const Outcome told = checked("Europe/Berlin", ", fill_window: 01:00-07:00");
  CHECK(told.exit_code == 1);
  CHECK_THAT(told.out + told.err, Contains("fleet.yaml:3:") &&
                                      Contains("fill_window: this system has no time zones in ") &&
                                      Contains("install tzdata"));
  CHECK(checked("UTC", ", fill_window: 01:00-07:00").exit_code == 0);
  CHECK(checked("Europe/Berlin", "").exit_code == 0);
}

TEST_CASE("check: a file that cannot be read is no file with errors") {
  const test::TemporaryFolder folder;
  CHECK(test::run(EDGEWARD_BINARY, {"check", (folder.path() / "gone").string()}).exit_code == 2);
  CHECK(test::run(EDGEWARD_BINARY, {"check", folder.path().string()}).exit_code == 2);
  CHECK(test::run(EDGEWARD_BINARY, {"check"}).exit_code == 2);
  CHECK(test::run(EDGEWARD_BINARY, {"check", folder.write("empty", "").string()}).exit_code == 1);
}

TEST_CASE("route: an explanation does not change by a byte") {
  const Setup setup;
  const std::string states =
      "{\"edge\":\"fra1\",\"seq\":1,\"at\":1767225600,\"load_ratio\":0.4,"
      "\"bandwidth_used_bps\":60000000000,\"used_bytes\":1,\"mode\":\"ready\"}\n"
      "{\"edge\":\"nrt1\",\"mode\":\"drain\"}\n";
  for (const char* const scoring : {"weighted", "latency"}) {
    const std::vector<std::string> rest{"--explain", "--scoring", scoring, "--size", "10MB"};
    std::vector<std::string> with_json(rest);
    with_json.push_back("--json");
    test::check_golden(std::string("route_") + scoring + ".txt",
                       setup.route("192.0.2.7", rest, states).out);
    test::check_golden(std::string("route_") + scoring + ".json",
                       setup.route("192.0.2.7", with_json, states).out);
  }
}

}  // namespace edgeward
