#include "sim/rtt_pairs.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>
#include <string>

#include "cache/random.hpp"
#include "tests/instrumented.hpp"

namespace edgeward::sim {

namespace {

constexpr const char* kHeader = "a,b,lat_a,lon_a,lat_b,lon_b,distance_km,rtt_avg_ms,suspect\n";
constexpr const char* kGood = "Berlin,Paris,52.52,13.405,48.8566,2.3522,877.5,21.5,0\n";

RttPairs read(const std::string& text) {
  TextSource source(text);
  return read_rtt_pairs(source, "pairs.csv");
}

std::uint64_t count(const RttPairs& pairs, PairFault fault) {
  return pairs.faults[static_cast<std::size_t>(fault)];
}

}  // namespace

TEST_CASE("pairs are read whatever the order of the columns, quotes and line ends") {
  const RttPairs pairs = read(
      "\xEF\xBB\xBFsuspect,note,rtt_avg_ms,distance_km,lat_b,lon_b,lat_a,lon_a,b,a\r\n"
      "0,\"x, y\",21.5,877.5,48.8566,2.3522,52.52,13.405,Paris,\"Berlin \"\"Mitte\"\"\"\r\n"
      "\r\n"
      "1,,0.0,343.9,48.8566,2.3522,51.5074,-0.1278,Paris,London");
  REQUIRE(pairs.pairs.size() == 2);
  CHECK(pairs.first_bad.empty());
  REQUIRE(pairs.cities.size() == 3);
  CHECK(pairs.cities[0].name == "Berlin \"Mitte\"");
  CHECK(pairs.cities[1].name == "Paris");
  CHECK(pairs.pairs[0].rtt_ms == 21.5);
  CHECK(pairs.pairs[0].km == Approx(877.5).margin(1));
  CHECK_FALSE(pairs.pairs[0].is_suspect);
  CHECK(pairs.pairs[1].is_suspect);
  CHECK(pairs.pairs[1].b == 1);
}

TEST_CASE("a row that cannot be right is left out and counted under its reason") {
  struct Case {
    const char* row;
    PairFault fault;
  };
  const Case cases[] = {
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,30", PairFault::bad_row},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,30,0,9", PairFault::bad_row},
      {"\"Berlin,Rome,52.52,13.405,41.9,12.5,1182,30,0", PairFault::bad_row},
      {",Rome,52.52,13.405,41.9,12.5,1182,30,0", PairFault::bad_city},
      {"Berlin,Rome,52.52,13.405,91,12.5,1182,30,0", PairFault::bad_city},
      {"Berlin,Rome,52.52,13.405,nan,12.5,1182,30,0", PairFault::bad_city},
      {"Berlin,Rome,52.52,13.405,41.9,12.5x,1182,30,0", PairFault::bad_city},
      {"Berlin,Rome,52.62,13.405,41.9,12.5,1182,30,0", PairFault::bad_city},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,0,0", PairFault::bad_rtt},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,-3,0", PairFault::bad_rtt},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,inf,0", PairFault::bad_rtt},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,,0", PairFault::bad_rtt},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,99999,0", PairFault::bad_rtt},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,30 ms,0", PairFault::bad_rtt},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1482,30,0", PairFault::bad_distance},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,,30,0", PairFault::bad_distance},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,30,2", PairFault::bad_suspect},
      {"Berlin,Rome,52.52,13.405,41.9,12.5,1182,30,", PairFault::bad_suspect},
      {"Berlin,Berlin,52.52,13.405,52.52,13.405,0,30,0", PairFault::same_city},
      {"Paris,Berlin,48.8566,2.3522,52.52,13.405,877.5,21.5,0", PairFault::repeated},
  };
  for (const Case& one : cases) {
    INFO(one.row);
    const RttPairs pairs = read(std::string(kHeader) + kGood + one.row + "\n");
    CHECK(pairs.pairs.size() == 1);
    CHECK(count(pairs, one.fault) == 1);
    CHECK(std::accumulate(pairs.faults.begin(), pairs.faults.end(), std::uint64_t{0}) == 1);
    REQUIRE(pairs.first_bad.size() == 1);
    CHECK(pairs.first_bad[0].line == 3);
    CHECK_FALSE(pairs.first_bad[0].message.empty());
  }
}

TEST_CASE("a file that is no table of pairs is refused, and says why") {
  const auto refused = [](const std::string& text, const char* why) {
    INFO(text);
    CHECK_THROWS_WITH(read(text), Catch::Contains("pairs.csv") && Catch::Contains(why));
  };
  refused("", "empty");
  refused("\n", "no column 'a'");
  refused("a,b,lat_a,lon_a,lat_b,lon_b,distance_km,rtt_avg_ms\n", "no column 'suspect'");
  refused(std::string("a,") + kHeader, "column a is there twice");
  refused("\"a,b\n", "not a header");
  refused(kHeader, "no usable pair");
  refused(std::string(kHeader) + "x\n", "line 2");
  std::string many = kHeader;
  for (std::size_t i = 0; i <= kPairCitiesMax; ++i) {
    many.append("c").append(std::to_string(i)).append(",hub,10,10,20,20,1544.8,30,0\n");
  }
  refused(many, "more than 1024 cities");
}

TEST_CASE("mangled rows are counted, every one, and never crash") {
  cache::Random random(23);
  const std::string row = kGood;
  for (int round = 0; round < (test::kIsInstrumented ? 750 : 3000); ++round) {
    std::string text = row.substr(0, row.size() - 1);
    for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      constexpr std::string_view kBytes = ",\"-.e09 \x80\0n";
      if (random.below(3) == 0) {
        text.erase(at, 1 + random.below(3));
        if (text.empty()) text.push_back('x');
      } else {
        text[at] = kBytes[random.below(kBytes.size())];
      }
    }
    INFO("round " << round << ": " << text);
    const RttPairs pairs = read(kHeader + text + "\n" + "X,Y,0,0,0,10,1111.95,30,0\n");
    const auto faults = std::accumulate(pairs.faults.begin(), pairs.faults.end(), std::uint64_t{0});
    const bool is_blank = text.find_first_not_of(" ") == std::string::npos;
    REQUIRE(pairs.pairs.size() + faults == (is_blank ? 1U : 2U));
  }
}

}  // namespace edgeward::sim
