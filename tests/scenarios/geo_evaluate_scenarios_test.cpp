#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;

test::Outcome evaluate(const std::vector<std::string>& arguments, std::string_view input = {}) {
  std::vector<std::string> all{"geo", "evaluate"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run(EDGEWARD_BINARY, all, input);
}

/// Thirty cities along the equator, a degree apart; times of light in fibre, doubled, and 5 ms.
std::string equator() {
  std::string text = "a,b,lat_a,lon_a,lat_b,lon_b,distance_km,rtt_avg_ms,suspect\n";
  for (int a = 0; a < 30; ++a) {
    for (int b = a + 1; b < 30; ++b) {
      const double km = (b - a) * 111.1949;
      char row[128];
      std::snprintf(row, sizeof row, "city%d,city%d,0,%d,0,%d,%.1f,%.3f,0\n", a, b, a, b, km,
                    5 + km / 51.06);
      text += row;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("an evaluation is a table for people and the same figures as JSON") {
  const std::vector<std::string> options{"-", "--edges", "5", "--draws", "20", "--seeds", "2"};
  const test::Outcome table = evaluate(options, equator());
  INFO(table.err);
  REQUIRE(table.exit_code == 0);
  CHECK(table.err.empty());
  CHECK_THAT(table.out, Catch::Contains("30 cities, 435 measured pairs (0 suspect ones left out)"));
  CHECK_THAT(table.out, Catch::Contains("nearest by distance"));

  std::vector<std::string> as_json = options;
  as_json.emplace_back("--json");
  const test::Outcome outcome = evaluate(as_json, equator());
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.out == evaluate(as_json, equator()).out);
  const json::value report = json::parse(outcome.out);
  CHECK(report.at("cities") == 30);
  CHECK(report.at("pairs") == 435);
  CHECK(report.at("options").at("edges") == 5);
  const json::object& choice = report.at("choice").as_object();
  CHECK(choice.at("nearest").at("choices") == 20 * 25);
  CHECK(choice.at("nearest").at("best_ratio").to_number<double>() == 1);
  CHECK(choice.at("observed").at("observations") == 2 * 44);  // a tenth of 435, each seed
  const json::object& held_out = report.at("model").at("held_out").as_object();
  CHECK(held_out.at("bands").as_array().size() == 6);
  CHECK(held_out.at("median_absolute_error_ms").to_number<double>() < 2);
}

TEST_CASE("bad rows are told and left out, a file that is none ends with exit code 2") {
  const test::Outcome outcome =
      evaluate({"-", "--edges", "5", "--json"},
               equator() + "x,\x1B[31my,0,200,0,1,1,5,0\ncity0,city1,0,0,0,1,111.2,5,0\n");
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Catch::Contains("-:437:") && Catch::Contains("2 rows left out"));
  CHECK(outcome.err.find('\x1B') == std::string::npos);
  const json::value report = json::parse(outcome.out);
  CHECK(report.at("skipped").at("bad_city") == 1);
  CHECK(report.at("skipped").at("repeated") == 1);

  const auto fails = [](const std::vector<std::string>& arguments, std::string_view input,
                        const char* why) {
    const test::Outcome failed = evaluate(arguments, input);
    INFO(failed.err);
    CHECK(failed.exit_code == 2);
    CHECK(failed.out.empty());
    CHECK_THAT(failed.err, Catch::Contains(why));
  };
  fails({"-"}, "", "empty");
  fails({"-"}, "time,path\n1,/a\n", "no column 'a'");
  fails({"/does/not/exist.csv"}, "", "/does/not/exist.csv");
  fails({"-", "--edges", "30"}, equator(), "more than the 30 that are edges");
  fails({"-", "--observed", "110%"}, equator(), "--observed");
  fails({"-", "--observed", "ten"}, equator(), "--observed");
  fails({"-", "--edges", "1"}, equator(), "--edges");
  fails({}, "", "pairs is required");
}

TEST_CASE("on measured city pairs corrections save a third of nearest's excess, and more") {
  const auto data = test::shared_data();
  if (!data) return;
  const test::Outcome outcome =
      evaluate({(*data / "latency/wonderproxy-rtt-pairs-shared.csv.gz").string(), "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const json::value report = json::parse(outcome.out);
  const auto number = [](const json::value& value) { return value.to_number<double>(); };
  const json::object& choice = report.at("choice").as_object();
  CHECK(number(choice.at("nearest").at("best_ratio")) == Approx(0.564).margin(0.02));
  CHECK(number(choice.at("nearest").at("mean_excess_ms")) == Approx(13).margin(1));
  CHECK(number(choice.at("observed").at("excess_ratio")) <= 0.65);
  CHECK(number(choice.at("forged_tenth").at("excess_ratio")) <= 0.70);
  const json::object& held_out = report.at("model").at("held_out").as_object();
  CHECK(number(held_out.at("median_absolute_error_ms")) <= 17);
  for (const json::value& band : held_out.at("bands").as_array()) {
    CHECK(std::abs(number(band.at("bias_ms"))) <= 3);
  }
}

}  // namespace edgeward
