#include "sim/rtt_lines.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>


namespace edgeward::sim {

namespace {

constexpr geo::GeoPoint kFrankfurt{.lat_deg = 50.11, .lon_deg = 8.68};

/// One edge, fra1; clients are in Berlin, those of 203.0.113.0/24 nowhere.
RttLookUp look_up() {
  return {.site = [](std::string_view edge) -> std::optional<std::uint16_t> {
            if (edge != "fra1") return std::nullopt;
            return std::uint16_t{0};
          },
          .location = [](const geo::IpPrefix& client) -> std::optional<geo::GeoPoint> {
            if (client.text().starts_with("203.0.113.")) return std::nullopt;
            return geo::GeoPoint{.lat_deg = 52.52, .lon_deg = 13.4};
          }};
}

struct Read {
  RttReading reading;
  geo::RttObservations observations{{kFrankfurt}};

  [[nodiscard]] std::uint64_t count(RttLineFault fault) const {
    return reading.faults[static_cast<std::size_t>(fault)];
  }
};

Read read(const std::string& text) {
  Read result;
  TextSource source(text);
  result.reading = read_rtt_observations(source, "rtt", look_up(), result.observations);
  return result;
}

}  // namespace

TEST_CASE("a line of POST /v1/rtt is read, whatever the order of its fields") {
  RttLineParser parser;
  const auto line = parser.parse_json(
      R"({"rtt_ms":12.25,"edge":"fra1","more":[1,{"at":2}],"client":"192.0.2.0/24","at":1700000000.5})");
  REQUIRE(line);
  CHECK(line->at_ms == 1'700'000'000'500);
  CHECK(line->client.text() == "192.0.2.0/24");
  CHECK(line->edge == "fra1");
  CHECK(line->rtt_ms == 12.25);
  CHECK(parser.parse_json(R"({"at":0,"client":"2001:db8::1","edge":"f\u0072a1","rtt_ms":12})")
            ->edge == "fra1");
}

TEST_CASE("a JSON line that is not quite right says what is wrong") {
  struct Case {
    const char* line;
    RttLineFault fault;
  };
  const Case cases[] = {
      {"", RttLineFault::bad_line},
      {"[]", RttLineFault::bad_line},
      {"{", RttLineFault::bad_line},
      {R"({"at":1,"client":"192.0.2.0/24","edge":"fra1"})", RttLineFault::bad_line},
      {R"({"at":1,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":9} x)", RttLineFault::bad_line},
      {R"({"at":1,"at":2,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":9})",
       RttLineFault::bad_line},
      {R"({"at":"1","client":"192.0.2.0/24","edge":"fra1","rtt_ms":9})", RttLineFault::bad_line},
      {R"({"at":1,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":"9"})", RttLineFault::bad_line},
      {R"({"at":1,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":NaN})", RttLineFault::bad_line},
      {R"({"at":1,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":1e999})", RttLineFault::bad_line},
      {R"({"at":1,"client":7,"edge":"fra1","rtt_ms":9})", RttLineFault::bad_line},
      {R"({"at":-1,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":9})", RttLineFault::bad_time},
      {R"({"at":1e300,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":9})", RttLineFault::bad_time},
      {R"({"at":1,"client":"192.0.2.1/24","edge":"fra1","rtt_ms":9})", RttLineFault::bad_client},
      {R"({"at":1,"client":"example.org","edge":"fra1","rtt_ms":9})", RttLineFault::bad_client},
      {R"({"at":1,"client":"192.0.2.0/24","edge":"","rtt_ms":9})", RttLineFault::unknown_edge},
  };
  RttLineParser parser;
  for (const Case& one : cases) {
    INFO(one.line);
    const auto line = parser.parse_json(one.line);
    REQUIRE_FALSE(line);
    CHECK(line.error().fault == one.fault);
    CHECK_FALSE(line.error().message.empty());
  }
}

TEST_CASE("a file's lines are accepted, faulty or rejected, and add up") {
  const Read result = read(
      "{\"at\":1700000000,\"client\":\"192.0.2.7\",\"edge\":\"fra1\",\"rtt_ms\":12}\n"
      "\n"
      "{\"at\":1700000000,\"client\":\"192.0.2.7\",\"edge\":\"ams1\",\"rtt_ms\":12}\n"
      "{\"at\":1700000000,\"client\":\"203.0.113.7\",\"edge\":\"fra1\",\"rtt_ms\":12}\n"
      "{\"at\":1700000000,\"client\":\"192.0.2.7\",\"edge\":\"fra1\",\"rtt_ms\":1}\n"
      "nonsense");
  CHECK(result.reading.lines == 5);
  CHECK(result.reading.accepted == 1);
  CHECK(result.count(RttLineFault::unknown_edge) == 1);
  CHECK(result.count(RttLineFault::no_location) == 1);
  CHECK(result.count(RttLineFault::bad_line) == 1);
  CHECK(result.reading.rejected[static_cast<std::size_t>(geo::RttRejection::faster_than_light)] ==
        1);
  REQUIRE(result.reading.first_bad.size() == 3);
  CHECK(result.reading.first_bad[0].line == 3);
  CHECK(result.reading.first_bad[2].line == 6);
  REQUIRE(result.observations.accepted().size() == 1);
  CHECK(result.observations.accepted()[0].client.text() == "192.0.2.0/24");
}

TEST_CASE("a table is read like JSON lines, with columns in any order") {
  const Read result = read(
      "rtt_ms,edge,x,client,at\r\n"
      "12.5,fra1,\"a,b\",192.0.2.0/24,1700000000\r\n"
      "12.5,\"fra1\",,2001:db8::/32,2023-11-14T22:13:20Z\r\n"
      "12.5,fra1,,192.0.2.0/24\r\n"
      "fast,fra1,,192.0.2.0/24,1700000000\r\n"
      "12.5,fra1,,192.0.2.0/24,yesterday\r\n");
  CHECK(result.reading.lines == 5);
  CHECK(result.reading.accepted == 2);
  CHECK(result.count(RttLineFault::bad_line) == 1);
  CHECK(result.count(RttLineFault::bad_rtt) == 1);
  CHECK(result.count(RttLineFault::bad_time) == 1);
}

TEST_CASE("a file of neither form is refused, an empty one tells nothing") {
  CHECK_THROWS_WITH(read("hello\n"), Catch::Contains("rtt:1") && Catch::Contains("rtt_ms"));
  CHECK_THROWS_AS(read("at,client,edge,rtt_ms,at\n"), InputError);
  CHECK_THROWS_AS(read("\"at,client,edge,rtt_ms\n"), InputError);
  CHECK(read("").reading.lines == 0);
  CHECK(read("\n\n").reading.lines == 0);
}

}  // namespace edgeward::sim
