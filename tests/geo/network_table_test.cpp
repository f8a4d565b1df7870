#include "geo/network_table.hpp"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace edgeward::geo {

namespace {

tl::expected<MmdbContents, std::vector<std::string>> read(const std::string& text) {
  std::istringstream stream(text);
  return read_network_table(stream, "networks.csv");
}

std::vector<std::string> errors_of(const std::string& text) {
  const auto contents = read(text);
  REQUIRE_FALSE(contents);
  return contents.error();
}

}  // namespace

TEST_CASE("a table of networks is read") {
  const auto contents = read(
      "network,lat,lon,country,asn,city\n"
      "192.0.2.0/24,52.5,13.25,DE,64500,\"Berlin, Mitte\"\n"
      "192.0.2.128/25,,,FR,,\n"
      "2001:db8::/32,,,,4294967295,\n");
  INFO((contents ? "" : contents.error().front()));
  REQUIRE(contents);
  REQUIRE(contents->networks.size() == 3);
  CHECK(contents->networks[1].prefix.text() == "192.0.2.128/25");
  CHECK(contents->records[contents->networks[0].record] ==
        MmdbRecord{.point = GeoPoint{.lat_deg = 52.5, .lon_deg = 13.25},
                   .country = *parse_country("DE"),
                   .asn = 64500,
                   .city = "Berlin, Mitte"});
  CHECK(contents->records[contents->networks[2].record] == MmdbRecord{.asn = 4'294'967'295});
}

TEST_CASE("every bad row of a table is told, with file and line") {
  const auto errors = errors_of(
      "network,lat,lon,country,asn,city\n"
      "192.0.2.0/33,1,2,,,\n"
      "192.0.2.0/24,0,0,DE,,\n"
      "192.0.2.0/24,,,,,\n"
      "2002:c000:200::/40,1,2,,,\n"
      "::1/128,1,2,,,\n"
      "192.0.2.0/24,1,2,,4294967296,\n"
      "192.0.2.0/24,1,2,,AS1,\n"
      "192.0.2.0/24,1,2,,," +
      std::string(201, 'x') + "\n");
  const std::vector<std::string> expected{"2: network is",
                                          "3: lat and lon are 0,0",
                                          "4: a network of which nothing is said",
                                          "5: 2002:c000:200::/40 lies where the format",
                                          "6: ::1/128 lies where the format",
                                          "7: asn is '4294967296'",
                                          "8: asn is 'AS1'",
                                          "9: a city of 201 bytes"};
  REQUIRE(errors.size() == expected.size());
  for (std::size_t i = 0; i < errors.size(); ++i) {
    CHECK_THAT(errors[i], Catch::StartsWith("networks.csv:" + expected[i]));
  }
}

TEST_CASE("a network that is given twice is an error that names both lines") {
  const auto errors = errors_of(
      "network,country\n10.0.0.0/8,DE\n10.0.0.0/9,FR\n# so\n::ffff:10.0.0.0/104,FR\n10.0.0.0/8,IT");
  REQUIRE(errors.size() == 2);
  CHECK(errors[0] == "networks.csv:5: 10.0.0.0/8 is given on line 2 already");
  CHECK(errors[1] == "networks.csv:6: 10.0.0.0/8 is given on line 5 already");
}

}  // namespace edgeward::geo
