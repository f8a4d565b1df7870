#include "geo/prefix_overrides_file.hpp"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "geo/csv_reader.hpp"

namespace edgeward::geo {

namespace {

tl::expected<PrefixOverrides, std::vector<std::string>> read(const std::string& text) {
  std::istringstream stream(text);
  return read_prefix_overrides(stream, "own.csv");
}

std::vector<std::string> errors_of(const std::string& text) {
  const auto overrides = read(text);
  REQUIRE_FALSE(overrides);
  return overrides.error();
}

PrefixOverrides overrides_of(const std::string& text) {
  const auto overrides = read(text);
  INFO((overrides ? "" : overrides.error().front()));
  REQUIRE(overrides);
  return *overrides;
}

}  // namespace

TEST_CASE("a row gives a location, a zone, or both") {
  const PrefixOverrides overrides = overrides_of(
      "prefix,lat,lon,country,accuracy_km,edges\n"
      "203.0.113.0/24,52.52,13.40,de,5,\n"
      "2001:db8:5::/48,,,,,fra1|ams1\n"
      "192.0.2.7,-33.9,18.4,,,jnb1 fra1\n");
  REQUIRE(overrides.entries.size() == 3);
  CHECK(overrides.entries[0].prefix == *IpPrefix::parse("203.0.113.0/24"));
  CHECK(overrides.entries[0].location == Location{.point = {.lat_deg = 52.52, .lon_deg = 13.40},
                                                  .accuracy_km = 5,
                                                  .country = *parse_country("DE"),
                                                  .source = LocationSource::override});
  CHECK(overrides.entries[0].zone == PrefixOverrides::kNoZone);
  CHECK(overrides.entries[1].location == Location{});
  CHECK(overrides.zones.at(overrides.entries[1].zone) == std::vector<std::string>{"fra1", "ams1"});
  CHECK(overrides.entries[2].prefix.text() == "192.0.2.7/32");
  CHECK(overrides.entries[2].location.source == LocationSource::override);
  CHECK(overrides.zones.at(overrides.entries[2].zone) == std::vector<std::string>{"jnb1", "fra1"});
}

TEST_CASE("the header decides the columns, comments, blank lines and CRLF do not count") {
  const PrefixOverrides overrides = overrides_of(
      "\xEF\xBB\xBF# ours\r\n\r\n edges , prefix\r\n\"fra1 ams1\",10.0.0.0/8\r\n"
      "  # more\r\nfra1|ams1,11.0.0.0/8");
  REQUIRE(overrides.entries.size() == 2);
  CHECK(overrides.zones.size() == 1);  // the same edges in the same order are one zone
}

TEST_CASE("every bad row is told, with file and line") {
  const auto errors = errors_of(
      "prefix,lat,lon,country,accuracy_km,edges\n"
      "203.0.113.1/24,1,2,,,\n"
      "203.0.113.0/24,91,2,,,\n"
      "203.0.113.0/24,nan,2,,,\n"
      "203.0.113.0/24,1,,,,\n"
      "203.0.113.0/24,,,,,\n"
      "203.0.113.0/24,1,2,Germany,,\n"
      "203.0.113.0/24,1,2,DE,-1,\n"
      "203.0.113.0/24,,,DE,,fra1\n"
      "203.0.113.0/24,,,,,fra1|fra1\n"
      "203.0.113.0/24,1,2\n"
      "::/0,1,2,,,\n"
      "\"203.0.113.0/24,1,2,,,\n"
      "\"203.0.113.0/24\"x,1,2,,,\n"
      "203.0.113.0/24,1e999,2,,,\n");
  REQUIRE(errors.size() == 14);
  const std::vector<std::string> expected{"own.csv:2: prefix is '203.0.113.1/24'",
                                          "own.csv:3: lat is '91'",
                                          "own.csv:4: lat is 'nan'",
                                          "own.csv:5: lat without lon",
                                          "own.csv:6: neither lat and lon nor edges",
                                          "own.csv:7: country is 'Germany'",
                                          "own.csv:8: accuracy_km is '-1'",
                                          "own.csv:9: country or accuracy_km without",
                                          "own.csv:10: names an edge twice",
                                          "own.csv:11: 3 fields, expected 6",
                                          "own.csv:12: '::/0' holds IPv4 as well",
                                          "own.csv:13: a quote is not closed",
                                          "own.csv:14: text after a closing quote",
                                          "own.csv:15: lat is '1e999'"};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    CHECK_THAT(errors[i], Catch::StartsWith(expected[i]));
  }
}

TEST_CASE("a bad header is an error") {
  CHECK_THAT(errors_of("").front(), Catch::Contains("own.csv:1: is empty"));
  CHECK_THAT(errors_of("lat,lon\n").front(), Catch::Contains("no column prefix"));
  CHECK_THAT(errors_of("prefix,lat,lng\n").front(), Catch::Contains("a column 'lng', expected"));
  CHECK_THAT(errors_of("prefix,lat,lon,lat\n").front(), Catch::Contains("the column lat twice"));
  CHECK_THAT(errors_of("203.0.113.0/24,1,2\n").front(), Catch::Contains("no column prefix"));
}

TEST_CASE("a header alone is no error: nothing is overridden") {
  CHECK(overrides_of("prefix,edges\n").entries.empty());
}

TEST_CASE("errors, lines and zones are bounded") {
  std::string many = "prefix,lat,lon\n";
  for (int i = 0; i < 100; ++i) many += "x,1,2\n";
  CHECK(errors_of(many).size() == CsvReader::kErrorsMax);
  const std::string line(CsvReader::kLineBytesMax + 1, 'x');
  CHECK_THAT(errors_of("prefix,lat,lon\n" + line).front(), Catch::Contains("a line of 65537"));
  std::string edges = "a0";
  for (std::size_t i = 1; i <= kZoneEdgesMax; ++i) edges += "|a" + std::to_string(i);
  CHECK_THAT(errors_of("prefix,edges\n10.0.0.0/8," + edges).front(),
             Catch::Contains("65 edges, expected at most 64"));
}

}  // namespace edgeward::geo
