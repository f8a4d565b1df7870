#include "controller/state_report.hpp"

#include <catch2/catch.hpp>

#include "tests/controller/config_support.hpp"

namespace edgeward::controller {

namespace {

cache::Fleet two_edges() {
  return {.edges = {{.name = "fra1"}, {.name = "ams1"}}};
}

}  // namespace

TEST_CASE("a report says the state of an edge, what it leaves out is ready and idle") {
  CHECK(parse_state_report(R"({"edge":"fra1","seq":17,"at":1767225600.25,"load_ratio":0.4,
                               "bandwidth_used_bps":4e10,"used_bytes":12,"mode":"drain"})") ==
        StateReport{.edge = "fra1",
                    .seq = 17,
                    .at_ms = 1'767'225'600'250,
                    .load_ratio = 0.4,
                    .bandwidth_used_bps = 40'000'000'000,
                    .used_bytes = 12,
                    .mode = cache::EdgeMode::drain});
  CHECK(parse_state_report(R"({"edge":"fra1"})") == StateReport{.edge = "fra1"});
}

TEST_CASE("a report that is none says what is wrong with it") {
  using Catch::Contains;
  const auto error = [](std::string_view text) {
    const auto report = parse_state_report(text);
    REQUIRE_FALSE(report);
    return report.error();
  };
  CHECK_THAT(error(""), Contains("not JSON"));
  CHECK_THAT(error("{"), Contains("not JSON"));
  CHECK_THAT(error("{} {}"), Contains("not JSON"));
  CHECK_THAT(error(std::string(10'000, '[')), Contains("not JSON"));
  CHECK_THAT(error("[]"), Contains("expected a JSON object"));
  CHECK_THAT(error("{}"), Contains("a name is missing"));
  CHECK_THAT(error(R"({"edge":5})"), Contains("edge: expected a name, found '5'"));
  CHECK_THAT(error(R"({"edge":"a","laod_ratio":1})"), Contains("did you mean 'load_ratio'?"));
  CHECK_THAT(error(R"({"edge":"a","load_ratio":-0.1})"), Contains("found '-1E-1'"));
  CHECK_THAT(error(R"({"edge":"a","load_ratio":"1"})"), Contains("a number from 0"));
  CHECK_THAT(error(R"({"edge":"a","load_ratio":1e999})"),
             Contains("load_ratio") || Contains("JSON"));
  CHECK_THAT(error(R"({"edge":"a","seq":-1})"), Contains("a whole number"));
  CHECK_THAT(error(R"({"edge":"a","used_bytes":1.5})"), Contains("a whole number"));
  CHECK_THAT(error(R"({"edge":"a","used_bytes":1e30})"), Contains("a whole number"));
  CHECK_THAT(error(R"({"edge":"a","at":1e15})"), Contains("at: expected"));
  CHECK_THAT(error(R"({"edge":"a","mode":"up"})"), Contains("ready, drain, down or unknown"));
}

TEST_CASE("every line that is no report of an edge of the fleet is told at its line") {
  const auto faults = test::faults_of([] {
    (void)parse_state_reports(
        "{\"edge\":\"fra1\",\"seq\":5}\n\nx\n{\"edge\":\"fra2\"}\r\n"
        "{\"edge\":\"fra1\",\"seq\":4}",
        "f", two_edges());
  });
  REQUIRE(faults.size() == 3);
  CHECK_THAT(faults[0], Catch::StartsWith("3:1: not JSON"));
  CHECK(faults[1] == "4:1: no edge is named 'fra2', did you mean 'fra1'?");
  CHECK(faults[2] == "5:1: seq 4 of 'fra1' is older than 5");
}

TEST_CASE("the last report of an edge counts, and edges without one are ready and idle") {
  const cache::Fleet fleet = two_edges();
  const auto reports = parse_state_reports(
      "{\"edge\":\"fra1\",\"mode\":\"down\"}\n{\"edge\":\"fra1\",\"load_ratio\":0.5,\"at\":7}\n",
      "f", fleet);
  const auto states = states_of(reports, fleet, 9'000);
  REQUIRE(states.size() == 2);
  CHECK(states[0] ==
        cache::EdgeState{.load_ratio = 0.5, .mode = cache::EdgeMode::ready, .seen_at_ms = 7'000});
  CHECK(states[1] == cache::EdgeState{.mode = cache::EdgeMode::ready, .seen_at_ms = 9'000});
}

}  // namespace edgeward::controller
