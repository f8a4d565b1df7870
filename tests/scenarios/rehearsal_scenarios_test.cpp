// Two days of a small fleet with fast clocks, with plans and without: sim/rehearsal.py.

#include <catch2/catch.hpp>

#include <boost/json.hpp>

#include "tests/instrumented.hpp"
#include "tests/support.hpp"

namespace edgeward::test {

TEST_CASE("a rehearsal of two days brings more hits with plans and leaves no action open") {
  if constexpr (kIsInstrumented) {
    skip("instrumented edges are too slow for a day within a minute");
    return;
  }
  const auto rehearse = [](const char* day_seconds, const char* rate) {
    return run("/usr/bin/python3", {EDGEWARD_SOURCE_DIR "/sim/rehearsal.py", "--json", "--edgeward",
                                    EDGEWARD_BINARY, "--day-seconds", day_seconds, "--rate", rate});
  };
  Outcome outcome = rehearse("36", "400");
  // A machine with more to do says soon that it cannot keep up: then as many requests in more time.
  if (outcome.exit_code == 2) {
    UNSCOPED_INFO(outcome.err);
    outcome = rehearse("75", "190");
  }
  CAPTURE(outcome.out, outcome.err);
  CHECK(outcome.exit_code == 0);
  const boost::json::value result = boost::json::parse(outcome.out);
  CHECK(result.at("wrong").as_array().empty());
  CHECK(result.at("hours").as_array().size() == 24);
  CHECK(result.at("open").to_number<int>() == 0);
  CHECK(result.at("counted_twice").to_number<int>() == 0);
  CHECK(result.at("done").to_number<int>() > 1000);
  CHECK(result.at("peak").at("with").to_number<double>() >
        result.at("peak").at("without").to_number<double>() + 0.01);
}

}  // namespace edgeward::test
