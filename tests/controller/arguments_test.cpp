#include "controller/commands/arguments.hpp"

#include <catch2/catch.hpp>

namespace edgeward::controller {

using cache::ParameterError;

TEST_CASE("durations are read with their units") {
  CHECK(parse_duration_ms("--x", "90s") == 90'000);
  CHECK(parse_duration_ms("--x", "90") == 90'000);
  CHECK(parse_duration_ms("--x", "250ms") == 250);
  CHECK(parse_duration_ms("--x", "1.5h") == 5'400'000);
  CHECK(parse_duration_ms("--x", "5m") == 300'000);
  CHECK(parse_duration_ms("--x", "7d") == 604'800'000);
  const auto* const bad = GENERATE("", "h", "-1s", "1w", "1 h", "1e3s", "99999999999d", "1..2s");
  CHECK_THROWS_WITH(parse_duration_ms("--x", bad), Catch::Contains("--x"));
}

TEST_CASE("a warm-up is a share of the requests or a duration") {
  CHECK(parse_warm_up("0").requests_ratio == 0);
  CHECK(parse_warm_up("0").duration_ms == 0);
  CHECK(parse_warm_up("20%").requests_ratio == Approx(0.2));
  CHECK(parse_warm_up("2h").duration_ms == 7'200'000);
  const auto* const bad = GENERATE("100%", "-1%", "%", "x", "20 %");
  CHECK_THROWS_AS(parse_warm_up(bad), ParameterError);
}

TEST_CASE("percent capacities are of the footprint, floored") {
  CHECK(parse_capacity("0.1%", 2'029'769'728) == 2'029'769);
  CHECK(parse_capacity("10%", 20'484) == 2'048);
  CHECK(parse_capacity("0.1%", 1000) == 1);
  CHECK(parse_capacity("100%", 77'728'892'711) == 77'728'892'711);
  CHECK(parse_capacity("29%", 100) == 29);  // 0.29 * 100 is below 29 in binary
  CHECK(parse_capacity("1%", 99) == 0);
  CHECK(parse_capacity("64KiB", 5) == 65'536);
  const auto* const bad = GENERATE("", "%", "-1%", "1%%", "nan%", "lots");
  CHECK_THROWS_AS(parse_capacity(bad, 1000), ParameterError);
}

TEST_CASE("points and ratios mean the same") {
  CHECK(parse_points("--x", "0.5pp") == Approx(0.005));
  CHECK(parse_points("--x", "0.005") == Approx(0.005));
  const auto* const bad = GENERATE("", "pp", "-1pp", "101pp", "1%", "1.5");
  CHECK_THROWS_AS(parse_points("--x", bad), ParameterError);
}

TEST_CASE("a time to live is none, the log's, or a duration") {
  CHECK(parse_ttl("none").source == sim::Freshness::Source::none);
  CHECK(parse_ttl("log").source == sim::Freshness::Source::log);
  CHECK(parse_ttl("10m").ttl_ms == 600'000);
  CHECK_THROWS_AS(parse_ttl("soon"), ParameterError);
}

TEST_CASE("a baseline is named by its keys") {
  const auto choice = parse_baseline("policy=s3fifo:small=0.2,admission=none");
  CHECK(choice.policy == "s3fifo:small=0.2");
  CHECK(choice.admission == "none");
  CHECK_THROWS_AS(parse_baseline("lru"), ParameterError);
  CHECK_THROWS_AS(parse_baseline("policy=lru,,"), ParameterError);
}

TEST_CASE("lists have no empty parts") {
  CHECK(split_list("--x", "a,b,c", ',') == std::vector<std::string>{"a", "b", "c"});
  const auto* const bad = GENERATE("", ",", "a,", ",a", "a,,b");
  CHECK_THROWS_AS(split_list("--x", bad, ','), ParameterError);
}

}  // namespace edgeward::controller
