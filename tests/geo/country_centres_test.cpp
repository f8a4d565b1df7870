#include "geo/country_centres.hpp"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "geo/mmdb_writer.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

tl::expected<CountryCentres, std::vector<std::string>> read(const std::string& text) {
  std::istringstream stream(text);
  return CountryCentres::read(stream, "countries.csv");
}

}  // namespace

TEST_CASE("a country's centre has its radius for accuracy") {
  const auto centres = read("country,lat,lon,radius_km\nFR,48.86,2.35,392\nDE,50.11,8.68,304\n");
  REQUIRE(centres);
  CHECK(centres->find(*parse_country("DE")) ==
        Location{.point = {.lat_deg = 50.11, .lon_deg = 8.68},
                 .accuracy_km = 304,
                 .country = *parse_country("DE"),
                 .source = LocationSource::country});
  CHECK_FALSE(centres->find(*parse_country("IT")));
  CHECK_FALSE(centres->find(Country::none));
}

TEST_CASE("a table of centres with holes or repetitions is refused") {
  const auto centres = read("country,lat,lon,radius_km\nDE,50,8,\nFR,48,2,1\nFR,48,2,1\n");
  REQUIRE_FALSE(centres);
  REQUIRE(centres.error().size() == 2);
  CHECK_THAT(centres.error()[0], Catch::StartsWith("countries.csv:2: an empty field"));
  CHECK(centres.error()[1] == "countries.csv:4: FR is given twice");
}

TEST_CASE("the derived centre is where most addresses are, the radius holds four fifths of them") {
  // Half of the addresses in Berlin, three eighths in Hamburg (255 km), an eighth in Munich (504).
  const GeoPoint berlin{.lat_deg = 52.52, .lon_deg = 13.40};
  const GeoPoint hamburg{.lat_deg = 53.55, .lon_deg = 9.99};
  const GeoPoint munich{.lat_deg = 48.14, .lon_deg = 11.58};
  const Country germany = *parse_country("DE");
  MmdbContents contents;
  for (const GeoPoint& point : {berlin, hamburg, munich}) {
    contents.records.push_back({.point = point, .country = germany});
  }
  contents.networks = {{.prefix = *IpPrefix::parse("10.0.0.0/25"), .record = 0},
                       {.prefix = *IpPrefix::parse("10.0.1.0/26"), .record = 1},
                       {.prefix = *IpPrefix::parse("10.0.2.0/27"), .record = 1},
                       {.prefix = *IpPrefix::parse("10.0.3.0/27"), .record = 2}};
  const test::TemporaryFolder folder;
  const auto path = folder.write("germany.mmdb", *write_mmdb(contents)).string();
  std::vector<Mmdb> databases;
  databases.push_back(*Mmdb::open(path));
  const auto centres = CountryCentres::derive(databases);
  REQUIRE(centres);
  const auto centre = centres->find(germany);
  REQUIRE(centre);
  CHECK(distance_km(centre->point, berlin) < 0.01);
  CHECK(centre->accuracy_km == 256);
  CHECK(centres->csv() == "country,lat,lon,radius_km\nDE,52.52,13.40,256\n");
}

}  // namespace edgeward::geo
