#include "controller/cache_events.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <numeric>
#include <string>

#include "cache/ids.hpp"

namespace edgeward::controller {

namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;

cache::Fleet fleet() {
  cache::Fleet fleet;
  fleet.edges.push_back({.name = "fra1"});
  fleet.edges.push_back({.name = "ams1"});
  return fleet;
}

EventReading read(std::string_view body) {
  return EventReader().read(body, fleet(), kNowMs);
}

}  // namespace

TEST_CASE("events are read as they are told") {
  const EventReading reading =
      read(R"({"at":1699999990.25,"edge":"ams1","client":"192.0.2.0/24","key":"/a%7e?b",)"
           R"("size_bytes":4096,"hit":true})"
           "\r\n\n"
           R"({"hit":false,"key":"http://CDN.example:80/x/../y","edge":"fra1","more":[1,{}]})");
  REQUIRE(reading.events.size() == 2);
  CHECK(reading.events[0].at_ms == 1'699'999'990'250);
  CHECK(reading.events[0].edge == cache::EdgeId{1});
  CHECK(reading.events[0].content == cache::content_id("/a~?b"));
  CHECK(reading.events[0].size_bytes == 4096);
  CHECK(reading.events[0].is_hit);
  CHECK(reading.events[1].at_ms == kNowMs);
  CHECK(reading.events[1].edge == cache::EdgeId{0});
  CHECK(reading.events[1].content == cache::content_id("cdn.example/y"));
  CHECK(reading.events[1].size_bytes == 0);
  CHECK_FALSE(reading.events[1].is_hit);
}

TEST_CASE("what tells nothing is counted under its reason") {
  const auto fault_of = [](std::string_view line) {
    const EventReading reading = read(line);
    REQUIRE(reading.events.empty());
    REQUIRE(std::accumulate(reading.faults.begin(), reading.faults.end(), std::uint64_t{0}) == 1);
    std::size_t fault = 0;
    while (reading.faults[fault] == 0) ++fault;
    return std::string(name(static_cast<EventFault>(fault)));
  };
  CHECK(fault_of("x") == "bad_line");
  CHECK(fault_of("[]") == "bad_line");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a","hit":true)") == "bad_line");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a","hit":true,"hit":false})") == "bad_line");
  CHECK(fault_of(R"({"key":"/a","hit":true})") == "no_edge");
  CHECK(fault_of(R"({"edge":1,"key":"/a","hit":true})") == "no_edge");
  CHECK(fault_of(R"({"edge":"fra9","key":"/a","hit":true})") == "unknown_edge");
  CHECK(fault_of(R"({"edge":"","key":"/a","hit":true})") == "unknown_edge");
  CHECK(fault_of(R"({"edge":"fra1","hit":true})") == "no_key");
  CHECK(fault_of(R"({"edge":"fra1","key":"","hit":true})") == "no_key");
  CHECK(fault_of(fmt::format(R"({{"edge":"fra1","key":"/{}","hit":true}})",
                             std::string(9000, 'a'))) == "no_key");
  CHECK(fault_of(R"({"at":"now","edge":"fra1","key":"/a","hit":true})") == "bad_time");
  CHECK(fault_of(R"({"at":1700000061,"edge":"fra1","key":"/a","hit":true})") == "bad_time");
  CHECK(fault_of(R"({"at":1699913599,"edge":"fra1","key":"/a","hit":true})") == "bad_time");
  CHECK(fault_of(R"({"at":-1e300,"edge":"fra1","key":"/a","hit":true})") == "bad_time");
  CHECK(fault_of(R"({"edge":"fra1","client":"x","key":"/a","hit":true})") == "bad_client");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a","size_bytes":-1,"hit":true})") == "bad_size");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a","size_bytes":1.5,"hit":true})") == "bad_size");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a","size_bytes":18446744073709551615,"hit":true})") ==
        "bad_size");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a"})") == "no_hit");
  CHECK(fault_of(R"({"edge":"fra1","key":"/a","hit":1})") == "no_hit");
}

TEST_CASE("one bad line among good ones costs itself alone") {
  std::string body;
  for (int i = 0; i < 100; ++i) {
    body += i % 10 == 3 ? "{\"edge\":\"fra1\"\n"
                        : fmt::format("{{\"edge\":\"{}\",\"key\":\"/{}\",\"hit\":{}}}\n",
                                      i % 2 == 0 ? "fra1" : "ams1", i, i % 3 == 0);
  }
  const EventReading reading = read(body);
  CHECK(reading.events.size() == 90);
  CHECK(reading.faults[static_cast<std::size_t>(EventFault::bad_line)] == 10);
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 3) continue;
    REQUIRE(reading.events[at].edge == cache::EdgeId{static_cast<std::uint16_t>(i % 2)});
    REQUIRE(reading.events[at].is_hit == (i % 3 == 0));
    ++at;
  }
}

}  // namespace edgeward::controller
